"""What the Events page does: start a run, open and close one, compare two."""

from dataclasses import dataclass, replace

import streamlit as st
from pydantic import ValidationError

from chains.registry import REGISTRY
from pages.components.inspector import chain_form
from pages.components.inspector.inspector_state import InspectorState, RunRequest
from pages.components.layout.input_bar import StopButton
from pages.components.layout.translation import _
from pages.components.layout.weir_sentences import translated
from pages.components.session import run_start
from pages.components.session.model_choice import page_models
from pages.components.session.model_trials import TrialStoppedError, try_before_run
from pages.components.session.recordings import open_recording, samples
from pages.components.session.run_start import PendingRun
from weir.access.limits import LimitReachedError
from weir.llm.chain_registry import ModelNotReadyError, UnsuitableModelError
from weir.runs.graph_options import GraphOptions, GraphOptionsError, configure_run
from weir.runs.run import Run


@dataclass(frozen=True, slots=True)
class StartResult:
    """What came of a request: a run, or what prevents one."""

    run: Run | None = None
    problem: str = ""
    """What is wrong, in a sentence."""
    limit: LimitReachedError | None = None
    waits_for_model: bool = False


def start_run(request: RunRequest, pending: PendingRun) -> StartResult:
    """Start the requested run. Draws nothing and reruns nothing: the page decides on that, by the result."""
    chain = REGISTRY.get(request.chain)
    try:
        value = chain_form.input_of_text(chain, request.text) if request.text else request.value
        inputs = chain.inputs_for(None if request.continues else value, continues=request.continues)
    except ValidationError as error:
        return StartResult(problem=_first_problem(error))
    except ValueError as error:
        return StartResult(
            problem=_("{chain} takes JSON, and this text is not JSON: {error}.").format(chain=chain.name, error=error)
        )
    try:
        prepared = chain.prepare(page_models(), inputs)
        options = GraphOptions.model_validate(request.options)
        configured = configure_run(prepared.runnable, None if request.continues else prepared.inputs, options)
    except ModelNotReadyError:
        return StartResult(waits_for_model=True)
    except (UnsuitableModelError, GraphOptionsError) as error:
        return StartResult(problem=translated(str(error)))
    except ValidationError as error:
        return StartResult(problem=_first_problem(error))
    context = {"page": "events", **({} if request.continues else {"asked": value}), **configured.context}
    if request.origin:
        context["origin"] = request.origin
    elif request.options:
        context["options"] = request.options
    prepared = replace(prepared, runnable=configured.runnable, inputs=configured.value)
    try:
        run = run_start.start(
            prepared, name=chain.name, context=context, config=configured.config, on_start=pending.note
        )
        return StartResult(run)
    except LimitReachedError as reached:
        return StartResult(limit=reached)


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in problem["loc"]) or _("The input")
    return f"{field}: {problem['msg'].lower()}."


def take_request(state: InspectorState, form: RunRequest, text: str) -> RunRequest | None:
    """Return the run to be started now, once: what was typed, else what a button asked for. `form` is the form's."""
    request, state.request = state.request, None
    form_sent, state.form_sent = state.form_sent, False
    if text:
        return replace(form, value=None, text=text)
    return form if form_sent else request


def try_model(state: InspectorState, request: RunRequest, stop: StopButton) -> bool:
    """Have the model tried if the chain needs what is not known of it. Return whether the run can start now."""
    needs = REGISTRY.get(request.chain).needs
    if needs is None:
        return True
    # The script may end while it waits.
    state.request = request
    try:
        try_before_run(page_models(), needs, stop=stop)
    except (LimitReachedError, TrialStoppedError) as reason:
        state.request = None
        limit = reason if isinstance(reason, LimitReachedError) else None
        apply_result(state, request, StartResult(limit=limit))
        return False
    state.request = None
    return True


def apply_result(state: InspectorState, request: RunRequest, result: StartResult) -> None:
    """Show what came of a request. Reruns the script where typed text goes back into the input, drawn by then."""
    if result.run is not None:
        state.show(result.run.id)
        if "checkpoint_id" in request.options:
            st.query_params["with"] = request.origin
    elif result.waits_for_model:
        state.request = request
    elif result.limit is not None:
        run_start.restore_input("events_input", request.text, result.limit)
        if request.text:
            st.rerun()
    else:
        state.problem = result.problem
        if request.text:
            run_start.give_back("events_input", request.text)
            st.rerun()


def send_form(state: InspectorState) -> None:
    """Close the form and run the chain with what it holds."""
    st.session_state.events_form = False
    state.form_sent = True


def run_again(state: InspectorState, chain: str, value: object, options: object) -> None:
    """Run a chain once more with the same input and options."""
    state.request = RunRequest(chain, value, options=options if isinstance(options, dict) else {})


def start_now(state: InspectorState, request: RunRequest) -> None:
    """Have the whole page start a run: a click within a fragment would draw only that anew."""
    state.request = request
    st.rerun()


def open_sample(state: InspectorState, name: str) -> None:
    """Show a recording that comes with Weir."""
    state.show(open_recording(samples()[name][1]).id)


def compare() -> None:
    """Compare the run with the one that the select box names."""
    run_id = st.session_state.events_other
    if run_id in samples():
        run_id = open_recording(samples()[run_id][1]).id
    if run_id is None:
        end_comparison()
    else:
        st.query_params["with"] = run_id


def end_comparison() -> None:
    """Compare with no run."""
    st.session_state.events_other = None
    st.query_params.pop("with", None)
