"""The playground of a model call: its messages and parameters to be changed, and both answers side by side."""

import math
from typing import Any

import streamlit as st

from chains.changed_call import is_editable, role_of
from chains.registry import MAX_TEXT
from pages.components.inspector import playground_actions
from pages.components.inspector.data_view import MAX_CHARS, MAX_MESSAGES, draw_figures, draw_output
from pages.components.inspector.inspector_state import InspectorState, ModelCall
from pages.components.inspector.playground_actions import ChangedCall
from pages.components.inspector.state_view import draw_conversation
from pages.components.layout.formatting import escape_markdown
from pages.components.layout.translation import _, digits
from pages.components.layout.weir_sentences import translated
from pages.components.session import run_links
from pages.components.session.app_services import service
from pages.components.session.current_user import current_caller
from pages.components.session.model_choice import has_choice, models_of, page_models
from weir.analysis.component_data import ComponentData, component_data
from weir.analysis.messages import text_of
from weir.analysis.outcome import outcome
from weir.analysis.run_snapshot import RunSnapshot
from weir.core.serialization import replace_lone_surrogates
from weir.llm.chain_registry import ModelNotReadyError
from weir.llm.provider import ModelOptions
from weir.runs.run import Run
from weir.text.invisible_characters import replace_invisible

MAX_TOKENS = 1_000_000
MAX_SEED = 2**31 - 1
MAX_STOPS = 20
LINE_HEIGHT, MIN_HEIGHT, MAX_HEIGHT = 24, 72, 240
"""Pixels of a message's field."""
LINE_CHARS = 55
LIST_HEIGHT = 480
"""Pixels of all messages: more of them scroll by themselves, so that *Run* stays beside the answers."""
REFRESH_SECONDS = 0.2


def draw_playground(state: InspectorState, run: Run) -> None:
    """Draw the dialog of the call that is open, if it is one of this run. Esc closes it; what was typed stays."""
    call = state.call
    if call is None or call.run_id != run.id:
        return

    def draw() -> None:
        run_links.rerun_if_unshared(run)
        _draw(state, run, call)

    st.dialog(_("Run with changes"), width="large", icon=":material/tune:", on_dismiss=state.close_call)(draw)()


def _draw(state: InspectorState, run: Run, call: ModelCall) -> None:
    seen = state.snapshot_at(run, state.player(run).count())
    event = seen.events[call.seq] if call.seq < len(seen.events) else None
    node = seen.nodes.get(event.run_id) if event else None
    data = component_data(node, seen.events) if node else None
    if node is None or data is None or not data.messages:
        st.markdown(_("The record has no messages of this call, so that it cannot be run with changes."))
        return
    editor, original, changed = st.columns([5, 4, 4])
    with editor:
        asked = ChangedCall(_draw_messages(state, data.messages, call), *_draw_parameters(state, run, call, data))
        _keep(state, call)
        if _has_tools(data):
            st.caption(_("The record has no definitions of tools: the model is asked without any."))
        buttons = st.container(horizontal=True, vertical_alignment="center", gap="small")
        if buttons.button(_("Run"), icon=":material/play_arrow:", type="primary", key="call_run"):
            if problem := playground_actions.run_changed(state, call, asked):
                st.warning(problem, icon=":material/error:")
        elif models_of(asked.options.model).endpoint() is None:
            st.warning(translated(ModelNotReadyError.message), icon=":material/power_off:")
        stop = buttons.empty()
        buttons.button(
            _("Undo changes"),
            icon=":material/undo:",
            type="tertiary",
            key="call_undo",
            on_click=_undo,
            args=(state, call),
        )
    with original:
        st.markdown(_("**Original**"))
        draw_figures(node, data)
        if node.error:
            st.markdown(f":material/error: {escape_markdown(node.error[:MAX_CHARS])}")
        draw_output(node, data)
    with changed:
        st.markdown(_("**With changes**"))
        if (other := playground_actions.changed_run(state, call)) is None:
            st.caption(_("*Run* asks the model, and shows its answer here."))
        else:
            _draw_changed(state, call, other, stop)


def _has_tools(data: ComponentData) -> bool:
    """Whether the call was one of an agent's: tools are called in it."""
    messages = [*data.messages, *([data.answer] if data.answer else [])]
    return any(message.get("tool_calls") or role_of(message) == "tool" for message in messages)


def _key(call: ModelCall, name: str) -> str:
    return f"call_{call.run_id}_{call.seq}_{name}"


def _undo(state: InspectorState, call: ModelCall) -> None:
    """Put the recorded texts and parameters back."""
    for key in [key for key in state.drafts if key.startswith(_key(call, ""))]:
        del state.drafts[key]
        st.session_state.pop(key + _opening(state), None)


def _opening(state: InspectorState) -> str:
    """Return the end of the keys of the widgets. A dialog that opens while its closing is drawn is drawn anew so."""
    return f"@{state.openings}"


def _widget_key(state: InspectorState, call: ModelCall, name: str, recorded: Any) -> str:
    """Return a widget's key, whose value is what was chosen before the dialog was closed, or else the recorded one."""
    draft = _key(call, name)
    key = draft + _opening(state)
    st.session_state.setdefault(key, state.drafts.get(draft, recorded))
    return key


def _keep(state: InspectorState, call: ModelCall) -> None:
    prefix, end = _key(call, ""), _opening(state)
    for key, value in st.session_state.items():
        if str(key).startswith(prefix) and str(key).endswith(end):
            state.drafts[str(key).removesuffix(end)] = value


def _draw_messages(
    state: InspectorState, messages: tuple[dict[str, Any], ...], call: ModelCall
) -> list[dict[str, Any]]:
    """Draw the newest messages, and return all with the changed texts. An emptied one is left out."""
    first = max(0, len(messages) - MAX_MESSAGES)
    asked = list(messages[:first])
    if first:
        st.caption(_("The first {count} messages are sent as they are.").format(count=digits(first)))
    heights = [_height(message) for message in messages[first:]]
    with st.container(height=LIST_HEIGHT if sum(heights) > LIST_HEIGHT else "content", border=False, autoscroll=False):
        for index, (message, height) in enumerate(zip(messages[first:], heights, strict=True), first):
            if not _has_field(message):
                length = len(message["content"])
                st.caption(
                    _("Too long to edit ({count} characters):").format(count=digits(length))
                    if is_editable(message)
                    else _("Sent as it is:")
                )
                draw_conversation([message])
                asked.append(message)
                continue
            written = _draw_text(state, call, index, message, height)
            if written == message["content"]:
                asked.append(message)
            elif written.strip():
                asked.append(message | {"content": written})
    st.caption(_("An emptied message is left out."))
    return asked


def _has_field(message: dict[str, Any]) -> bool:
    return is_editable(message) and len(message["content"]) <= MAX_TEXT


def _height(message: dict[str, Any]) -> int:
    """Return the height of a message's field, about, or of the message as it is shown."""
    lines = sum(1 + len(line) // LINE_CHARS for line in text_of(message)[:MAX_CHARS].split("\n")) + 1
    return min(max(MIN_HEIGHT, LINE_HEIGHT * lines), MAX_HEIGHT) if _has_field(message) else LINE_HEIGHT * (lines + 4)


def _draw_text(state: InspectorState, call: ModelCall, index: int, message: dict[str, Any], height: int) -> str:
    text, name = message["content"], message.get("name")
    shown = replace_lone_surrogates(text)
    label = f"{role_of(message)}, {name}" if isinstance(name, str) and name else role_of(message)
    written = st.text_area(
        f"{index + 1}. {escape_markdown(replace_invisible(label))}",
        key=_widget_key(state, call, str(index), shown),
        max_chars=MAX_TEXT,
        height=height,
    )
    return text if written == shown else written or ""


def _draw_parameters(
    state: InspectorState, run: Run, call: ModelCall, data: ComponentData
) -> tuple[ModelOptions, tuple[str, ...]]:
    """Draw the parameters, as they are recorded at first, and return the chosen ones."""
    kept = run.context.get("parameters")
    recorded = data.parameters | (kept if isinstance(kept, dict) and "from_run" in run.context else {})
    model = _draw_model(state, run, call, recorded.get("model"))
    left, middle, right = st.columns(3)
    temperature = left.number_input(
        _("Temperature"),
        0.0,
        2.0,
        value=None,
        step=0.1,
        placeholder=_("Default"),
        key=_widget_key(state, call, "temperature", _number(recorded.get("temperature"), 0, 2)),
    )
    limit = _number(recorded.get("max_tokens"), 1, MAX_TOKENS)
    max_tokens = middle.number_input(
        _("Max tokens"),
        1,
        MAX_TOKENS,
        value=None,
        placeholder=_("Default"),
        key=_widget_key(state, call, "max_tokens", None if limit is None else int(limit)),
    )
    number = _number(recorded.get("seed"), 0, MAX_SEED)
    seed = right.number_input(
        _("Seed"),
        0,
        MAX_SEED,
        value=None,
        placeholder=_("None"),
        key=_widget_key(state, call, "seed", None if number is None else int(number)),
    )
    stops = _texts(recorded.get("stop"))
    key = _widget_key(state, call, "stop", stops)
    stop = st.multiselect(
        _("Stop at"),
        list(dict.fromkeys([*stops, *st.session_state.get(key, [])])),
        accept_new_options=True,
        placeholder=_("Texts that end the answer"),
        key=key,
    )
    return ModelOptions(max_tokens=max_tokens, temperature=temperature, seed=seed, model=model), tuple(stop)


def _draw_model(state: InspectorState, run: Run, call: ModelCall, recorded: Any) -> str | None:
    """Draw the model's name where there is a choice, and return it; None is the endpoint's own."""
    if has_choice():
        return _draw_catalogue_model(state, call, recorded)
    endpoint = service().models.endpoint()
    if endpoint is None or endpoint.is_embedded:
        return None
    # A recording may be of another server, which had other models.
    is_known = isinstance(recorded, str) and recorded and not run.is_recording
    names = list(dict.fromkeys([endpoint.model, *([recorded[:200]] if is_known else [])]))
    key = _widget_key(state, call, "model", names[-1])
    chosen = st.selectbox(
        _("Model"),
        list(dict.fromkeys([*names, *filter(None, [st.session_state[key]])])),
        accept_new_options=True,
        key=key,
    )
    return None if chosen == endpoint.model else chosen


def _draw_catalogue_model(state: InspectorState, call: ModelCall, recorded: Any) -> str:
    """Draw the models of the catalogue, at first with the recorded one, and return the name of the chosen one."""
    models = service().models.catalogue
    known = [model.name for model in models if isinstance(recorded, str) and recorded in (model.name, model.model)]
    key = _widget_key(state, call, "model", next(iter(known), page_models().name))
    return str(st.selectbox(_("Model"), models.names, key=key))


def _number(value: Any, least: float, most: float) -> float | None:
    """Return a recorded number, or None if it is none that the field can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and least <= value <= most else None


def _texts(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    texts = (replace_lone_surrogates(text) for text in listed if isinstance(text, str) and 0 < len(text) <= MAX_CHARS)
    return list(dict.fromkeys(texts))[:MAX_STOPS]


def _draw_changed(state: InspectorState, call: ModelCall, run: Run, stop: Any) -> None:
    seen, answer = RunSnapshot(), st.empty()
    if run.is_live and run.can_stop(current_caller().visitor):
        stop.button(
            _("Stop"),
            icon=":material/stop_circle:",
            key=f"call_stop_{run.id}",
            on_click=playground_actions.stop_changed,
            args=(state, call),
        )
    for _events in run.follow(every=REFRESH_SECONDS, heartbeat=REFRESH_SECONDS):
        seen.advance_to(run.events, len(run.events))
        answer.text(replace_invisible(seen.root.text[-MAX_CHARS:] if seen.root else "") or _("The model is asked …"))
    stop.empty()
    seen.advance_to(run.events, len(run.events))
    with answer.container():
        result = outcome(run, seen.metrics())
        if seen.root is not None:
            data = component_data(seen.root, seen.events)
            draw_figures(seen.root, data)
            draw_output(seen.root, data)
        if result.message:
            st.markdown(f"{translated(result.message)} {translated(result.hint)}")
        if result.detail:
            st.caption(escape_markdown(result.detail[:MAX_CHARS]))
    with st.container(horizontal=True, gap="small"):
        if st.button(_("Open the run"), icon=":material/open_in_new:", key="call_open"):
            state.show(run.id)
            st.rerun()
        if st.button(_("Compare"), icon=":material/compare_arrows:", key="call_compare"):
            state.close_call()
            # The run that is open is A: what B has more or less is what the changes did.
            st.query_params["with"] = run.id
            st.rerun()
