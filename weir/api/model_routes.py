"""Model route: list the models that can be asked."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from weir.api.api_services import Services
from weir.api.problem_details import ERROR_RESPONSES
from weir.core.redaction import Redactor
from weir.llm.provider import ModelProvider

router = APIRouter(tags=["Models"], responses=ERROR_RESPONSES)


class ModelResponse(BaseModel):
    """A model that can be asked."""

    name: str = Field(description="What `model` of a request names it by")
    model: str = Field(description="Its name at the endpoint")
    host: str = Field(description="Where it is; `embedded` in Weir's own engine")
    is_default: bool
    problem: str = Field(description="What is wrong with its endpoint; empty if nothing is known to be")
    price_in: float | None = Field(description="Dollars for a million tokens that it reads")
    price_out: float | None = Field(description="Dollars for a million tokens that it writes")
    tools: bool | None = Field(description="Whether it can call tools; null is not known")
    json_schema: bool | None = Field(description="Whether its answers can be bound to a schema; null is not known")
    reasoning: bool | None = Field(description="Whether it thinks before it answers; null is not known")
    images: bool | None = Field(description="Whether it takes images; null is not known")

    @classmethod
    def of(cls, models: ModelProvider, problem: str) -> "ModelResponse":
        """Return the description of a provider's model."""
        entry = models.model.entry
        return cls(
            name=models.name,
            model=models.model_at_endpoint,
            host=models.host,
            is_default=models.name == models.catalogue.default.name,
            problem=problem,
            price_in=entry.price_in,
            price_out=entry.price_out,
            **models.capabilities.model_dump(),
        )


@router.get("/models")
def list_models(services: Services) -> list[ModelResponse]:
    """List the models that can be asked, with what was wrong with one when its endpoint was last looked at."""
    models, redactor = services.models, Redactor(services.models.secrets)
    providers = [models.select(name) for name in models.catalogue.names]
    return [
        ModelResponse.of(provider, redactor.redact(provider.health.problem) if provider.health else "")
        for provider in providers
    ]
