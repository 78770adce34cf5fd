"""Trials of what a model can do: runs that a visitor begins, or that come before the first run that needs to know."""

from collections.abc import Collection
from typing import Protocol

import streamlit as st

from pages.components.layout.formatting import escape_markdown
from pages.components.layout.translation import N_, _
from pages.components.layout.weir_sentences import translated
from pages.components.session import run_start
from weir.analysis.metrics import run_metrics
from weir.analysis.outcome import outcome
from weir.config.capabilities import Capability
from weir.llm.capability_trial import NAME, prepare_trial
from weir.llm.provider import ModelProvider
from weir.runs.run import Run, Status

_QUESTIONS = {
    Capability.TOOLS: N_(":material/science: Trying once whether **{model}** calls tools: one short request …"),
    Capability.JSON_SCHEMA: N_(
        ":material/science: Trying once whether **{model}** keeps to a JSON Schema: one short request …"
    ),
}
"""What the page says while it waits."""

_TRIALS, _AWAITED = "model_trials", "awaited_trial"


class TrialStoppedError(Exception):
    """The visitor has stopped the trial, and wants no run."""


class Stop(Protocol):
    """The *Stop* button of the page."""

    def enable(self, run: Run) -> None: ...


def begin_trial(models: ModelProvider, asked: Collection[Capability]) -> None:
    """Begin to try a model. Raises LimitReachedError."""
    trials = _trials()

    def note(run: Run) -> None:
        trials[models.name] = run

    run_start.start(prepare_trial(models, asked), name=NAME, on_start=note)


def trial_of(models: ModelProvider) -> Run | None:
    """Return the newest trial of a model in this tab."""
    return _trials().get(models.name)


def trial_problem(trial: Run) -> str:
    """Return why a trial that has ended has found out nothing, in a sentence; "" if it has."""
    return "" if trial.status is Status.DONE else translated(outcome(trial, run_metrics(trial.events)).message)


def needs_trial(models: ModelProvider, capability: Capability) -> bool:
    """Whether a run is to wait until a capability is known. One trial is enough, even if it has failed."""
    trial = trial_of(models)
    return capability in models.capabilities.unknown and (trial is None or trial.status is not Status.FAILED)


def try_before_run(models: ModelProvider, capability: Capability, *, stop: Stop) -> None:
    """Try what a run needs of a model, if that is not known: draw it, wait, and rerun the script at its end.

    The script may end here, so what is to run is kept by the caller. Raises LimitReachedError, and TrialStoppedError if
    the visitor has stopped it.
    """
    if not needs_trial(models, capability):
        return
    trial, awaited = trial_of(models), st.session_state.pop(_AWAITED, None)
    if trial is not None and trial.id == awaited and trial.status is Status.STOPPED:
        raise TrialStoppedError
    if trial is None or not trial.is_live:
        begin_trial(models, (capability,))
        trial = _trials()[models.name]
    st.session_state[_AWAITED] = trial.id
    st.caption(_(_QUESTIONS[capability]).format(model=escape_markdown(models.name)))
    stop.enable(trial)
    for _events in trial.follow(heartbeat=0.1):
        # A call of Streamlit's: it ends the script when the visitor uses a widget, as Stop.
        st.session_state.get("_")
    st.rerun()


def _trials() -> dict[str, Run]:
    trials: dict[str, Run] = st.session_state.setdefault(_TRIALS, {})
    return trials
