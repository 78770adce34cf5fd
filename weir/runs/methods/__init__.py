"""Five ways to run one chain. Each is a short function in a file of its own, which the story page shows as it is.

Each takes the chain, its input, LangChain's config, and `show`, which it calls with whatever comes, as it comes.
"""

import functools
import inspect
from enum import Enum

from weir.runs.methods.with_astream import with_astream
from weir.runs.methods.with_astream_events import with_astream_events
from weir.runs.methods.with_callbacks import with_callbacks
from weir.runs.methods.with_invoke import with_invoke
from weir.runs.methods.with_stream import with_stream


class Method(Enum):
    """A way to run a chain; the value is how it is written in links and records."""

    STREAM = "stream"
    ASTREAM = "astream"
    ASTREAM_EVENTS = "astream_events"
    CALLBACKS = "callbacks"
    INVOKE = "invoke"

    @property
    def label(self) -> str:
        """Its name for people."""
        return "callbacks" if self is Method.CALLBACKS else f"{self.value}()"

    @property
    def effect(self) -> str:
        """What a reader notices of it."""
        return "word by word" if self.streams else "no streaming"

    @property
    def note(self) -> str:
        """What it is, in one sentence."""
        return _NOTES[self]

    @property
    def is_async(self) -> bool:
        """Whether it runs on the background loop; the others take a thread each."""
        return self in (Method.ASTREAM, Method.ASTREAM_EVENTS)

    @property
    def streams(self) -> bool:
        """Whether words can be shown before the last one has been written."""
        return self is not Method.INVOKE

    @property
    def needs_streaming_model(self) -> bool:
        """Whether the model itself has to be told to stream."""
        return self is Method.CALLBACKS

    @property
    @functools.cache
    def code(self) -> str:
        """The source of the function that runs."""
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
    Method.CALLBACKS: "The chain is called once, and a handler hears each token as the model writes it.",
    Method.INVOKE: "No streaming: nothing until the whole story is there. WEIR_TIMEOUT bounds the wait.",
}
