"""The state of a graph: what each step changed, the whole state after it, messages as a conversation, and forks."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import streamlit as st

from chains.changed_call import role_of
from pages.components.answer.display_markdown import to_display_markdown
from pages.components.inspector.graph_views import draw_json
from pages.components.inspector.inspector_actions import start_now
from pages.components.inspector.inspector_state import InspectorState, RunRequest
from pages.components.inspector.run_charts import Pick
from pages.components.layout.formatting import escape_markdown, inline_code
from pages.components.layout.translation import N_, _, digits
from weir.analysis.graph_state import StateStep, checkpoints, state_at, state_steps, thread_of
from weir.analysis.json_diff import Difference, DiffKind, differences
from weir.analysis.messages import is_message, reasoning_of, text_of
from weir.core.run_event import RunEvent
from weir.core.serialization import dumps
from weir.runs.run import Run
from weir.text.invisible_characters import replace_invisible

MAX_STEPS = 500
"""Steps that can be chosen; the newest ones."""
MAX_DIFFERENCES = 40
MAX_MESSAGES = 50
"""Messages of a conversation; the newest ones."""
MAX_MESSAGE_CHARS = 4_000
MAX_INLINE_CHARS = 200

_SIGNS = {DiffKind.ADD: N_(":material/add: added"), DiffKind.REPLACE: N_(":material/edit: changed")}
_SIGNS[DiffKind.REMOVE] = N_(":material/remove: removed")
_AVATARS = {"human": ":material/person:", "ai": ":material/waves:", "tool": ":material/build:"}


def draw_state(state: InspectorState, run: Run, events: Sequence[RunEvent], *, pick: Pick) -> None:
    """Draw what each step changed, the whole state after it, and the checkpoints that a run can go on from."""
    steps = state_steps(events)
    if not steps:
        st.caption(_("No node of a graph has changed a state so far."))
        return
    first = max(0, len(steps) - MAX_STEPS)
    number = st.selectbox(
        _("Step"),
        range(first, len(steps)),
        index=len(steps) - 1 - first,
        format_func=lambda index: _step_label(index, steps[index]),
        key=f"events_step_{run.id}_{len(steps)}",
    )
    number = len(steps) - 1 if number is None else number
    step = steps[number]
    after = state_at(events, step.seq)
    before = state_at(events, steps[number - 1].seq) if number else {}
    st.markdown(_("**The input**") if not step.changes else _("**Changed by this step**"))
    draw_differences(before, after)
    inner = [change for change in step.changes if change.namespace]
    if inner:
        with st.expander(_("Changes inside of subgraphs ({count})").format(count=digits(len(inner)))):
            for change in inner[:MAX_DIFFERENCES]:
                path = [name.partition(":")[0] for name in change.namespace]
                st.markdown(
                    _("**{place}** at {time} s").format(
                        place=escape_markdown(" / ".join([*path, change.node])), time=digits(change.elapsed, ".2f")
                    )
                )
                draw_json(change.update)
    with st.expander(_("The whole state after this step")):
        _draw_whole(after)
    st.button(_("Show the event"), icon=":material/my_location:", type="tertiary", on_click=pick, args=(step.seq,))
    _draw_fork(state, run, events)


def _step_label(number: int, step: StateStep) -> str:
    nodes = ", ".join(step.nodes) if step.changes else _("the input")
    place = nodes or _("a subgraph")
    return replace_invisible(
        _("{number}. {place} at {time} s").format(number=number, place=place, time=digits(step.elapsed, ".2f"))
    )


def draw_differences(before: Any, after: Any) -> None:
    """Draw what makes one value of another, place by place."""
    found = list(islice(differences(before, after), MAX_DIFFERENCES + 1))
    if not found:
        st.caption(_("Nothing: the state is the same as before."))
    for difference in found[:MAX_DIFFERENCES]:
        _draw_difference(difference)
    if len(found) > MAX_DIFFERENCES:
        st.caption(_("These are the first {count} changes.").format(count=MAX_DIFFERENCES))


def _draw_difference(difference: Difference) -> None:
    sign, place = _(_SIGNS[difference.kind]), inline_code(difference.pointer[:MAX_INLINE_CHARS] or "/")
    value = difference.before if difference.kind is DiffKind.REMOVE else difference.after
    if is_message(value):
        st.markdown(f"{sign} {place}")
        draw_conversation([value])
        return
    texts = [dumps(difference.before).decode()] if difference.kind is DiffKind.REPLACE else []
    texts.append(dumps(value).decode("utf-8", "replace"))
    if all(len(text) <= MAX_INLINE_CHARS for text in texts):
        st.markdown(f"{sign} {place} {' → '.join(map(inline_code, texts))}")
        return
    st.markdown(f"{sign} {place}")
    draw_conversation(value) if _is_conversation(value) else draw_json(value)


def _is_conversation(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(is_message, value))


def _draw_whole(state: Any) -> None:
    if not isinstance(state, dict):
        draw_json(state)
        return
    for key, value in state.items():
        if _is_conversation(value):
            st.markdown(f"**{escape_markdown(key)}**")
            if len(value) > MAX_MESSAGES:
                st.caption(
                    _("The newest {shown} of {count} messages.").format(shown=MAX_MESSAGES, count=digits(len(value)))
                )
            draw_conversation(value[-MAX_MESSAGES:])
    if others := {key: value for key, value in state.items() if not _is_conversation(value)}:
        draw_json(others)


def draw_conversation(messages: Iterable[dict[str, Any]]) -> None:
    """Draw recorded messages as a conversation: who wrote, what they thought, wrote and called."""
    for message in messages:
        kind = role_of(message)
        name = message.get("name")
        with st.chat_message(kind, avatar=_AVATARS.get(kind, ":material/settings:")), st.container(gap="xsmall"):
            st.caption(escape_markdown(f"{kind}, {name}" if isinstance(name, str) and name else kind))
            if reasoning := reasoning_of(message):
                st.caption(_("thought: {reasoning}").format(reasoning=escape_markdown(reasoning[:MAX_MESSAGE_CHARS])))
            if text := text_of(message)[:MAX_MESSAGE_CHARS]:
                st.markdown(to_display_markdown(text))
            for call in message.get("tool_calls") or ():
                if isinstance(call, dict):
                    arguments = dumps(call.get("args")).decode("utf-8", "replace")[:MAX_MESSAGE_CHARS]
                    written = inline_code(f"{call.get('name')}({arguments})")
                    st.markdown(_(":material/build: calls {written}").format(written=written))


def _draw_fork(state: InspectorState, run: Run, events: Sequence[RunEvent]) -> None:
    thread, found = thread_of(run), checkpoints(events)
    if thread is None or not found or run.is_live:
        return
    labels = {
        checkpoint: _("before {nodes}").format(nodes=", ".join(following) or _("nothing"))
        for _seq, checkpoint, following in found
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            _("Checkpoint"), list(labels), format_func=labels.__getitem__, key=f"events_fork_{run.id}"
        )
        request = RunRequest(
            run.name, options={"thread_id": thread, "checkpoint_id": chosen}, continues=True, origin=run.id
        )
        if st.button(_("Run again from here"), icon=":material/fork_right:"):
            start_now(state, request)
