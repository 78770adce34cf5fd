"""The models that a run has asked, with their tokens and what they cost."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from weir.analysis.usage import Usage
from weir.core.run_event import RunEvent

MAX_NAME = 100
"""Characters of a model's name."""

MODEL_NAMES = ("weir_model", "ls_model_name")
"""Keys of a call's metadata with its model's name: in the catalogue, where that has several, and at the endpoint."""

Cost = Callable[[int | None, int | None, str], float | None]
"""Returns the dollars for tokens in and out of a model; None if they are not known."""


@dataclass(frozen=True, slots=True)
class ModelTokens:
    """The tokens of all calls of one model. None: not known."""

    model: str
    tokens_in: int | None
    tokens_out: int | None


@dataclass(slots=True)
class AskedModels:
    """The models of a run's calls, and the server's count of each call; call by call."""

    _models: dict[str, str] = field(default_factory=dict, init=False)
    """By the run id of the call, in the order of their starts."""
    _usage: dict[str, Usage] = field(default_factory=dict, init=False)

    def begin(self, event: RunEvent) -> None:
        """Read the start of a call."""
        self._models[event.run_id] = model_of(event)

    def count(self, run_id: str, usage: Usage) -> None:
        """Add the server's count of a call."""
        self._usage[run_id] = usage

    @property
    def newest(self) -> str:
        """The model of the newest call; "" if it is not known."""
        return next(reversed(self._models.values()), "")

    def tokens(self, uncounted: Mapping[str, int]) -> tuple[ModelTokens, ...]:
        """Return the tokens of each model; empty where only one was asked.

        `uncounted` has the chunks of the calls that no server has counted, by run id.
        """
        names = dict.fromkeys(self._models.values())
        if len(names) < 2:
            return ()
        counted = []
        for name in names:
            calls = [run_id for run_id, model in self._models.items() if model == name]
            usages = [self._usage[run_id] for run_id in calls if run_id in self._usage]
            read = [usage.input_tokens for usage in usages if usage.input_tokens is not None]
            written = sum(usage.output_tokens or 0 for usage in usages)
            written += sum(uncounted.get(run_id, 0) for run_id in calls)
            counted.append(ModelTokens(name, sum(read) if read else None, written or None))
        return tuple(counted)


def model_of(event: RunEvent) -> str:
    """Return the name of the model that an event's call asks; "" if it is not known."""
    metadata = event.component.metadata
    names = (metadata.get(key) for key in MODEL_NAMES)
    return next((name[:MAX_NAME] for name in names if isinstance(name, str) and name), "")


def cost_of(tokens: Iterable[ModelTokens], cost: Cost) -> float | None:
    """Return the cost of a run's tokens in dollars; None if that of one of its models is not known."""
    costs = [cost(part.tokens_in, part.tokens_out, part.model) for part in tokens]
    known = [value for value in costs if value is not None]
    return sum(known) if len(known) == len(costs) else None
