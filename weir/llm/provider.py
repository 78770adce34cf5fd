"""Provider of a model of the catalogue: at its endpoint, or in the embedded engine once that is ready."""

import asyncio
from dataclasses import replace

import httpx2
from langchain_openai import ChatOpenAI

from weir.config.capabilities import (
    Capabilities,
    keep_capabilities,
    key_of,
    read_capabilities,
    stated_capabilities,
)
from weir.config.model_catalogue import Catalogue, CatalogueModel
from weir.config.settings import Settings
from weir.llm.abortable_client import AbortableConnections
from weir.llm.chat_model import (
    EMBEDDED_MAX_TOKENS_TO_CLASSIFY,
    EMBEDDED_WINDOW,
    AnswerKind,
    Endpoint,
    ModelOptions,
    catalogue_endpoint,
    chat_model,
    embedded_endpoint,
    http_client,
    model_names,
)
from weir.llm.endpoint_health import Health, HealthChecks
from weir.llm.local.engine import LOAD_TIMEOUT_SECONDS, SLOTS, Engine, EnginePhase, EngineState
from weir.llm.local.engine_problem import EngineProblem
from weir.llm.local_servers import FoundModel, find_models
from weir.llm.transport_timing import TransportTiming

__all__ = [
    "LOAD_TIMEOUT_SECONDS",
    "AbortableConnections",
    "AnswerKind",
    "EnginePhase",
    "EngineProblem",
    "EngineState",
    "FoundModel",
    "Health",
    "ModelOptions",
    "ModelProvider",
    "TransportTiming",
]


class UnknownModelError(LookupError):
    """The catalogue has no model of this name. Its text is a sentence for people."""


class _Shared:
    """What the providers of all models share: the HTTP client, the embedded engine and the models they have made."""

    def __init__(self, settings: Settings) -> None:
        self.http: httpx2.AsyncClient = http_client()
        self.models: dict[tuple[Endpoint, ModelOptions], ChatOpenAI] = {}
        embedded = next((model for model in settings.catalogue if model.entry.is_embedded), None)
        self.engine = Engine(embedded.entry.gguf) if embedded else None
        self.health = HealthChecks(self.http)
        self.found: tuple[FoundModel, ...] = ()
        self.added: dict[FoundModel, CatalogueModel] = {}
        self.tried = read_capabilities(settings.data_folder)


class ModelProvider:
    """Creates chat models of one model of the catalogue: at first the default one; `select` has those of the others.

    All of them share their connections and the embedded engine.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        model: CatalogueModel | None = None,
        shared: "_Shared | None" = None,
        is_picked: bool = False,
    ) -> None:
        self._settings = settings
        self.is_picked = is_picked
        """Whether somebody has asked for this model: it then answers on all routes."""
        self._model = model or settings.catalogue.default
        self._shared = shared or _Shared(settings)

    def select(self, name: str | None) -> "ModelProvider":
        """Return the provider of another model; for None or "", of the default one. Raises UnknownModelError."""
        model = self.catalogue.get(name)
        if model is None:
            known = ", ".join(self.catalogue.names)
            raise UnknownModelError(f"There is no model {name!r}. There are {known}.")
        return ModelProvider(self._settings, model=model, shared=self._shared, is_picked=bool(name))

    def choose(self, name: str | None) -> "ModelProvider":
        """Return `select(name)`, or where no file names models the provider of another model of the same endpoint.

        Raises UnknownModelError.
        """
        if self.catalogue.is_file or not name or self.catalogue.get(name) or self._model.entry.is_embedded:
            return self.select(name)
        entry = self._model.entry.model_copy(update={"model": name})
        model = replace(self._model, entry=entry)
        return ModelProvider(self._settings, model=model, shared=self._shared, is_picked=True)

    @property
    def catalogue(self) -> Catalogue:
        """The models that can be selected."""
        return self._settings.catalogue.plus(tuple(self._shared.added.values()))

    @property
    def found(self) -> tuple[FoundModel, ...]:
        """What `discover` has found: models of this machine that are offered, and asked nothing unless added."""
        return self._shared.found

    async def discover(self) -> tuple[FoundModel, ...]:
        """Look once at the usual ports of this machine, where the settings have it, and return what is there."""
        self._shared.found = await find_models(self._settings.discovery_ports)
        return self._shared.found

    def add(self, model: FoundModel) -> str:
        """Let a model that was found be selected until the process ends. Return its name in the catalogue."""
        added = self._shared.added
        if model not in added:
            added[model] = model.entry(self.catalogue.names)
        return added[model].name

    @property
    def name(self) -> str:
        """The model's name in the catalogue."""
        return self._model.name

    @property
    def model(self) -> CatalogueModel:
        """The model, as the catalogue has it."""
        return self._model

    @property
    def capabilities(self) -> Capabilities:
        """What the model can do, as far as that is known: by its file, else by a trial."""
        stated = self.stated_capabilities
        found = None if self._model.entry.is_embedded else self._shared.tried.get(key_of(self._model))
        return stated.or_else(found) if found else stated

    @property
    def stated_capabilities(self) -> Capabilities:
        """What is known of the model without a trial."""
        return stated_capabilities(self._model)

    def keep_capabilities(self, found: Capabilities) -> None:
        """Know from now on what a trial has found out, and keep it in the data folder. Raises OSError."""
        key, tried = key_of(self._model), self._shared.tried
        tried[key] = found.or_else(tried.get(key, Capabilities()))
        keep_capabilities(self._settings.data_folder, {key: found})

    @property
    def model_at_endpoint(self) -> str:
        """The model's name at its endpoint; of the embedded one, that of its file."""
        return self.engine.state.model_name if self.engine else self._model.model

    @property
    def host(self) -> str:
        """Where the model is, as pages show it: a host name, or `embedded`."""
        return "embedded" if self._model.entry.is_embedded else catalogue_endpoint(self._model).host

    @property
    def engine(self) -> Engine | None:
        """The embedded engine; None if the model is at an endpoint."""
        return self._shared.engine if self._model.entry.is_embedded else None

    @property
    def parallel_answers(self) -> int | None:
        """How many answers the embedded engine writes at once; further ones wait. None if it does not answer."""
        return SLOTS if self.engine else None

    @property
    def secrets(self) -> tuple[str, ...]:
        """Strings that must never be shown, logged or recorded, among them the embedded engine's key."""
        engine = self._shared.engine
        return (*self._settings.secrets, *([engine.api_key] if engine else []))

    def start(self) -> None:
        """Start loading the embedded model, if this is it. Returns at once."""
        if self.engine:
            self.engine.start()

    def stop_engine(self) -> None:
        """Stop the embedded engine, if there is one, whichever model this is."""
        if self._shared.engine:
            self._shared.engine.stop()

    @property
    def health(self) -> Health | None:
        """What the newest look at the endpoint has found; None before the first, and of the embedded model."""
        return self._shared.health.newest(self._health_key)

    @property
    def is_health_due(self) -> bool:
        """Whether it is time to call `check_health`."""
        return not self._model.entry.is_embedded and self._shared.health.is_due(self._health_key)

    async def check_health(self) -> Health:
        """Look whether the endpoint answers, takes the key and has the model. Call it on the loop of the runs."""
        if self._model.entry.is_embedded:
            return Health()
        endpoint = catalogue_endpoint(self._model)
        return await self._shared.health.check(self._health_key, endpoint, self._model.missing_key)

    @property
    def _health_key(self) -> str:
        return f"{self._model.name} {self._model.model}"

    async def aclose(self) -> None:
        """Close the connections, on the loop that used them, and stop the embedded engine."""
        await self._shared.http.aclose()
        if self._shared.engine:
            await asyncio.to_thread(self._shared.engine.stop)

    def chat_model(self, *, max_tokens: int | None = None, kind: AnswerKind = AnswerKind.TEXT) -> ChatOpenAI | None:
        """Return the model, or None while the embedded engine is not ready. `max_tokens` bounds one answer."""
        endpoint = self.endpoint()
        if endpoint is None:
            return None
        options = ModelOptions(max_tokens=max_tokens, kind=kind)
        key = (endpoint, options)
        made = self._shared.models
        if key not in made:
            made[key] = chat_model(endpoint, self._settings, self._shared.http, options=options)
        return made[key]

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
        http = self._shared.http
        return chat_model(endpoint, self._settings, http, options=options, connections=connections, timing=timing)

    async def list_models(self) -> tuple[str, ...]:
        """Return the names of the models to choose from.

        They are those of the catalogue. Where no file names them, the configured one comes first, then those that the
        endpoint lists.
        """
        if self.catalogue.is_file:
            return self.catalogue.names
        endpoint = self.endpoint()
        if endpoint is None:
            return ()
        if endpoint.is_embedded:
            return (endpoint.model,)
        try:
            listed = await model_names(endpoint, self._shared.http)
        except Exception:
            listed = ()
        return (endpoint.model, *(name for name in listed if name != endpoint.model))

    def endpoint(self) -> Endpoint | None:
        """Return the endpoint, or None while the embedded engine is not ready. Starts the engine if it is idle."""
        # The only model needs no name: whatever calls one, calls this.
        name = self._model.name if len(self.catalogue) > 1 else ""
        engine = self.engine
        if engine is None:
            return catalogue_endpoint(self._model, name=name)
        return _endpoint(engine.ensure(), name, is_packaged=engine.is_packaged)

    @property
    def routes_locally(self) -> bool:
        """Whether questions are classified on this machine, without a model."""
        routing, router, entry = self.catalogue.routing, self._settings.router, self._model.entry
        if routing.classify_by:
            return routing.classify_by == "local"
        is_weak = entry.is_embedded or self.capabilities.json_schema is False
        return router == "local" or (router == "auto" and is_weak and routing.has_local_classifier)

    @property
    def history_tokens(self) -> int:
        """Tokens of a conversation's history that are sent to the model, at most."""
        bounds = [self._settings.history_tokens, self._model.entry.window]
        if self._model.entry.is_embedded:
            bounds.append(EMBEDDED_WINDOW)
        return min(bound for bound in bounds if bound is not None)

    @property
    def takes_images(self) -> bool:
        """Whether images are sent to the model. Where that is not known they are, and its server may refuse them."""
        return self.capabilities.images is not False

    @property
    def supports_reasons(self) -> bool:
        """Whether the model can be asked for a reason of its classification."""
        return not self._model.entry.is_embedded

    def classifying_model(self) -> ChatOpenAI | None:
        """Return the model for short structured answers, or None while the embedded engine is not ready."""
        bound = EMBEDDED_MAX_TOKENS_TO_CLASSIFY if self._model.entry.is_embedded else None
        return self.chat_model(max_tokens=bound)


def _endpoint(state: EngineState, name: str, *, is_packaged: bool) -> Endpoint | None:
    if state.phase is not EnginePhase.READY or state.url is None or state.api_key is None:
        return None
    return embedded_endpoint(state.url, state.api_key, state.model_name, is_packaged=is_packaged, name=name)
