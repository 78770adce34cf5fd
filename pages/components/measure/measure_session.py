"""The measurement of a tab: started within the visitor's limits, and stopped when the tab is closed."""

import uuid
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from langchain_core.runnables import Runnable

from pages.components.layout.translation import _, digits
from pages.components.session.app_services import service
from pages.components.session.current_user import current_caller
from pages.components.session.model_choice import models_of
from weir.access.limits import LimitReachedError, RunLimitConfig, start_limited_run
from weir.measure.measurement import Measurement, StartRefusedError
from weir.measure.measurement_file import MeasurementFile
from weir.measure.measurement_plan import MeasurementPlan
from weir.runs.recorder import Recorder
from weir.runs.run import Run
from weir.runs.run_store import MemoryStore

RECORD_SHARE = 0.25
"""Share of the memory for records that a measurement may take. Its runs are not kept in the list of runs."""


class PageMeasurement:
    """A measurement that *Stop* takes for one run. When its tab is gone, and with it the last reference, it stops."""

    def __init__(self, plan: MeasurementPlan) -> None:
        self.id = f"measure-{uuid.uuid4().hex}"
        self._visitor = current_caller().visitor
        providers = {name: models_of(name) for name in plan.models}
        redact = service().redactor.redact
        self.measurement = Measurement(plan, providers, _start_within_limits(), redact=redact)
        self._measuring = service().loop.submit(self.measurement.run())
        weakref.finalize(self, self.measurement.stop)

    @property
    def is_live(self) -> bool:
        """Whether it still asks."""
        return not self._measuring.done()

    @property
    def file(self) -> MeasurementFile:
        """What was measured so far."""
        return self._measuring.result() if self._measuring.done() else self.measurement.file

    def stop(self) -> None:
        """End it now, and keep what was measured."""
        self.measurement.stop()

    def can_stop(self, visitor: str) -> bool:
        """Whether this visitor, a `Caller.visitor`, may stop it."""
        return visitor == self._visitor


@dataclass(slots=True)
class MeasureState:
    """What the measurement of one tab keeps from one script run to the next."""

    current: PageMeasurement | None = None
    earlier: MeasurementFile | None = None
    """The measurement of a file, to compare with."""


def load_measure_state() -> MeasureState:
    """Return the state of this tab's measurement."""
    state: MeasureState = st.session_state.setdefault("measure_state", MeasureState())
    return state


def begin(state: MeasureState, plan: MeasurementPlan) -> None:
    """Begin a measurement; the one before is stopped."""
    if state.current is not None:
        state.current.stop()
    state.current = PageMeasurement(plan)


def possible_concurrency(levels: Sequence[int]) -> list[int]:
    """Return the levels that the limits of live runs leave."""
    config = service().limits.config
    limits = (config.live, config.live_per_address, config.live_per_visitor)
    most = min(limit for limit in limits if limit is not None)
    return [level for level in levels if level <= most]


def limit_problem(plan: MeasurementPlan, config: RunLimitConfig) -> str:
    """Return why the limits refuse a plan, in a sentence; "" if they do not."""
    starts = [limit for limit in (config.starts_per_minute, config.total_starts_per_minute) if limit is not None]
    if starts and plan.requests_in_all > min(starts):
        problem = _("This Weir starts at most {count} runs a minute: choose fewer models or fewer answers at once.")
        return problem.format(count=digits(min(starts)))
    tokens = [limit for limit in (config.tokens_per_day, config.total_tokens_per_day) if limit is not None]
    needed = len(plan.models) * (plan.tokens_in + plan.tokens_out)
    if tokens and needed > min(tokens):
        problem = _("This Weir gives at most {count} tokens a day: choose fewer, or shorter answers.")
        return problem.format(count=digits(min(tokens)))
    return ""


def _start_within_limits() -> Any:
    """Return a function that starts a run of this visitor. It calls nothing of Streamlit: other threads call it."""
    services, caller = service(), current_caller()
    settings = services.settings
    store = MemoryStore(budget=int(settings.record_mb * 1e6 * RECORD_SHARE))
    recorder = Recorder(store, services.loop, grace_seconds=settings.grace_seconds, secrets=services.models.secrets)

    def start(model: Runnable[Any, Any], prompt: str) -> Run:
        try:
            return start_limited_run(
                services.limits, caller, lambda: recorder.start(model, prompt, name="measure", owner=caller.visitor)
            )
        except LimitReachedError as reached:
            raise StartRefusedError(str(reached)) from reached

    return start
