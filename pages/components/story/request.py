"""A story request, and how its run is prepared and started."""

from collections.abc import Callable
from dataclasses import dataclass

from chains.registry import prepare_replay, prepare_story_by_method
from chains.story_chain import Length, Tone
from pages.components.session import run_start
from pages.components.session.model_choice import models_of
from weir.analysis import method_race
from weir.analysis.metrics import run_metrics
from weir.llm.chain_registry import PreparedRun
from weir.llm.provider import ModelOptions
from weir.runs.methods import Method
from weir.runs.run import Run


@dataclass(frozen=True, slots=True)
class StoryRequest:
    """What a person asks for: topic, length, tone, method and model options."""

    topic: str
    length: Length = Length.MEDIUM
    tone: Tone = Tone.WARM
    method: Method = Method.ASTREAM
    options: ModelOptions = ModelOptions()  # noqa: RUF009
    so_far: str = ""
    """The text that the story continues."""
    model: str = ""
    """The model's name in the catalogue; "" is the default one."""
    system_prompt: str = ""
    """A person's own, after that of the chain."""


@dataclass(frozen=True, slots=True)
class PreparedStory:
    """A run that is ready to start: client and chain exist, and nothing has been sent."""

    prepared: PreparedRun
    method: Method
    model: str = ""
    """Name of the model in the catalogue; "" for a replay."""

    def start(self, on_start: Callable[[Run], None] | None = None) -> Run:
        """Start and return the run, after a call of `on_start` with it. Raises LimitReachedError."""
        return run_start.start(
            self.prepared,
            context={"method": self.method.value, "model": self.model},
            method=self.method,
            on_start=on_start,
        )


def prepare(request: StoryRequest) -> PreparedStory:
    """Prepare a story by the model. Raises ModelNotReadyError."""
    prepared = prepare_story_by_method(
        models_of(request.model),
        request.method,
        request.topic,
        request.length,
        request.tone,
        options=request.options,
        so_far=request.so_far,
        system_prompt=request.system_prompt,
    )
    return PreparedStory(prepared, request.method, models_of(request.model).name)


def prepare_recorded(recorded: Run, method: Method) -> PreparedStory:
    """Prepare a replay of a recorded story, with its own timing and without a model."""
    figures = run_metrics(recorded.events)
    prepared = prepare_replay(
        method_race.timed_chunks(recorded),
        method_race.run_input(recorded),
        usage=(figures.tokens_in, figures.tokens_out),
        streaming=method.needs_streaming_model,
    )
    return PreparedStory(prepared, method)
