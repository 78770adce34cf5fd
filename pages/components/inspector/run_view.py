"""One run on the Events page: what can be done with it, the playback bar, its outcome, tree, charts and events."""

import time
from collections.abc import Sequence
from functools import partial

import streamlit as st

from chains.registry import REGISTRY
from pages.components.answer.answer_view import STATUS_BADGES
from pages.components.answer.share_popover import draw_link
from pages.components.chat.date_groups import zone
from pages.components.inspector import event_filter_form, event_table, graph_views, inspector_actions, run_charts
from pages.components.inspector.diagnosis_view import draw_diagnosis
from pages.components.inspector.graph_waterfall import draw_waterfall
from pages.components.inspector.inspector_state import InspectorState
from pages.components.inspector.interrupt_card import draw_interrupts
from pages.components.inspector.state_view import draw_state
from pages.components.layout import formatting, playback_bar
from pages.components.session import run_links
from pages.components.session.app_services import answer_cost
from pages.components.session.my_runs import recent_runs
from pages.components.session.recordings import draw_recording_download, samples
from weir.analysis.answer_reader import answer_text
from weir.analysis.outcome import outcome
from weir.analysis.run_snapshot import RunSnapshot
from weir.core.run_event import RunEvent
from weir.runs.run import Run
from weir.storage.run_records import RunEntry
from weir.text.invisible_characters import replace_invisible

REFRESH_SECONDS = 0.5
"""How often a run that goes on, or is played back, is drawn anew."""
MAX_ERRORS = 20
MAX_ERROR_CHARS = 2_000
MAX_TEXT_CHARS = 20_000
VIEWS = ["Timeline", "Latency", "Doctor", "Text", "Graph", "State", "Tools"]


def draw_run(state: InspectorState, run: Run, was_live: bool) -> None:
    """Draw a run, again and again while more of it may be seen. `was_live` is what `draw_actions` was given."""
    is_moving = was_live or state.is_moving(run)
    draw = partial(_draw_run, state, run, is_moving)
    st.fragment(draw, run_every=REFRESH_SECONDS if is_moving else None)()


def _draw_run(state: InspectorState, run: Run, was_moving: bool) -> None:
    run_links.rerun_if_unshared(run)
    seen = state.snapshot_at(run, state.player(run).count())
    # The container is there while the run is live, too: it keeps what is below in its position. Elements that change
    # their position are made anew by Streamlit, and lose what is being typed into them.
    with st.container():
        if not run.is_live:
            _draw_playback_bar(state, run)
    if seen.root is None:
        st.caption("The run is about to begin." if run.is_live else "Nothing has happened yet: press Play.")
    else:
        with st.container():
            _draw_outcome(run, seen)
            if len(seen.events) == len(run.events):
                draw_interrupts(state, run, resumable=_is_in_registry)
        left, right = st.columns(2)
        with left:
            run_charts.draw_tree(seen.root, key=f"events_tree_{run.id}", pick=state.pick)
        with right:
            _draw_view(state, run, seen)
        _draw_events(state, run, seen)
    # How often this fragment is drawn is decided by the whole page.
    if was_moving != state.is_moving(run):
        st.rerun()


def draw_actions(state: InspectorState, run: Run, is_live: bool) -> None:
    """Draw what can be done with the whole run. These widgets stay in place while the run goes on."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("All runs", icon=":material/arrow_back:", type="tertiary", on_click=state.close)
        if not is_live and not run.is_recording and "asked" in run.context:
            st.button(
                "Run again",
                icon=":material/refresh:",
                type="tertiary",
                on_click=inspector_actions.run_again,
                args=(state, run.name, run.context["asked"], run.context.get("options")),
            )
        draw_recording_download(run)
        draw_link(run)
        others = {other.id: entry_label(other) for other in recent_runs() if other.id != run.id}
        recordings = {name: f"Recording: {title}" for name, (title, _) in samples().items()}
        labels = others | recordings
        st.selectbox(
            "Compare with",
            list(labels),
            index=None,
            format_func=lambda run_id: labels.get(run_id, run_id),
            placeholder="Compare with …",
            key="events_other",
            on_change=inspector_actions.compare,
            label_visibility="collapsed",
            icon=":material/compare_arrows:",
            width=280,
        )


def entry_label(entry: RunEntry) -> str:
    """Return when a run was started, its chain and the beginning of its input."""
    at = formatting.moment(entry.created_at, zone(st.context.timezone), time.time())
    return replace_invisible(f"{at} · {entry.chain}: {entry.input[:60]}")


def _draw_playback_bar(state: InspectorState, run: Run) -> None:
    player = state.player(run)
    count, total = player.count(), len(run.events)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        playback_bar.draw_play_button(player, count, key="events")
        playback_bar.draw_step_buttons(player, count, key="events")
        st.button(
            "Next error",
            icon=":material/error:",
            key="events_next_error",
            on_click=_go_to_next_error,
            args=(state, run),
            disabled=_next_error(run.events, count) is None,
        )
        playback_bar.draw_speed(player, key="events")
        if total:
            position = run.events[count - 1].elapsed if count else 0.0
            playback_bar.draw_slider(player, count, "Events seen", key="events", width=320)
            end = run.events[-1].elapsed
            st.caption(f"{formatting.seconds(position)} of {formatting.seconds(end)}", width="content")


def _go_to_next_error(state: InspectorState, run: Run) -> None:
    player = state.player(run)
    error = _next_error(run.events, player.count())
    if error is not None:
        player.seek(error + 1)
        state.pick(error)


def _next_error(events: Sequence[RunEvent], count: int) -> int | None:
    """Return the number of the first error event that is not seen yet; at the end, of the first one of all."""
    start = 0 if count >= len(events) else count
    return next((number for number in range(start, len(events)) if events[number].event.endswith("_error")), None)


def _draw_outcome(run: Run, seen: RunSnapshot) -> None:
    metrics = seen.metrics()
    result = outcome(run, metrics)
    # The prices are those of this Weir's model; a recording may be of another.
    cost = None if run.is_recording else answer_cost(metrics)
    is_whole = len(seen.events) == len(run.events)
    icon, color = STATUS_BADGES.get(result.status, (":material/check_circle:", "green"))
    badge = f":{color}-badge[{icon} {result.status.value}]" if is_whole else ":gray-badge[:material/replay: Replay]"
    st.markdown(
        f"**{formatting.escape_markdown(run.name)}** {badge} {len(seen.events):,} events · "
        f"{formatting.metrics_line(metrics, cost)}"
        + (" · :material/description: a recording" if run.is_recording else "")
    )
    if is_whole and result.message:
        st.markdown(f"{result.message} {result.hint}")
    for node in seen.error_origins[:MAX_ERRORS]:
        causes = [f"Caused by {cause[:MAX_ERROR_CHARS].rstrip('.')}." for cause in node.causes[:MAX_ERRORS]]
        streamed = [f"It had streamed {len(node.text):,} characters."] if node.chunk_texts else []
        text = " ".join((f"{node.name} failed: {node.error[:MAX_ERROR_CHARS].rstrip('.')}.", *causes, *streamed))
        st.markdown(f":material/error: {formatting.escape_markdown(text)}")
    if len(seen.error_origins) > MAX_ERRORS:
        st.caption(f"These are the first {MAX_ERRORS} of {len(seen.error_origins):,} errors; the table below has all.")


def _is_in_registry(name: str) -> bool:
    return any(chain.name == name for chain in REGISTRY)


def _draw_view(state: InspectorState, run: Run, seen: RunSnapshot) -> None:
    assert seen.root is not None
    view = st.segmented_control(
        "View",
        VIEWS,
        default=VIEWS[0],
        required=True,
        key="view",
        bind="query-params",
        label_visibility="collapsed",
        wrap=True,
    )
    event = seen.events[state.picked] if state.picked is not None and state.picked < len(seen.events) else None
    node = seen.nodes.get(event.run_id) if event else None
    at = event.elapsed if event else None
    end = seen.events[-1].elapsed
    if view == "Timeline":
        is_graph = draw_waterfall(seen.root, end, at, key="events_waterfall", pick=state.pick)
        if not is_graph or st.toggle("Every component", key="events_components"):
            run_charts.draw_timeline(seen.root, end, node, at, key="events_timeline", pick=state.pick)
    elif view == "Latency":
        streaming = node if node and len(node.chunk_times) > 1 else seen.root
        if len(streaming.chunk_times) < 2:
            streaming = max(seen.nodes.values(), key=lambda other: len(other.chunk_times))
        run_charts.draw_latency(streaming, at, key="events_latency", pick=state.pick)
    elif view == "Doctor":
        draw_diagnosis(seen.root, seen.events, pick=state.pick)
    elif view == "Graph":
        graph_views.draw_graph(seen.events)
    elif view == "State":
        draw_state(state, run, seen.events, pick=state.pick)
    elif view == "Tools":
        graph_views.draw_tools(seen.events, pick=state.pick)
    else:
        if reasoning := "".join(node.reasoning for node in seen.nodes.values()):
            with st.expander("Thinking"):
                st.text(replace_invisible(reasoning[-MAX_TEXT_CHARS:]))
        with st.container(height=260, border=True, autoscroll=True):
            text = replace_invisible(answer_text(seen.events)[-MAX_TEXT_CHARS:])
            st.text(text or "There is no text of an answer so far.")


def _draw_events(state: InspectorState, run: Run, seen: RunSnapshot) -> None:
    st.session_state.setdefault("events_filter", event_filter_form.is_in_address())
    with st.expander("Filter", icon=":material/filter_alt:", key="events_filter", on_change="rerun"):
        event_filter_form.draw_filter(seen)
    with st.container(horizontal=True, vertical_alignment="center"):
        search = st.text_input(
            "Search names and payloads",
            key="search",
            type="search",
            bind="query-params",
            placeholder="Search names and payloads",
            label_visibility="collapsed",
        )
        folded = st.toggle("Fold chunks", value=True, key="events_fold")
    events = event_filter_form.filtered_events(seen.events)
    rows = event_table.table_rows(events, search=search, folded=folded)
    row_count = f"{len(rows):,} row{'s' * (len(rows) != 1)}"
    st.caption(f"keeps {len(events):,} of {len(seen.events):,} events, in {row_count}")
    left, right = st.columns([3, 2])
    with left:
        row = event_table.draw_table(state, rows, key=f"{run.id}_{folded}", live=state.is_moving(run))
    with right:
        event_table.draw_row(state, row)
