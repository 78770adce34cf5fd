"""What a visitor wants told, and starting it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from chains.registry import prepare_replay, prepare_story
from chains.story_chain import Length, Tone
from pages.components.session import run_start
from pages.components.session.app_services import service
from weir.analysis import method_race
from weir.analysis.metrics import run_metrics
from weir.llm.chain_registry import PreparedRun
from weir.llm.provider import AbortableConnections, ModelOptions, TransportTiming
from weir.runs.methods import Method
from weir.runs.run import Run


@dataclass(frozen=True, slots=True)
class StoryRequest:
    """A story that is wanted."""

    topic: str
    length: Length = Length.MEDIUM
    tone: Tone = Tone.WARM
    method: Method = Method.ASTREAM
    options: ModelOptions = ModelOptions()  # noqa: RUF009
    so_far: str = ""
    """The text that is to be continued."""


@dataclass(frozen=True, slots=True)
class PreparedStory:
    """A story that is about to be told: all is made, and nothing sent."""

    prepared: PreparedRun
    method: Method

    def start(self, begun: Callable[[Run], None] | None = None) -> Run:
        """Begin it and return its run, after a call of `begun` with it. Raises LimitReachedError."""
        return run_start.start(self.prepared, context={"method": self.method.value}, method=self.method, begun=begun)


def prepare(wish: StoryRequest) -> PreparedStory:
    """Make what tells a story. Raises ModelNotReadyError."""
    method = wish.method
    options = replace(wish.options, streaming=True) if method.needs_streaming_model else wish.options
    connection = TransportTiming()
    line = None if method.is_async else AbortableConnections(connection)
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
    return PreparedStory(prepared, method)


def prepare_recorded(recorded: Run, method: Method) -> PreparedStory:
    """Make what tells a recorded story again, with its own timing and without a model."""
    told = run_metrics(recorded.events)
    prepared = prepare_replay(
        method_race.timed_chunks(recorded),
        method_race.run_input(recorded),
        usage=(told.tokens_in, told.tokens_out),
        streaming=method.needs_streaming_model,
    )
    return PreparedStory(prepared, method)
