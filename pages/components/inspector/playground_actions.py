"""What the playground of a model call does: run it with changes, stop that, go to the run and back to the call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chains.changed_call import UnusableMessagesError, prepare_changed_call
from pages.components.inspector.inspector_state import InspectorState, ModelCall
from pages.components.layout.weir_sentences import translated
from pages.components.session import run_links, run_start
from pages.components.session.current_user import current_caller
from pages.components.session.model_choice import models_of
from weir.access.limits import LimitReachedError
from weir.llm.chain_registry import ModelNotReadyError
from weir.llm.provider import ModelOptions
from weir.runs.run import Run

CHAIN = "changed_call"
"""Name of these runs in lists."""


@dataclass(frozen=True, slots=True)
class ChangedCall:
    """What a model is asked: messages as they are recorded, with the changed texts, and parameters."""

    messages: Sequence[Mapping[str, Any]]
    options: ModelOptions
    stop: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters that are set, to be kept with the run: LangChain's events leave some of them out."""
        options = self.options
        values = {
            "model": options.model,
            "temperature": options.temperature,
            "max_tokens": options.max_tokens,
            "seed": options.seed,
            "stop": list(self.stop) or None,
        }
        return {name: value for name, value in values.items() if value is not None}


def run_changed(state: InspectorState, call: ModelCall, changed: ChangedCall) -> str:
    """Start the changed call as a run of its own, in place of one that still goes on.

    Returns "", or the sentence that says what prevents it.
    """
    models, options = models_of(changed.options.model), changed.options
    if models.name == options.model:
        options = replace(options, model=None)
    try:
        prepared = prepare_changed_call(models, changed.messages, options, stop=changed.stop)
    except ModelNotReadyError as error:
        return translated(error.message)
    except UnusableMessagesError as error:
        return translated(str(error))
    stop_changed(state, call)
    context = {
        "page": "events",
        "from_run": call.run_id,
        "from_seq": call.seq,
        "parameters": changed.parameters,
    }

    def note(run: Run) -> None:
        state.changed[call] = run.id

    try:
        run_start.start(prepared, name=CHAIN, context=context, on_start=note)
    except LimitReachedError as reached:
        return translated(str(reached))
    return ""


def changed_run(state: InspectorState, call: ModelCall) -> Run | None:
    """Return the newest run with changes of this call; None if there is none that can be read."""
    run_id = state.changed.get(call)
    if run_id is None:
        return None
    try:
        return run_links.open_run(run_id)
    except run_links.RUN_UNAVAILABLE:
        del state.changed[call]
        return None


def stop_changed(state: InspectorState, call: ModelCall) -> None:
    """Stop the run with changes, if it goes on and is this visitor's."""
    run = changed_run(state, call)
    if run is not None and run.is_live and run.can_stop(current_caller().visitor):
        run.stop()


def origin_of(run: Run) -> ModelCall | None:
    """Return the call that a run was made from, if this visitor may read its run."""
    run_id, seq = run.context.get("from_run"), run.context.get("from_seq")
    if not isinstance(run_id, str) or not isinstance(seq, int) or seq < 0:
        return None
    return ModelCall(run_id, seq) if run_links.readable_access(run_id) else None


def show_call(state: InspectorState, call: ModelCall) -> None:
    """Show a call's run, with the call selected."""
    state.show(call.run_id)
    state.pick(call.seq)
