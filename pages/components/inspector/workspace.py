"""The workspace of a run: the waterfall on one side; its data, events, latency, doctor and text on the other."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from pages.components.inspector import event_filter_form, event_table, graph_views
from pages.components.inspector.data_view import draw_data
from pages.components.inspector.diagnosis_view import draw_diagnosis
from pages.components.inspector.inspector_state import InspectorState
from pages.components.inspector.latency_view import draw_latencies
from pages.components.inspector.programs_view import LANGSMITH_NOTE
from pages.components.inspector.run_charts import HEADER_HEIGHT, ROW_HEIGHT
from pages.components.inspector.state_view import draw_state
from pages.components.layout.translation import N_, _, digits
from pages.components.waterfall import waterfall_view
from pages.components.waterfall.waterfall_view import HEAD_HEIGHT, draw_waterfall
from weir.analysis.answer_reader import answer_text
from weir.analysis.event_rows import EventRow
from weir.analysis.run_snapshot import RunSnapshot
from weir.analysis.run_tree import RunNode
from weir.analysis.waterfall_rows import waterfall
from weir.core.run_event import RunEvent
from weir.runs.attached_run import has_no_stream
from weir.runs.run import Run
from weir.text.invisible_characters import replace_invisible

MAX_TEXT_CHARS = 20_000

VIEWS = (N_("Data"), N_("Events"), N_("Latency"), N_("Doctor"), N_("Text"))
GRAPH_VIEWS = (N_("Graph"), N_("State"), N_("Tools"))
"""Views of a run of a graph."""

WATERFALL_ROWS = 25
"""Rows of the waterfall that are in sight."""
HEIGHT = HEAD_HEIGHT + waterfall_view.ROW_HEIGHT * WATERFALL_ROWS
"""Pixels of both sides."""
TABLE_ROWS = 10
"""Events that are in sight beside the data."""
DETAIL_HEIGHT = HEIGHT - (HEADER_HEIGHT + ROW_HEIGHT * TABLE_ROWS + 3) - 2 * 36 - 3 * 8
"""Pixels of the selected row's data: what the tabs, the filter and the table leave."""


def take_view_from_address(state: InspectorState) -> None:
    """Choose the view in the address, if the browser opened another one than the run was drawn with.

    By the whole page only: while a run goes on, a browser may ask for its next drawing before the address that the one
    before gave it has arrived, and would take back the view that was just chosen.
    """
    in_address = st.query_params.get("view")
    if in_address != state.view_in_address:
        st.session_state["view"] = in_address


def draw_workspace(state: InspectorState, run: Run, seen: RunSnapshot) -> None:
    """Draw both sides. What is selected on one is selected on the other.

    The tabs are there before the run's first event, too: a browser forgets what is chosen in tabs that it is not sent.
    """
    event = seen.events[state.picked] if state.picked is not None and state.picked < len(seen.events) else None
    node = seen.nodes.get(event.run_id) if event else None
    with st.container(key="inspector_workspace"):
        left, right = st.columns([11, 10], gap="small")
        with left:
            if seen.root is not None:
                _draw_waterfall(state, run, seen, node, event)
        with right, st.container(gap="xsmall"):
            view = _draw_tabs(state, run, seen)
            if seen.root is None:
                return
            if view in VIEWS[:2]:
                _draw_events(state, run, seen, event, with_data=view == VIEWS[0])
            else:
                # It is as long as it needs to be, and the waterfall stays in sight beside it: a part that scrolls by
                # itself could not be reached by keyboard where it holds text alone.
                with st.container(key=f"inspector_view_{view}"):
                    _draw_view(view, state, run, seen, node, event)


def _draw_waterfall(
    state: InspectorState, run: Run, seen: RunSnapshot, node: RunNode | None, event: RunEvent | None
) -> None:
    assert seen.root is not None
    end = seen.events[-1].elapsed
    draw_waterfall(
        # A replay has its whole axis from the start.
        waterfall(seen.root, end, axis=None if run.is_live else run.events[-1].elapsed, live=run.is_live),
        run_id=run.id,
        key="events_waterfall",
        rows=WATERFALL_ROWS,
        pick=state.pick,
        selected=node.seq if node else None,
        at=event.elapsed if event else None,
    )


def _draw_tabs(state: InspectorState, run: Run, seen: RunSnapshot) -> str:
    if seen.root is not None and any(child.graph_step is not None for child in seen.root.children):
        state.graphs.add(run.name)
    is_graph = run.name in state.graphs
    in_address = st.query_params.get("view")
    # A browser that is drawn anew before it has taken the first choice has none.
    wanted = st.session_state.get("view") or in_address
    options = [*VIEWS, *(GRAPH_VIEWS if is_graph or wanted in GRAPH_VIEWS else ())]
    if wanted not in options:
        # An address without a view, of the time when there was a *Timeline*, or one that was cut.
        wanted = VIEWS[0]
    if st.session_state.get("view") != wanted:
        st.session_state["view"] = wanted
    # A run that goes on has no count: each event would be diagnosed again.
    count = 0 if state.is_moving(run) else len(state.findings_of(run, seen))
    chosen = st.segmented_control(
        _("View"),
        options,
        # Streamlit drops a drawing that the next one overtakes, and with it the choice that it was to set.
        default=wanted,
        required=True,
        key="view",
        format_func=lambda name: f"{_(name)} {count}" if name == "Doctor" and count else _(name),
        label_visibility="collapsed",
        wrap=True,
    )
    view = str(chosen or wanted)
    # Not bound by Streamlit, which writes labels into the address: that of the doctor has a count, which changes.
    # A click may come with the address of the run before, which the browser still has, and would write all of it anew.
    if st.query_params.get("run") == run.id:
        if view == VIEWS[0]:
            st.query_params.pop("view", None)
        elif in_address != view:
            st.query_params["view"] = view
    state.view_in_address = st.query_params.get("view")
    return view


def _draw_view(
    view: str, state: InspectorState, run: Run, seen: RunSnapshot, node: RunNode | None, event: RunEvent | None
) -> None:
    assert seen.root is not None
    if view == "Latency":
        streaming = node if node and len(node.chunk_times) > 1 else seen.root
        if len(streaming.chunk_times) < 2:
            streaming = max(seen.nodes.values(), key=lambda other: len(other.chunk_times))
        at = event.elapsed if event else None
        if has_no_stream(run):
            st.caption(_(LANGSMITH_NOTE))
        draw_latencies(seen.root, streaming, seen.metrics(), at, key="events_latency", pick=state.pick)
    elif view == "Doctor":
        draw_diagnosis(seen.root, state.findings_of(run, seen), pick=partial(show_event, state))
    elif view == "Graph":
        graph_views.draw_graph(seen.events)
    elif view == "State":
        draw_state(state, run, seen.events, pick=partial(show_event, state))
    elif view == "Tools":
        graph_views.draw_tools(seen.events, pick=partial(show_event, state))
    else:
        if reasoning := "".join(one.reasoning for one in seen.nodes.values()):
            with st.expander(_("Thinking")):
                st.text(replace_invisible(reasoning[-MAX_TEXT_CHARS:]))
        if has_no_stream(run):
            st.caption(_(LANGSMITH_NOTE))
        text = replace_invisible(answer_text(seen.events)[-MAX_TEXT_CHARS:])
        st.text(text or _("There is no text of an answer so far."))


def show_event(state: InspectorState, seq: int) -> None:
    """Select an event, and open the view that shows it."""
    state.pick(seq)
    st.session_state["view"] = VIEWS[0]


def _draw_events(
    state: InspectorState, run: Run, seen: RunSnapshot, event: RunEvent | None, *, with_data: bool
) -> None:
    assert seen.root is not None
    # A container with messages would scroll to their end by itself, and hide what can be done with the event.
    data = (
        st.container(height=DETAIL_HEIGHT, border=True, key="inspector_data", autoscroll=False) if with_data else None
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="inspector_filter"):
        size = event_filter_form.size()
        with st.popover(_("Filter"), icon=":material/filter_alt:", type="tertiary" if not size else "secondary"):
            event_filter_form.draw_filter(seen)
            folded = st.toggle(
                _("Fold chunks"), value=True, key="events_fold", help=_("Consecutive chunks are one row")
            )
        event_filter_form.draw_chips()
        counts = st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width="content")
        search = st.text_input(
            _("Search names and payloads"),
            key="search",
            type="search",
            bind="query-params",
            placeholder=_("Search"),
            label_visibility="collapsed",
            width=150,
        )
    rows = event_table.table_rows(event_filter_form.filtered_events(seen.events), search=search, folded=folded)
    with counts:
        _draw_count(rows, len(seen.events))
    if data is not None:
        # Without a selection, the run as a whole: its input and its output.
        shown = event or seen.events[0]
        with data:
            edit = None if state.is_moving(run) else partial(state.open_call, run.id)
            draw_data(seen.nodes.get(shown.run_id), shown, seen.events, search=search, edit=edit)
    row = event_table.draw_table(
        state, rows, key=f"{run.id}_{folded}", live=state.is_moving(run), search=search, height=TABLE_ROWS
    )
    if not with_data:
        event_table.draw_row(state, row, search=search, height=DETAIL_HEIGHT)


def _draw_count(rows: Sequence[EventRow], total: int) -> None:
    matching = sum(len(row.events) for row in rows)
    if not rows:
        st.caption(_("No event matches"), width="content")
        st.button(_("Clear"), key="events_clear", type="tertiary", on_click=_clear)
        return
    text = _("{count} of {total} events") if len(rows) == matching else _("{count} of {total} events, {rows} rows")
    st.caption(
        text.format(count=digits(matching), total=digits(total), rows=digits(len(rows))),
        width="content",
    )


def _clear() -> None:
    event_filter_form.clear()
    st.session_state["search"] = ""
