"""The smart router: classify a question, then stream the answer of the chain that is made for it.

smart_router
├── classify      structured output: a `Classification`
└── math_chain    or code_chain, or general_chain
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from langchain_core.callbacks import adispatch_custom_event
from langchain_core.exceptions import (
    ModelAuthenticationError,
    ModelConnectionError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import Runnable, RunnableConfig, RunnableGenerator
from pydantic import BaseModel, ConfigDict, Field

ROUTE_EVENT = "route"
"""Name of the custom event that tells the decision: `{"route": "math", "fallback": false, "reason": ""}`."""

_LANGUAGE = "Answer in the language of the question."


@dataclass(frozen=True, slots=True)
class _About:
    label: str
    icon: str
    color: Literal["violet", "blue", "gray"]
    covers: str
    prompt: str


class Route(StrEnum):
    """Where a question can go. Owns its label, its icon and colour, what it is for, and its prompt."""

    MATH = "math"
    CODE = "code"
    GENERAL = "general"

    @property
    def label(self) -> str:
        return _ABOUT[self].label

    @property
    def icon(self) -> str:
        """A Material symbol, as Streamlit writes it."""
        return _ABOUT[self].icon

    @property
    def color(self) -> str:
        """One of the theme's badge colours."""
        return _ABOUT[self].color

    @property
    def covers(self) -> str:
        """What belongs here, told to the classifier."""
        return _ABOUT[self].covers

    @property
    def prompt(self) -> str:
        """The system prompt of the chain that answers."""
        return _ABOUT[self].prompt


_ABOUT = {
    Route.MATH: _About(
        "Math",
        ":material/calculate:",
        "violet",
        "calculations, equations, proofs, statistics, word problems",
        "You are a mathematician. Solve the problem step by step, one step to a line, say why each step holds, "
        f"and give the result at the end. {_LANGUAGE}",
    ),
    Route.CODE: _About(
        "Code",
        ":material/code:",
        "blue",
        "writing, explaining or mending programs, queries, scripts and configuration",
        "You are a senior programmer. Write clean code with comments where they help, in a fenced block that names "
        f"its language, and explain it briefly. {_LANGUAGE}",
    ),
    Route.GENERAL: _About(
        "General",
        ":material/forum:",
        "gray",
        "everything else",
        f"You are a helpful assistant. Answer clearly and informatively. {_LANGUAGE}",
    ),
}


class Classification(BaseModel):
    """The category of a question."""

    model_config = ConfigDict(extra="forbid")

    # A literal, not the enum: it stands in the JSON schema itself, which more servers follow than a reference.
    category: Literal["math", "code", "general"] = Field(description="Category of the question")


CLASSIFY_PROMPT = ChatPromptTemplate.from_messages(
    [
        (
            "system",
            "Classify the question into one category.\n"
            + "\n".join(f"{route}: {route.covers}" for route in Route)
            + '\nAnswer with JSON: {{"category": "…"}}',
        ),
        ("human", "Classify this question: {question}"),
    ]
)


def classifier(model: BaseChatModel) -> Runnable[Any, Any]:
    """Return the chain `{"question"} -> Classification`."""
    # The schema, not the class: the openai client then leaves the answer alone, and its JSON can be seen growing.
    structured = model.with_structured_output(Classification.model_json_schema(), method="json_schema")
    return (CLASSIFY_PROMPT | structured | Classification.model_validate).with_config(run_name="classify")


def specialist(route: Route, model: BaseChatModel) -> Runnable[dict[str, Any], str]:
    """Return the chain `{"question", "history"} -> str` that answers on a route."""
    prompt = ChatPromptTemplate.from_messages(
        [("system", route.prompt), MessagesPlaceholder("history"), ("human", "{question}")]
    )
    return (prompt | model | StrOutputParser()).with_config(run_name=f"{route}_chain")


def smart_router(model: BaseChatModel, classify: Runnable[Any, Any] | None = None) -> Runnable[Any, str]:
    """Return the chain `{"question", "history"} -> str`: it streams, asynchronously only.

    `history` is a list of messages or of `(role, text)` pairs. `classify` takes the model's own classifier's place.
    """
    decide = classify or classifier(model)
    specialists = {route: specialist(route, model) for route in Route}
    # LangChain passes the config to a transform that asks for it; its type does not say so.
    return RunnableGenerator(_Router(decide, specialists).answer, name="smart_router")  # type: ignore[arg-type]


# These hit the answer as surely as they hit the classification: routing on would only hide their cause.
_HOPELESS = (
    ModelAuthenticationError,
    ModelPermissionDeniedError,
    ModelNotFoundError,
    ModelRateLimitError,
    ModelConnectionError,
    ModelTimeoutError,
    TimeoutError,
)


class _Router:
    def __init__(self, classify: Runnable[Any, Any], specialists: Mapping[Route, Runnable[Any, str]]) -> None:
        self._classify = classify
        self._specialists = specialists

    async def answer(self, inputs: AsyncIterator[dict[str, Any]], config: RunnableConfig) -> AsyncIterator[str]:
        async for value in inputs:
            route, reason = await self._decide(value["question"], config)
            decision = {"route": str(route), "fallback": bool(reason), "reason": reason}
            await adispatch_custom_event(ROUTE_EVENT, decision, config=config)
            async for chunk in self._specialists[route].astream(value, config):
                yield chunk

    async def _decide(self, question: str, config: RunnableConfig) -> tuple[Route, str]:
        """Return the route, and why it is a fallback if it is one."""
        try:
            found = await self._classify.ainvoke({"question": question}, config)
        except _HOPELESS:
            raise
        except Exception as error:
            return Route.GENERAL, f"The classification failed ({type(error).__name__})."
        if not isinstance(found, Classification):
            return Route.GENERAL, "The classification gave no category."
        return Route(found.category), ""
