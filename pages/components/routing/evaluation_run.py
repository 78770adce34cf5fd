"""Evaluation on the page: asks a classifier one question after the other, with progress and *Stop*."""

import time
from dataclasses import dataclass, field

import streamlit as st

from chains.classifier.examples import Example
from chains.classifier.local_classifier import LocalClassifier, LocalDecision
from chains.classifier.source_report import Judged
from chains.conversation import configured_classifier, model_category, model_decision, prepare_model_classification
from chains.routes import configured_routes
from pages.components.layout.translation import N_, _, digits
from pages.components.layout.weir_sentences import translated
from pages.components.routing.question_sets import Questions
from pages.components.session.app_services import service
from pages.components.session.model_choice import page_models
from pages.components.session.run_start import start
from weir.access.limits import LimitReachedError
from weir.analysis.metrics import output_of
from weir.config.router_catalogue import DEFAULT_ROUTES
from weir.llm.chain_registry import ModelNotReadyError

OWN, LOCAL, MODEL = N_("My classifier"), N_("Local classifier"), N_("LLM")
ANSWER_TIMEOUT_SECONDS = 60.0
PROGRESS_SECONDS = 0.2
MOST_FAILURES = 3
"""Questions without an answer, one after the other, after which the rest is not asked."""


@dataclass(slots=True)
class EvaluationRun:
    """An evaluation of this tab. It goes on where it was when the page is drawn anew, until it ends or is stopped."""

    name: str
    """Of the question set."""
    by: str
    questions: Questions
    judged: list[Judged] = field(default_factory=list)
    is_live: bool = True
    problem: str = ""
    """Why it ended early, as a sentence."""
    failures: int = 0

    def stop(self) -> None:
        """End it with what has been answered: the callback of *Stop*."""
        self.is_live = False
        self.problem = _("Stopped: these are the figures of {count} of {total} questions.").format(
            count=digits(len(self.judged)), total=digits(len(self.questions))
        )


def classifiers() -> list[str]:
    """Return who can classify into the configured routes."""
    routing = service().models.catalogue.routing
    own = [OWN] if routing.file else []
    return [*own, *([LOCAL] if routing.names == DEFAULT_ROUTES else []), MODEL]


def go_on(run: EvaluationRun) -> None:
    """Ask the questions that are left, with a progress bar and *Stop*."""
    with st.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, text=_("Starting"))
        st.button(_("Stop"), icon=":material/stop_circle:", key="routing_stop", on_click=run.stop)
    local = None if run.by == MODEL else _local(run.by)
    shown = 0.0
    while run.is_live and len(run.judged) < len(run.questions):
        source, example = run.questions[len(run.judged)]
        decision = _ask(run, example) if local is None else local.decide(example.question, example.history)
        if decision is None:
            break
        run.judged.append(Judged(source, example, decision))
        if local is None or time.monotonic() - shown > PROGRESS_SECONDS:
            shown = time.monotonic()
            done, total = len(run.judged), len(run.questions)
            text = _("{count} of {total} questions").format(count=digits(done), total=digits(total))
            bar.progress(done / total, text=text)
    run.is_live = False
    # *Stop* is gone, and what was found is drawn without it.
    st.rerun()


def _local(by: str) -> LocalClassifier:
    return configured_classifier(service().models.catalogue.routing) if by == OWN else LocalClassifier()


def _ask(run: EvaluationRun, example: Example) -> LocalDecision | None:
    """Return where the model sends a question; None, with the problem noted, if it is not to be asked further."""
    routes = configured_routes()
    answered = _("{count} of {total} questions were asked.").format(count=len(run.judged), total=len(run.questions))
    try:
        asked = start(prepare_model_classification(page_models(), example.question, example.history))
    except ModelNotReadyError:
        run.problem = _("No model is ready yet; try again in a moment.")
        return None
    except LimitReachedError as reached:
        run.problem = f"{translated(str(reached))} {answered}"
        return None
    deadline = time.monotonic() + ANSWER_TIMEOUT_SECONDS
    try:
        while not asked.wait(0.1) and time.monotonic() < deadline:
            # Streamlit ends a script, at *Stop* and on leaving the page, only where it reads its state.
            st.session_state.get("routing_stop")
    finally:
        asked.stop()
    category = model_category(output_of(asked.events, "classify"), routes)
    run.failures = run.failures + 1 if category is None else 0
    if run.failures >= MOST_FAILURES:
        many = _("{count} questions one after the other got no answer, so the rest is not asked.")
        run.problem = f"{many.format(count=MOST_FAILURES)} {answered}"
        return None
    return model_decision(category, routes, "", asked.events[-1].elapsed if asked.events else 0.0)
