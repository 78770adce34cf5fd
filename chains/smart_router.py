"""The smart router: classify a question, then stream the answer of the chain that is made for it.

smart_router
├── classify      structured output: a `Classification`
├── calculator    a tool, where a math question has an arithmetic expression
└── math_chain    or code_chain, or general_chain, or the chain of a route of one's own
"""

import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

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
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import Runnable, RunnableConfig, RunnableGenerator
from pydantic import BaseModel, Field

from chains.calculator import answer_line, calculate, confirming_chain, with_result
from chains.route_classification import Classification, DecidedBy, classifier
from chains.routes import DEFAULT_ROUTES, Route, RouteCatalogue, RouteName
from weir.config.router_catalogue import MAX_ROUTES
from weir.llm.attachments import Blocks, with_files
from weir.llm.invalid_answers import WrongServerError
from weir.llm.overrides.direct_sequence import DirectRunnableSequence
from weir.llm.overrides.direct_str_parser import DirectStrOutputParser

ROUTE_EVENT = "route"
"""Name of the custom event with the decision: a `RouteDecision` as JSON."""


def specialist(
    route: Route, model: BaseChatModel, system_prompt: str = "", *, has_files: bool = False
) -> Runnable[dict[str, Any], str]:
    """Return the chain `{"question", "history"} -> str` that answers on a route.

    `system_prompt` is a person's own, after the route's. A question that `has_files` comes as the `message` with them.
    """
    # A message, not a template: a person's prompt may have braces.
    system = SystemMessage("\n\n".join(filter(None, (route.prompt, system_prompt))))
    asked = MessagesPlaceholder("message") if has_files else ("human", "{question}")
    prompt = ChatPromptTemplate.from_messages([system, MessagesPlaceholder("history"), asked])
    return DirectRunnableSequence(prompt, model, DirectStrOutputParser(), name=f"{route}_chain")


def smart_router(
    model: BaseChatModel,
    classify: Runnable[Any, Any] | None = None,
    system_prompt: str = "",
    *,
    routes: RouteCatalogue = DEFAULT_ROUTES,
    models: Mapping[str, BaseChatModel] | None = None,
    threshold: float = 0.0,
    files: Mapping[int, Blocks] | None = None,
) -> Runnable[Any, str]:
    """Return the chain `{"question", "history"} -> str`: it streams, asynchronously only.

    `history` is a list of messages or of `(role, text)` pairs. `classify` takes the place of the model's classifier.
    `system_prompt` is added to the route's. `models` has the models of routes that do not ask `model`. Below
    `threshold` a model's own confidence sends the question to the fallback. `files` are those of the questions, by
    their places in the history, where the question itself is the last. The model that answers gets them; what
    classifies, and the input of the run, have the typed texts alone.
    """
    decide = classify or classifier(model, reasoned=True, routes=routes)
    asked = {route.name: (models or {}).get(route.name, model) for route in routes}
    sent = dict(files or {})
    chains = {route.name: _Chains.of(route, asked[route.name], system_prompt, has_files=bool(sent)) for route in routes}
    answer = _Router(decide, chains, routes, threshold, sent).answer
    # LangChain passes the config to a transform that asks for it; its type does not say so.
    return RunnableGenerator(answer, name="smart_router")  # type: ignore[arg-type]


Share = Annotated[float, Field(ge=0, le=1)]


class RouteDecision(BaseModel):
    """The route of a question, and why. Its bounds are checked, because it is also read from files and from events."""

    route: RouteName
    fallback: bool = False
    """Whether the classification failed, and the question takes the route for that."""
    reason: str = ""
    by: DecidedBy = DecidedBy.MODEL
    confidence: Share | None = None
    """The model's own estimate, from 0 to 1."""
    probabilities: Annotated[dict[RouteName, Share], Field(max_length=MAX_ROUTES)] | None = None
    """Of each route, from the local classifier."""
    abstained: bool = False
    seconds: float = Field(0.0, ge=0, le=1e9)
    """How long the decision took."""


# The answering call would fail with these too. They are raised, where other errors take the fallback.
_NON_RECOVERABLE_ERRORS = (
    ModelAuthenticationError,
    ModelPermissionDeniedError,
    ModelNotFoundError,
    ModelRateLimitError,
    ModelConnectionError,
    ModelTimeoutError,
    TimeoutError,
    WrongServerError,
)


@dataclass(frozen=True, slots=True)
class _Chains:
    """The chains of a route."""

    specialist: Runnable[Any, str]
    confirm: Runnable[Any, str] | None
    """Answers what the calculator has worked out as a whole; None: the route has no calculator."""

    @classmethod
    def of(cls, route: Route, model: BaseChatModel, system_prompt: str, *, has_files: bool) -> "_Chains":
        confirm = confirming_chain(model, f"{route}_chain") if route.has_calculator and not has_files else None
        return cls(specialist(route, model, system_prompt, has_files=has_files), confirm)


class _Router:
    def __init__(
        self,
        classify: Runnable[Any, Any],
        chains: Mapping[str, _Chains],
        routes: RouteCatalogue,
        threshold: float,
        files: Mapping[int, Blocks],
    ) -> None:
        self._classify = classify
        self._chains = chains
        self._routes = routes
        self._threshold = threshold
        self._files = files

    async def answer(self, inputs: AsyncIterator[dict[str, Any]], config: RunnableConfig) -> AsyncIterator[str]:
        async for value in inputs:
            decision = await self._decide(value, config)
            await adispatch_custom_event(ROUTE_EVENT, decision.model_dump(mode="json"), config=config)
            chains = self._chains[decision.route]
            chain = chains.specialist
            if chains.confirm and (found := await calculate(value["question"], config)):
                yield answer_line(found)
                chain = chains.confirm if found.is_whole_question else chain
                value = {**value, "question": with_result(value["question"], found)}
            async for chunk in chain.astream(self._with_files(value) if self._files else value, config):
                yield chunk

    def _with_files(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return the input of the chain that answers, with the files where their questions are."""
        history = list(value.get("history") or ())
        whole = [
            HumanMessage(with_files(text, self._files[place])) if place in self._files else item
            for place, (item, (_, text)) in enumerate(zip(history, _pairs(history), strict=True))
        ]
        asked = HumanMessage(with_files(value["question"], self._files.get(len(history), ())))
        return {**value, "history": whole, "message": [asked]}

    async def _decide(self, value: dict[str, Any], config: RunnableConfig) -> RouteDecision:
        began = time.perf_counter()
        inputs = {"question": value["question"], "history": _pairs(value.get("history") or ())}
        try:
            result = await self._classify.ainvoke(inputs, config)
        except _NON_RECOVERABLE_ERRORS:
            raise
        except Exception as error:
            result = f"The classification failed ({type(error).__name__})."
        seconds = time.perf_counter() - began
        if not isinstance(result, Classification) or self._routes.get(result.category) is None:
            reason = result if isinstance(result, str) else "The classification gave no category."
            return RouteDecision(route=self._routes.fallback.name, fallback=True, reason=reason, seconds=seconds)
        is_uncertain = result.confidence is not None and result.confidence < self._threshold
        return RouteDecision(
            route=self._routes.fallback.name if is_uncertain else result.category,
            reason=result.reason,
            by=result.by,
            confidence=result.confidence,
            probabilities=result.probabilities,
            abstained=result.abstained or is_uncertain,
            seconds=seconds,
        )


def _pairs(history: Iterable[Any]) -> list[tuple[str, str]]:
    """Return messages of either form as `(role, text)`."""
    return [(item.type, item.text) if isinstance(item, BaseMessage) else (item[0], item[1]) for item in history]
