"""What a visitor wants told, and starting it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from chains.registry import prepare_replay, prepare_story
from chains.story_chain import Length, Tone
from pages.components.session import run_start
from pages.components.session.app_services import service
from weir.analysis import method_race
from weir.analysis.metrics import figures
from weir.llm.chain_registry import PreparedRun
from weir.llm.provider import Connection, Line, Options
from weir.runs.methods import Method
from weir.runs.run import Run


@dataclass(frozen=True, slots=True)
class Wish:
    """A story that is wanted."""

    topic: str
    length: Length = Length.MEDIUM
    tone: Tone = Tone.WARM
    method: Method = Method.ASTREAM
    options: Options = Options()  # noqa: RUF009
    so_far: str = ""
    """The text that is to be continued."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A story that is about to be told: all is made, and nothing sent."""

    prepared: PreparedRun
    method: Method

    def start(self, begun: Callable[[Run], None] | None = None) -> Run:
        """Begin it and return its run, after a call of `begun` with it. Raises LimitReachedError."""
        return run_start.start(self.prepared, context={"method": self.method.value}, method=self.method, begun=begun)


def ready(wish: Wish) -> Ready:
    """Make what tells a story. Raises ModelNotReadyError."""
    method = wish.method
    options = replace(wish.options, streaming=True) if method.needs_streaming_model else wish.options
    connection = Connection()
    line = None if method.is_async else Line(connection)
    prepared = prepare_story(
        service().models,
        wish.topic,
        wish.length,
        wish.tone,
        options=options,
        line=line,
        connection=connection,
        so_far=wish.so_far,
    )
    return Ready(prepared, method)


def ready_to_replay(recorded: Run, method: Method) -> Ready:
    """Make what tells a recorded story again, with its own timing and without a model."""
    told = figures(recorded.events)
    prepared = prepare_replay(
        method_race.pieces(recorded),
        method_race.value_of(recorded),
        usage=(told.tokens_in, told.tokens_out),
        streaming=method.needs_streaming_model,
    )
    return Ready(prepared, method)
