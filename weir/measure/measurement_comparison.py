"""Two measurements beside each other: what was measured of a model at a concurrency, then and now."""

from collections.abc import Callable
from dataclasses import dataclass

from weir.analysis.metrics_line import dollars, seconds
from weir.measure.measured_figures import BUSY, LevelFigures
from weir.measure.measurement_file import MeasurementFile

NONE = "–"


def short_time(value: float) -> str:
    """`2.4 ms`, `240 ms`, `2.40 s`."""
    if value >= 1:
        return seconds(value)
    return f"{value * 1e3:.0f} ms" if value >= 0.01 else f"{value * 1e3:.1f} ms"


def level_row(level: LevelFigures) -> dict[str, str]:
    """Return the figures of a level as cells of a table, by their heads."""
    first, gap = level.first_token, level.gap
    about = "" if level.is_exact else "~"
    return {
        "Model": level.model,
        "At once": str(level.concurrency),
        "Answers": f"{level.answered} of {level.requests}",
        "First token": short_time(first.median) if first else NONE,
        "95 % below": short_time(first.p95) if first else NONE,
        "Gap": short_time(gap.median) if gap else NONE,
        "95 % of gaps below": short_time(gap.p95) if gap else NONE,
        "Tokens/s each": _rate(level.tokens_per_second, about),
        "Tokens/s in all": _rate(level.total_tokens_per_second, about),
        "Cost": NONE if level.cost is None else dollars(level.cost),
    }


def notes(measured: MeasurementFile) -> list[str]:
    """Return what to know of a measurement besides its figures: errors by reason, and what may mislead."""
    found = [f"{model.name}: {model.problem}" for model in measured.models if model.problem]
    for level in measured.levels:
        at = f"{level.model}, {level.concurrency} at once"
        for error in level.errors:
            detail = f" ({error.detail})" if error.detail else ""
            found.append(f"{at}: {error.count} of {level.requests} failed: {error.reason}{detail}")
        if level.busy >= BUSY:
            found.append(
                f"{at}: Weir itself computed {level.busy:.0%} of the time, so these may be the figures of this machine."
            )
    if any(not level.is_exact for level in measured.levels):
        found.append("~ marks chunks that were counted where the server has not counted tokens.")
    if measured.stopped:
        found.append("It was stopped: these are the figures until then.")
    return found


@dataclass(frozen=True, slots=True)
class ComparedLevel:
    """A level of two measurements; None where one of them has none."""

    before: LevelFigures | None
    after: LevelFigures | None

    @property
    def row(self) -> dict[str, str]:
        """The figures as cells of a table, by their heads."""
        level = self.after or self.before
        assert level is not None
        return {
            "Model": level.model,
            "At once": str(level.concurrency),
            "First token": self._change(lambda one: one.first_token.median if one.first_token else None, _seconds),
            "Gap": self._change(lambda one: one.gap.median if one.gap else None, _seconds),
            "Tokens/s each": self._change(lambda one: one.tokens_per_second, _rate),
            "Tokens/s in all": self._change(lambda one: one.total_tokens_per_second, _rate),
            "Errors": self._change(lambda one: float(one.failed), "{:.0f}".format, with_share=False),
        }

    def _change(
        self,
        read: Callable[[LevelFigures], float | None],
        form: Callable[[float | None], str],
        *,
        with_share: bool = True,
    ) -> str:
        old = read(self.before) if self.before else None
        new = read(self.after) if self.after else None
        if old is None and new is None:
            return NONE
        both = f"{NONE if old is None else form(old)} → {NONE if new is None else form(new)}"
        if not with_share or not old or new is None:
            return both
        return f"{both} ({new / old - 1:+.0%})"


def compare(before: MeasurementFile, after: MeasurementFile) -> list[ComparedLevel]:
    """Return the levels of both, in the order of the newer one; those of the older one alone come last."""
    old = {(level.model, level.concurrency): level for level in before.levels}
    pairs = [ComparedLevel(old.pop((level.model, level.concurrency), None), level) for level in after.levels]
    return [*pairs, *(ComparedLevel(level, None) for level in old.values())]


def comparison_notes(before: MeasurementFile, after: MeasurementFile) -> list[str]:
    """Return what makes two measurements hard to compare, in sentences."""
    found = []
    if before.tokens != after.tokens:
        found.append(f"The answers had {before.tokens:,} tokens then and {after.tokens:,} now.")
    then = {model.name: (model.model, model.host) for model in before.models}
    for model in after.models:
        if model.name in then and then[model.name] != (model.model, model.host):
            was = " at ".join(then[model.name])
            found.append(f"{model.name} was {was} then and is {model.model} at {model.host} now.")
    return found


def _seconds(value: float | None) -> str:
    return NONE if value is None else short_time(value)


def _rate(value: float | None, about: str = "") -> str:
    if value is None:
        return NONE
    return f"{about}{value:,.0f}" if value >= 100 else f"{about}{value:.1f}"
