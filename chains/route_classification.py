"""Classification of a question into a route: by a model, by the local classifier, or by a person."""

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import SystemMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda
from pydantic import BaseModel, Field, create_model

from chains.classifier.local_classifier import LocalClassifier
from chains.routes import DEFAULT_ROUTES, RouteCatalogue
from weir.llm.overrides.json_parser import with_json_schema


class DecidedBy(StrEnum):
    """What decided on a route."""

    MODEL = "model"
    LOCAL = "local"
    PERSON = "person"


class Classification(BaseModel):
    """The category of a question, with the reason where there is one."""

    category: str = Field(description="Category of the question")
    reason: str = Field("", max_length=300, description="Why, in at most twelve words")
    confidence: float | None = Field(None, ge=0, le=1, description="How certain you are, from 0 to 1")
    by: DecidedBy = DecidedBy.MODEL
    probabilities: dict[str, float] | None = None
    """Of each route, calibrated, from the local classifier. A model's own confidence is not calibrated."""
    abstained: bool = False
    """Whether the classifier was too uncertain, and the question takes the route for that."""


@functools.cache
def _classification(names: tuple[str, ...]) -> type[Classification]:
    """Return the model of a classification into these categories.

    A literal, not an enum: it is written into the JSON schema itself, which more servers follow than a reference.
    """
    category: Any = (Literal[names], Field(description="Category of the question"))
    return create_model("Classification", __base__=Classification, category=category)


_SHORT = ("category",)
_REASONED = ("category", "reason", "confidence")


def _schema(form: type[Classification], fields: tuple[str, ...]) -> dict[str, Any]:
    """Return the JSON Schema of the fields that the model is to write."""
    properties = form.model_json_schema()["properties"]
    requested = {name: {key: item for key, item in properties[name].items() if key != "default"} for name in fields}
    if "confidence" in requested:
        requested["confidence"] = {"type": "number", "description": requested["confidence"]["description"]}
    requested.get("reason", {}).pop("maxLength", None)
    return {
        "title": "Classification",
        "description": "Where a question goes",
        "type": "object",
        "properties": requested,
        "required": list(fields),
        "additionalProperties": False,
    }


_SHORT_FORM = '{"category": "…"}'
_REASONED_FORM = '{"category": "…", "reason": "…", "confidence": 0.9}'


def classify_prompt(routes: RouteCatalogue, *, reasoned: bool) -> ChatPromptTemplate:
    """Return the prompt `{"question", "earlier"}` by which a model classifies."""
    system = (
        "Classify the question into one category.\n"
        + "\n".join(f"{route}: {route.covers}" for route in routes)
        + "\nA question that goes on from the earlier ones belongs where they belong."
        + f"\nAnswer with JSON: {_REASONED_FORM if reasoned else _SHORT_FORM}"
    )
    # A message, not a template: what is written of a route may have braces.
    return ChatPromptTemplate.from_messages(
        [SystemMessage(system), ("human", "{earlier}Classify this question: {question}")]
    )


CLASSIFYING_THREADS = 2
"""Questions that are classified at the same time on this machine; others wait."""

MAX_EARLIER_QUESTIONS = 3
"""Earlier questions in the classifier's prompt."""


def _with_earlier(value: dict[str, Any]) -> dict[str, str]:
    questions = [text for role, text in value.get("history") or () if role == "human"][-MAX_EARLIER_QUESTIONS:]
    earlier = "".join(f"Earlier question: {text[:500]}\n" for text in questions)
    return {"question": value["question"], "earlier": earlier}


def classifier(
    model: BaseChatModel, *, reasoned: bool = False, routes: RouteCatalogue = DEFAULT_ROUTES
) -> Runnable[Any, Any]:
    """Return the chain `{"question", "history"} -> Classification` that asks a model.

    `reasoned` asks for a reason and a confidence as well, which takes a capable model.
    """
    form, prompt = _classification(routes.names), classify_prompt(routes, reasoned=reasoned)
    # The schema, not the class: the openai client then leaves the answer alone, and its JSON can be seen growing.
    structured = with_json_schema(model, _schema(form, _REASONED if reasoned else _SHORT))
    return (_with_earlier | prompt | structured | form.model_validate).with_config(run_name="classify")


@functools.cache
def _classification_threads() -> ThreadPoolExecutor:
    """Return the thread pool for classification: a long question must not block the event loop of all runs."""
    return ThreadPoolExecutor(CLASSIFYING_THREADS, thread_name_prefix="classify")


def local_classifier(local: LocalClassifier) -> Runnable[Any, Any]:
    """Return the chain `{"question", "history"} -> Classification` that needs no model."""

    async def classify(value: dict[str, Any]) -> Classification:
        decide = functools.partial(local.decide, value["question"], value.get("history") or ())
        decision = await asyncio.get_running_loop().run_in_executor(_classification_threads(), decide)
        return Classification(
            category=decision.category,
            reason=decision.reason[:300],
            by=DecidedBy.LOCAL,
            probabilities=dict(decision.probabilities),
            abstained=decision.abstained,
        )

    return RunnableLambda(classify, name="classify")


def fixed_route(route: str) -> Runnable[Any, Any]:
    """Return the chain that gives a route which a person has chosen, in place of a classification."""

    async def choose(_: Any) -> Classification:
        return Classification(category=route, reason="You chose it.", by=DecidedBy.PERSON)

    return RunnableLambda(choose, name="choose")
