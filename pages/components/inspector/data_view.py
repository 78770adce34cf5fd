"""Data of the selected component, as a person reads it: messages, output, tool calls, usage, parameters, errors."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import streamlit as st

from pages.components.inspector import event_filter_form
from pages.components.inspector.graph_views import draw_json
from pages.components.inspector.run_charts import STATUS_SIGNS
from pages.components.inspector.state_view import draw_conversation
from pages.components.layout.copy_button import copy_button
from pages.components.layout.formatting import escape_markdown, inline_code, seconds
from pages.components.layout.translation import _, digits
from weir.analysis.component_data import ComponentData, component_data, messages_of
from weir.analysis.messages import text_of
from weir.analysis.run_tree import RunNode
from weir.core import serialization
from weir.core.run_event import RunEvent
from weir.text.invisible_characters import replace_invisible

MAX_DATA_BYTES = 100_000
"""Bytes of one event's data that are shown as a tree."""
MAX_MESSAGES = 20
"""Messages of a model's input; the newest ones."""
MAX_DOCUMENTS = 20
MAX_CHARS = 4_000
MAX_ERROR_CHARS = 2_000
MAX_CAUSES = 20
MAX_HITS = 5
HIT_CHARS = 60
"""Characters on each side of a hit of the search."""


def draw_data(
    node: RunNode | None,
    event: RunEvent,
    events: Sequence[RunEvent],
    *,
    search: str,
    edit: Callable[[int], None] | None = None,
) -> None:
    """Draw what is known of an event's component, or the event as it is recorded. `search` is marked in it.

    `edit` opens the call of a chat model, by the number of its first event, to be run with changes.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="inspector_data_head"):
        st.markdown(f"**{event.seq}** {inline_code(event.event)}", width="content")
        event_filter_form.draw_additions(event)
        copy_button(serialization.indented(event.as_dict()), key=f"copy-event-{event.seq}")
        raw = st.toggle(_("Raw"), key="events_raw", help=_("The event as it is recorded"))
    draw_hits([event], search)
    if raw or node is None:
        draw_event(event)
        return
    took = "" if node.duration is None else f" {seconds(node.duration)}"
    line = f"**{escape_markdown(node.name)}** · {node.type} · {STATUS_SIGNS[node.status]}{took}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(line, width="content")
        if edit and node.type == "chat_model":
            clicked = st.button(
                _("Run with changes"),
                icon=":material/tune:",
                type="tertiary",
                key="events_edit_call",
                help=_("Edit this call's messages and parameters, and ask the model again"),
            )
            if clicked:
                edit(node.seq)
    if event.event.endswith("_stream") and (text := text_of(event.get("chunk"))):
        st.markdown(
            _("This chunk, at {elapsed} s: {text}").format(
                elapsed=digits(event.elapsed, ".3f"), text=inline_code(text[:MAX_CHARS])
            )
        )
    elif event.event == "on_custom_event":
        draw_value(event.data)
    _draw_error(node)
    data = component_data(node, events)
    draw_figures(node, data)
    _draw_input(data)
    draw_output(node, data)


def _draw_error(node: RunNode) -> None:
    if not node.error:
        return
    st.markdown(f":material/error: {escape_markdown(node.error[:MAX_ERROR_CHARS])}")
    for cause in node.causes[:MAX_CAUSES]:
        st.markdown(_("Caused by {cause}").format(cause=escape_markdown(cause[:MAX_ERROR_CHARS])))


def draw_figures(node: RunNode, data: ComponentData) -> None:
    """Draw a component's figures and parameters on one line."""
    figures = [_("{count} in").format(count=digits(node.tokens_in))] if node.tokens_in else []
    if node.tokens_out:
        figures.append(_("{count} out").format(count=digits(node.tokens_out)))
    if node.first_chunk is not None:
        figures.append(_("first chunk after {time}").format(time=seconds(node.first_chunk - node.started)))
        figures.append(_("{count} chunks").format(count=digits(len(node.chunk_times))))
    if node.tokens_per_second is not None:
        figures.append(_("{count} tokens/s").format(count=digits(node.tokens_per_second, ",.0f")))
    if node.finish_reason:
        figures.append(_("finish reason {reason}").format(reason=node.finish_reason))
    figures += [f"{label} {value}" for label, value in data.parameters.items()]
    if figures:
        st.caption(escape_markdown(" · ".join(figures)))


def _draw_input(data: ComponentData) -> None:
    if data.messages:
        if len(data.messages) > MAX_MESSAGES:
            st.caption(
                _("The newest {shown} of {count} messages.").format(
                    shown=MAX_MESSAGES, count=digits(len(data.messages))
                )
            )
        draw_conversation(data.messages[-MAX_MESSAGES:])
    elif data.input not in (None, ""):
        st.markdown(_("**Input**"))
        draw_value(data.input)


def draw_output(node: RunNode, data: ComponentData) -> None:
    """Draw what a component gave, so far."""
    if node.reasoning and data.answer is None:
        st.caption(_("thought: {reasoning}").format(reasoning=escape_markdown(node.reasoning[-MAX_CHARS:])))
    if data.answer is not None:
        draw_conversation([data.answer])
    elif data.documents:
        st.markdown(_("**{count} documents**").format(count=digits(len(data.documents))))
        _draw_documents(data.documents[:MAX_DOCUMENTS])
    elif data.output not in (None, ""):
        st.markdown(_("**Output**") if node.ended is not None else _("**Output so far**"))
        draw_value(data.output)


def draw_value(value: Any) -> None:
    """Draw a recorded value: text as text, messages as a conversation, an object of texts by its fields."""
    if isinstance(value, dict):
        value = {name: part for name, part in value.items() if part not in (None, "", [], {})} or value
    if isinstance(value, str):
        st.text(replace_invisible(value[-MAX_CHARS:]))
    elif messages := messages_of(value):
        draw_conversation(messages[-MAX_MESSAGES:])
    elif isinstance(value, dict) and value and all(isinstance(part, str | int | float) for part in value.values()):
        for name, part in list(value.items())[:MAX_MESSAGES]:
            text = replace_invisible(str(part)[:MAX_CHARS])
            st.text(f"{replace_invisible(str(name)[:100])}: {text}")
    else:
        draw_json(value)


def _draw_documents(documents: Iterable[dict[str, Any]]) -> None:
    for document in documents:
        st.text(replace_invisible(document["page_content"][:MAX_CHARS]))
        if metadata := document.get("metadata"):
            st.caption(escape_markdown(serialization.dumps(metadata).decode("utf-8", "replace")[:300]))


def draw_event(event: RunEvent) -> None:
    """Draw an event as it is recorded."""
    if len(event.payload) > MAX_DATA_BYTES:
        st.caption(
            _("The first {shown} of {count} bytes; Copy takes all.").format(
                shown=digits(MAX_DATA_BYTES), count=digits(len(event.payload))
            )
        )
        text = replace_invisible(event.payload[:MAX_DATA_BYTES].decode(errors="replace"))
        st.code(text, language="json", wrap_lines=True)
        return
    st.json(replace_invisible(serialization.indented(event.as_dict())), expanded=3)


def places_of(query: str, text: str) -> Iterator[int]:
    """Yield where a text holds a query that is not empty, whatever its case, in linear time.

    A regular expression would begin anew at each character. Where a letter of the text has a longer small form, the
    case has to be the same.
    """
    small, looked_for = text.lower(), query.lower()
    if len(small) != len(text) or len(looked_for) != len(query):
        small, looked_for = text, query
    start = small.find(looked_for)
    while start >= 0:
        yield start
        start = small.find(looked_for, start + len(looked_for))


def draw_hits(events: Sequence[RunEvent], search: str, text: str = "") -> None:
    """Draw where these events, or the text that they make, hold the search, marked."""
    query = search.strip()
    if not query:
        return
    texts = [text, *(event.payload.decode(errors="replace") for event in events)]
    lines = []
    for one in texts:
        for start in places_of(query, one):
            end = start + len(query)
            before = escape_markdown(" ".join(one[max(0, start - HIT_CHARS) : start].split()))
            after = escape_markdown(" ".join(one[end : end + HIT_CHARS].split()))
            lines.append(f"…{before} :orange-background[{escape_markdown(one[start:end])}] {after}…")
            if len(lines) == MAX_HITS:
                break
        if len(lines) == MAX_HITS:
            break
    if lines:
        found = "  \n".join(lines)
        st.markdown(f":material/search: {found}")
