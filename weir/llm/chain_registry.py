"""Registry of the chains that can be run by name; pages, the API and the `weir` command share it."""

import functools
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import BaseModel, RootModel

from weir.config.capabilities import Capability
from weir.config.user_chains import ChainImportError, check_importable_in_app, import_runnable
from weir.llm.abortable_client import AbortableConnections
from weir.llm.provider import ModelProvider
from weir.llm.replay_model import ReplayAbort
from weir.llm.transport_timing import TransportTiming

_LOG = logging.getLogger(__name__)


class ModelNotReadyError(Exception):
    """No model can answer now."""

    message = "No model can answer yet: the embedded one is still loading or could not start, and no other is set."


class UnsuitableModelError(Exception):
    """The chain cannot run on the model that answers. Its text is a sentence for people."""


class UnknownChainError(LookupError):
    """No chain has the requested name."""

    message = "There is no chain of this name."


@dataclass(frozen=True, slots=True)
class PreparedRun:
    """A Runnable and the input to run it with."""

    runnable: Runnable[Any, Any]
    inputs: Any
    context: dict[str, Any] = field(default_factory=dict)
    """What pages need to show the run again from a link."""
    connections: AbortableConnections | ReplayAbort | None = None
    """The connections of a synchronous run, by which it can be aborted."""
    timing: TransportTiming | None = None
    """Records when the request was sent and when the connection closed."""
    config: RunnableConfig = field(default_factory=RunnableConfig)
    """LangChain's config of the run."""


@dataclass(frozen=True, slots=True)
class ChatInput:
    """A conversation that a chat client sends, for a chain that takes one."""

    question: str
    """The last message, which is the person's."""
    history: tuple[tuple[str, str], ...] = ()
    """The messages before it, oldest first, as `(role, text)`: human or ai."""
    system: str = ""
    """The texts of the system messages."""

    @property
    def messages(self) -> list[tuple[str, str]]:
        """All messages, as LangChain takes them."""
        system = [("system", self.system)] if self.system else []
        return [*system, *self.history, ("human", self.question)]


@dataclass(frozen=True, slots=True)
class ChainSpec:
    """A chain of the registry: its name, the model of its input, and how it is prepared for a run."""

    name: str
    description: str
    input_model: type[BaseModel]
    prepare: Callable[[ModelProvider, Any], PreparedRun]
    """Called with the model provider and a validated input. Raises ModelNotReadyError or UnsuitableModelError."""
    chat: Callable[[ChatInput], Any] | None = None
    """Returns the input for a conversation; None where the chain takes none, as does the absence of `chat`."""
    needs: Capability | None = None
    """What the model must be able to do. Where that is not known, pages have it tried before the first run."""
    unsuitable: Callable[[ModelProvider], str] = lambda _: ""
    """Returns why the chain cannot run on a model, in a sentence; "" if nothing is known against it."""

    @property
    def takes_chat(self) -> bool:
        """Whether a chat client can ask it."""
        return self.chat is not None and self.chat(ChatInput("?")) is not None

    def inputs_for(self, value: Any, *, continues: bool = False) -> BaseModel:
        """Return the validated input. A run that goes on with a thread may have none: it gets the defaults.

        Raises ValidationError.
        """
        return self.input_model.model_validate({} if continues and value is None else value)


class ChainRegistry:
    """Chains by name, in the order in which they are shown: the built-in ones, then the user's own.

    `user_chains` returns `(name, "package.module:attribute")` pairs. It is called at the first use of the registry, and
    not before: it reads settings, which may be invalid, and the import of these chains may take seconds.
    """

    def __init__(self, built_in: Sequence[ChainSpec], user_chains: Callable[[], Sequence[tuple[str, str]]]) -> None:
        self._built_in = tuple(built_in)
        self._user_chains = user_chains
        self._lock = threading.Lock()
        self._loaded: tuple[tuple[ChainSpec, ...], tuple[str, ...]] | None = None

    def __iter__(self) -> Iterator[ChainSpec]:
        return iter((*self._built_in, *self._load()[0]))

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each of the user's chains that cannot be imported."""
        return self._load()[1]

    def get(self, name: str) -> ChainSpec:
        """Return the chain of that name. Raises UnknownChainError."""
        for chain in self:
            if chain.name == name:
                return chain
        raise UnknownChainError(name)

    def reload(self) -> None:
        """Import the user's chains again at the next use."""
        with self._lock:
            self._loaded = None

    def _load(self) -> tuple[tuple[ChainSpec, ...], tuple[str, ...]]:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._import_user_chains()
            return self._loaded

    def _import_user_chains(self) -> tuple[tuple[ChainSpec, ...], tuple[str, ...]]:
        taken = {chain.name for chain in self._built_in}
        chains, problems = [], []
        for name, path in self._user_chains():
            if name in taken:
                problems.append(f"WEIR_CHAINS: {name} is the name of a built-in chain; choose another name.")
                continue
            try:
                check_importable_in_app(path)
                chains.append(spec_of_runnable(name, path, import_runnable(path)))
            except ChainImportError as error:
                problems.append(f"WEIR_CHAINS: {error} Correct it, then start Weir again.")
        return tuple(chains), tuple(problems)


def spec_of_runnable(name: str, path: str, runnable: Runnable[Any, Any]) -> ChainSpec:
    """Return the spec of a user's Runnable that was imported from `path`. The Runnable validates its input itself."""

    @functools.cache
    def json_schema() -> dict[str, Any]:
        try:
            return runnable.get_input_jsonschema()
        except Exception as error:
            # Before Python 3.12 pydantic refuses `typing.TypedDict`, which many graphs have as their state.
            _LOG.warning("the input of %s has no JSON Schema, so its form is JSON: %s", path, type(error).__name__)
            return {}

    class AnyInput(RootModel[Any]):
        @classmethod
        def model_json_schema(cls, *_: Any, **__: Any) -> dict[str, Any]:
            return json_schema()

    return ChainSpec(
        name,
        f"From {path}.",
        AnyInput,
        lambda _, inputs: PreparedRun(runnable, inputs.root),
        chat=lambda chat: _input_by_schema(json_schema(), chat),
    )


def _input_by_schema(schema: dict[str, Any], chat: ChatInput) -> Any:
    """Return a conversation as the input that a schema describes; None if it describes none.

    That is an object with `messages`, or with one required text; or a text.
    """
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return chat.question if schema.get("type") == "string" else None
    if "messages" in properties:
        return {"messages": chat.messages}
    required = [name for name in schema.get("required", ()) if name in properties]
    is_text = len(required) == 1 and properties[required[0]].get("type") == "string"
    return {required[0]: chat.question} if is_text else None
