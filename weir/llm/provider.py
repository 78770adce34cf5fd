"""Provider of the model that answers: of the configured endpoint, or of the embedded engine once it is ready."""

import asyncio

import httpx2
from langchain_openai import ChatOpenAI

from weir.config.settings import Settings
from weir.llm.abortable_client import AbortableConnections
from weir.llm.chat_model import (
    EMBEDDED_MAX_TOKENS_TO_CLASSIFY,
    EMBEDDED_WINDOW,
    AnswerKind,
    Endpoint,
    ModelOptions,
    chat_model,
    configured_endpoint,
    embedded_endpoint,
    http_client,
    model_names,
)
from weir.llm.local.engine import LOAD_TIMEOUT_SECONDS, SLOTS, Engine, EnginePhase, EngineState
from weir.llm.local.engine_problem import EngineProblem
from weir.llm.transport_timing import TransportTiming

__all__ = [
    "LOAD_TIMEOUT_SECONDS",
    "AbortableConnections",
    "AnswerKind",
    "EnginePhase",
    "EngineProblem",
    "EngineState",
    "ModelOptions",
    "ModelProvider",
    "TransportTiming",
]


class ModelProvider:
    """Creates chat models of the endpoint that the settings name, or of the embedded engine. Owns their connections."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._http: httpx2.AsyncClient = http_client()
        self._models: dict[tuple[Endpoint, ModelOptions], ChatOpenAI] = {}
        self._configured = None if settings.uses_embedded_model else configured_endpoint(settings)
        self._engine = Engine(settings.local_model) if self._configured is None else None

    @property
    def engine(self) -> Engine | None:
        """The embedded engine; None if an endpoint is configured."""
        return self._engine

    @property
    def parallel_answers(self) -> int | None:
        """How many answers the embedded engine writes at once; further ones wait. None if an endpoint is configured."""
        return SLOTS if self._engine else None

    @property
    def secrets(self) -> tuple[str, ...]:
        """Strings that must never be shown, logged or recorded, among them the embedded engine's key."""
        return (*self._settings.secrets, *([self._engine.api_key] if self._engine else []))

    def start(self) -> None:
        """Start loading the embedded model, if no endpoint is configured. Returns at once."""
        if self._engine:
            self._engine.start()

    async def aclose(self) -> None:
        """Close the connections, on the loop that used them, and stop the embedded engine."""
        await self._http.aclose()
        if self._engine:
            await asyncio.to_thread(self._engine.stop)

    def chat_model(self, *, max_tokens: int | None = None, kind: AnswerKind = AnswerKind.TEXT) -> ChatOpenAI | None:
        """Return the model, or None while the embedded engine is not ready. `max_tokens` bounds one answer."""
        endpoint = self.endpoint()
        if endpoint is None:
            return None
        options = ModelOptions(max_tokens=max_tokens, kind=kind)
        key = (endpoint, options)
        if key not in self._models:
            self._models[key] = chat_model(endpoint, self._settings, self._http, options=options)
        return self._models[key]

    def create_model(
        self,
        options: ModelOptions,
        connections: AbortableConnections | None = None,
        timing: TransportTiming | None = None,
    ) -> ChatOpenAI | None:
        """Return a new model for one run, or None while the embedded engine is not ready."""
        endpoint = self.endpoint()
        if endpoint is None:
            return None
        return chat_model(endpoint, self._settings, self._http, options=options, connections=connections, timing=timing)

    async def list_models(self) -> tuple[str, ...]:
        """Return the names of the models to choose from: the configured one, then those that the endpoint lists."""
        endpoint = self.endpoint()
        if endpoint is None:
            return ()
        if endpoint.is_embedded:
            return (endpoint.model,)
        try:
            listed = await model_names(endpoint, self._http)
        except Exception:
            listed = ()
        return (endpoint.model, *(name for name in listed if name != endpoint.model))

    def endpoint(self) -> Endpoint | None:
        """Return the endpoint, or None while the embedded engine is not ready. Starts the engine if it is idle."""
        if self._configured:
            return self._configured
        assert self._engine is not None
        return _endpoint(self._engine.ensure(), is_packaged=self._engine.is_packaged)

    @property
    def routes_locally(self) -> bool:
        """Whether questions are classified on this machine, without a model."""
        router = self._settings.router
        return router == "local" or (router == "auto" and self._configured is None)

    @property
    def history_tokens(self) -> int:
        """Tokens of a conversation's history that are sent to the model, at most."""
        return (
            min(self._settings.history_tokens, EMBEDDED_WINDOW)
            if self._configured is None
            else self._settings.history_tokens
        )

    @property
    def supports_reasons(self) -> bool:
        """Whether the model can be asked for a reason of its classification."""
        return self._configured is not None

    def classifying_model(self) -> ChatOpenAI | None:
        """Return the model for short structured answers, or None while the embedded engine is not ready."""
        embedded = self._configured is None
        return self.chat_model(max_tokens=EMBEDDED_MAX_TOKENS_TO_CLASSIFY if embedded else None)


def _endpoint(state: EngineState, *, is_packaged: bool) -> Endpoint | None:
    if state.phase is not EnginePhase.READY or state.url is None or state.api_key is None:
        return None
    return embedded_endpoint(state.url, state.api_key, state.model_name, is_packaged=is_packaged)
