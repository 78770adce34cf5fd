"""Methods: the five ways to run a chain (`stream`, `astream`, `astream_events`, callbacks, `invoke`), a function each.

Each function takes the chain, its input, LangChain's config, and `show`, which it calls with each chunk as it arrives.
The story page shows the source of these functions as it is here, so names and docstrings are written for its readers.
"""

import functools
import inspect
from collections.abc import Callable
from contextlib import aclosing
from enum import Enum
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import Runnable, RunnableConfig


def with_stream(chain: Runnable[Any, Any], value: Any, config: RunnableConfig, show: Callable[[Any], None]) -> None:
    """Take each chunk as it arrives, in a plain loop."""
    for chunk in chain.stream(value, config):
        show(chunk)


async def with_astream(
    chain: Runnable[Any, Any], value: Any, config: RunnableConfig, show: Callable[[Any], None]
) -> None:
    """Take each chunk as it arrives; other tasks run in the meantime."""
    async with aclosing(chain.astream(value, config)) as chunks:  # type: ignore[type-var]
        async for chunk in chunks:
            show(chunk)


async def with_astream_events(
    chain: Runnable[Any, Any], value: Any, config: RunnableConfig, show: Callable[[Any], None]
) -> None:
    """Take what each step of the chain reports. The text is in the on_chain_stream events without parents."""
    async with aclosing(chain.astream_events(value, config, version="v2")) as events:  # type: ignore[type-var]
        async for event in events:
            show(event)


def with_callbacks(chain: Runnable[Any, Any], value: Any, config: RunnableConfig, show: Callable[[Any], None]) -> None:
    """Call the chain once; a handler gets each token. The model must be created with streaming=True."""

    class Tokens(BaseCallbackHandler):
        def on_llm_new_token(self, token: Any, **_: Any) -> None:
            show(token)

    chain.with_config(callbacks=[Tokens()]).invoke(value, config)


def with_invoke(chain: Runnable[Any, Any], value: Any, config: RunnableConfig, show: Callable[[Any], None]) -> None:
    """Wait for the whole answer, then show it at once."""
    show(chain.invoke(value, config))


class Method(Enum):
    """A way to run a chain. The value is its name in links and recordings."""

    STREAM = "stream"
    ASTREAM = "astream"
    ASTREAM_EVENTS = "astream_events"
    CALLBACKS = "callbacks"
    INVOKE = "invoke"

    @property
    def label(self) -> str:
        """Name for people."""
        return "callbacks" if self is Method.CALLBACKS else f"{self.value}()"

    @property
    def effect(self) -> str:
        """What a reader of the answer notices."""
        return "word by word" if self.streams else "no streaming"

    @property
    def note(self) -> str:
        """Description in one or two sentences, for people."""
        return _NOTES[self]

    @property
    def is_async(self) -> bool:
        """Whether it runs on the background loop. Each run of the other methods takes a thread."""
        return self in (Method.ASTREAM, Method.ASTREAM_EVENTS)

    @property
    def streams(self) -> bool:
        """Whether text can be shown before the last word is written."""
        return self is not Method.INVOKE

    @property
    def needs_streaming_model(self) -> bool:
        """Whether the model has to be created with `streaming=True`."""
        return self is Method.CALLBACKS

    @property
    @functools.cache
    def code(self) -> str:
        """Source of the function that runs the chain."""
        functions = {
            Method.STREAM: with_stream,
            Method.ASTREAM: with_astream,
            Method.ASTREAM_EVENTS: with_astream_events,
            Method.CALLBACKS: with_callbacks,
            Method.INVOKE: with_invoke,
        }
        return inspect.getsource(functions[self])


_NOTES = {
    Method.STREAM: "A plain loop over the chunks. It takes a thread for as long as it runs.",
    Method.ASTREAM: "The same loop with async: many stories share one thread. Weir uses it everywhere else.",
    Method.ASTREAM_EVENTS: "Async, and every step inside the chain reports as well, through a queue of its own.",
    Method.CALLBACKS: "The chain is called once, and a handler gets each token as the model writes it.",
    Method.INVOKE: "No streaming: nothing until the whole story is there. WEIR_TIMEOUT bounds the wait.",
}
