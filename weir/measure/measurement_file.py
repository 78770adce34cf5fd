"""File of a measurement: what was measured as JSON, and the same read again, from whomever it comes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from weir import __version__
from weir.llm.provider import ModelProvider
from weir.measure.measured_figures import LevelFigures, Name
from weir.measure.measurement_plan import MeasurementPlan

FORMAT = "weir-measurement"
MEDIA_TYPE = "application/json"
MAX_BYTES = 2_000_000


class MeasurementFileError(ValueError):
    """The file holds no measurement. Its text says why, for people."""


class MeasuredModel(BaseModel):
    """A model that was measured, and why it was not measured to the end."""

    model_config = ConfigDict(frozen=True)

    name: Name
    model: Name
    """Its name at its endpoint."""
    host: Name
    problem: Annotated[str, Field(max_length=1_000)] = ""


class MeasurementFile(BaseModel):
    """What was measured, and how."""

    model_config = ConfigDict(frozen=True)

    format: Literal["weir-measurement"] = "weir-measurement"
    version: Literal[1] = 1
    weir: Name = ""
    """The version of Weir."""
    at: datetime
    tokens: Annotated[int, Field(ge=1, le=10**9)]
    requests: Annotated[int, Field(ge=1, le=10**9)]
    stopped: bool = False
    """Whether it was stopped before its end."""
    models: Annotated[tuple[MeasuredModel, ...], Field(max_length=1_000)]
    levels: Annotated[tuple[LevelFigures, ...], Field(max_length=10_000)]

    @property
    def failed(self) -> bool:
        """Whether a request has failed, or a model was not measured to the end."""
        return any(level.failed for level in self.levels) or any(model.problem for model in self.models)

    @property
    def file_name(self) -> str:
        """A name for the file."""
        return f"weir-measure-{self.at.astimezone(UTC):%Y-%m-%dT%H%M%S}.json"

    def to_json(self) -> str:
        """Return the content of the file."""
        return self.model_dump_json(indent=2, exclude_none=True) + "\n"


def measurement_file(
    plan: MeasurementPlan,
    models: Mapping[str, ModelProvider],
    began: float,
    levels: Sequence[LevelFigures],
    problems: dict[str, str],
    *,
    stopped: bool,
) -> MeasurementFile:
    """Return what was measured as it is kept. `problems` are by the models' names."""
    return MeasurementFile(
        weir=__version__,
        at=datetime.fromtimestamp(round(began), UTC),
        tokens=plan.tokens,
        requests=plan.requests,
        stopped=stopped,
        models=tuple(
            MeasuredModel(
                name=name,
                model=models[name].model_at_endpoint[:200],
                host=models[name].host[:200],
                problem=problems.get(name, "")[:1_000],
            )
            for name in plan.models
        ),
        levels=tuple(levels),
    )


def read_measurement(content: bytes) -> MeasurementFile:
    """Return the measurement of a file. Raises MeasurementFileError."""
    if len(content) > MAX_BYTES:
        raise MeasurementFileError("This file is larger than a measurement can be.")
    try:
        return MeasurementFile.model_validate_json(content)
    except ValidationError as error:
        problem: Any = error.errors(include_url=False, include_input=False)[0]
        if problem["type"] == "json_invalid":
            raise MeasurementFileError("This file is not JSON.") from None
        field = ".".join(map(str, problem["loc"])) or "the file"
        raise MeasurementFileError(
            f"This file is no measurement of `weir measure`: {field}: {problem['msg']}."
        ) from None
