"""The Events page: run a chain, or open a recording, and see every event of the run."""

import streamlit as st

from pages.components.inspector import chain_form, inspector_actions
from pages.components.inspector.comparison_view import draw_comparison
from pages.components.inspector.inspector_state import inspector_state
from pages.components.inspector.run_list import (
    draw_chain_choice,
    draw_chain_problems,
    draw_input_popover,
    draw_run_list,
)
from pages.components.inspector.run_view import draw_actions, draw_run
from pages.components.layout import formatting
from pages.components.layout.input_bar import input_bar_without_scroll
from pages.components.session import run_links, run_start
from pages.components.session.app_services import service
from pages.components.session.my_runs import my_runs
from pages.components.session.recordings import draw_recording_download, draw_recording_upload, open_recording, samples
from weir.access.limits import LimitReachedError
from weir.analysis.outcome import outcome
from weir.analysis.run_snapshot import RunSnapshot
from weir.llm.chain_registry import ChainSpec, ModelNotReadyError
from weir.runs.run import Run
from weir.text.invisible_characters import replace_invisible

LIVE_EVERY = 0.5
MOST_ERRORS = 20
LONGEST_ERROR = 2_000
VIEWS = ["Timeline", "Latency", "Doctor", "Text"]


def start(chain: ChainSpec, value: object) -> None:
    try:
        prepared = chain.prepare(service().models, chain.input_model.model_validate(value))
    except ModelNotReadyError:
        st.session_state.events_waiting = (chain.name, value)
        return
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"]) or "The input"
        st.session_state.events_problem = f"{place}: {problem['msg'].lower()}."
        return
    noted, context = run_start.pending_run("events"), {"page": "events", "asked": value}
    try:
        run = run_start.start(prepared, name=chain.name, context=context, begun=noted.note)
    except LimitReachedError as reached:
        run_start.restore_input("events_input", bottom.text, reached)
        st.rerun()
    open_run(run.id)


def start_text(chain: ChainSpec, text: str) -> None:
    try:
        value = chain_form.given(chain, schema, text)
    except ValueError as error:
        st.session_state.events_problem = f"{chain.name} takes JSON, and this is none: {error}."
        return
    start(chain, value)


def open_run(run_id: str) -> None:
    st.session_state.events_run = run_id
    st.query_params["run"] = run_id
    inspector_state.pick(None)
    if "with" in st.query_params:
        del st.query_params["with"]
    run_start.pending_run("events").run_id = None


def open_uploaded(run: Run) -> None:
    st.session_state.events_files = False
    open_run(run.id)


def send_form() -> None:
    st.session_state.events_form = False
    st.session_state.events_sent = True


def open_sample(name: str) -> None:
    open_run(open_recording(samples()[name][1]).id)


def close_run() -> None:
    st.session_state.pop("events_run", None)
    st.query_params.pop("run", None)
    st.query_params.pop("with", None)
    inspector_state.pick(None)
    run_start.pending_run("events").run_id = None


def label(run: Run) -> str:
    given = run.input
    first = next(iter(given.values()), "") if isinstance(given, dict) else given
    return replace_invisible(f"{run.name}: {str(first)[:60]}")


def draw_empty() -> None:
    st.markdown(
        "Every event of a run, live or afterwards: press *Inspect* on any answer, run a chain above, "
        "or open one of these recordings. No model is needed for them."
    )
    for name, (title, _) in samples().items():
        key = f"events-sample-{name}"
        st.button(title, icon=":material/replay:", key=key, on_click=open_sample, args=(name,))
    for earlier in reversed(my_runs()):
        st.button(
            formatting.escape_markdown(label(earlier)),
            icon=":material/history:",
            key=f"events-{earlier.id}",
            type="tertiary",
            on_click=open_run,
            args=(earlier.id,),
        )


def draw_head(run: Run, seen: RunSnapshot) -> None:
    figures = seen.figures()
    said = outcome(run, figures)
    whole = len(seen.events) == len(run.events)
    icon, color = STATUS_BADGES.get(said.status, (":material/check_circle:", "green"))
    mark = f":{color}-badge[{icon} {said.status.value}]" if whole else ":gray-badge[:material/replay: Replay]"
    st.markdown(
        f"**{formatting.escape_markdown(run.name)}** {mark} {len(seen.events):,} events · "
        f"{formatting.metrics_line(figures)}"
        + (" · :material/description: a recording" if run.is_recording else "")
    )
    if whole and said.sentence:
        st.markdown(f"{said.sentence} {said.remedy}")
    for node in seen.origins[:MOST_ERRORS]:
        causes = [f"Caused by {cause[:LONGEST_ERROR].rstrip('.')}." for cause in node.causes[:MOST_ERRORS]]
        streamed = [f"It had streamed {len(node.text):,} characters."] if node.chunk_texts else []
        told = " ".join((f"{node.name} failed: {node.error[:LONGEST_ERROR].rstrip('.')}.", *causes, *streamed))
        st.markdown(f":material/error: {formatting.escape_markdown(told)}")
    if len(seen.origins) > MOST_ERRORS:
        st.caption(f"These are the first {MOST_ERRORS} of {len(seen.origins):,} errors; the table below has all.")


def draw_view(seen: RunSnapshot) -> None:
    assert seen.root is not None
    view = st.segmented_control(
        "View", VIEWS, default=VIEWS[0], required=True, key="view", bind="query-params", label_visibility="collapsed"
    )
    seq = inspector_state.picked()
    event = seen.events[seq] if seq is not None and seq < len(seen.events) else None
    node = seen.nodes.get(event.run_id) if event else None
    at = event.elapsed if event else None
    if view == "Timeline":
        run_charts.draw_timeline(seen.root, seen.events[-1].elapsed, node, at, key="events_timeline")
    elif view == "Latency":
        streaming = node if node and len(node.chunk_times) > 1 else seen.root
        if len(streaming.chunk_times) < 2:
            streaming = max(seen.nodes.values(), key=lambda other: len(other.chunk_times))
        run_charts.draw_latency(streaming, at, key="events_latency")
    elif view == "Doctor":
        draw_doctor(seen.root)
    else:
        with st.container(height=260, border=True, autoscroll=True):
            st.text(replace_invisible(seen.root.text[-20_000:]) or "The root has streamed no text so far.")


def draw_events(run: Run, seen: RunSnapshot) -> None:
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
    kept = event_filter_form.filtered_events(seen.events)
    shown = event_table.table_rows(kept, search=search, folded=folded)
    rows = f"{len(shown):,} row{'s' * (len(shown) != 1)}"
    st.caption(f"keeps {len(kept):,} of {len(seen.events):,} events, in {rows}")
    left, right = st.columns([3, 2])
    with left:
        chosen = event_table.draw_table(shown, key=f"{run.id}_{folded}", live=inspector_state.is_moving(run))
    with right:
        event_table.draw_row(chosen)


def draw_run() -> None:
    run_links.rerun_if_unshared(run)
    seen = inspector_state.inspection(run, inspector_state.seen_count(run))
    # What is below keeps its place when the run ends: moved, it would be made anew, and lose what is being typed.
    with st.container():
        if not run.is_live:
            draw_replay(run)
    if seen.root is None:
        st.caption("The run is about to begin." if run.is_live else "Nothing has happened yet: press Play.")
    else:
        with st.container():
            draw_head(run, seen)
        left, right = st.columns(2)
        with left:
            run_charts.draw_tree(seen.root, key=f"events_tree_{run.id}")
        with right:
            draw_view(seen)
        draw_events(run, seen)
    # How often this part is drawn is settled where the whole page is.
    if is_moving != inspector_state.is_moving(run):
        st.rerun()


def draw_actions(run: Run) -> None:
    """Draw what can be done with the whole run; these stay in place while it goes on."""
    others = {other.id: other for other in my_runs() if other.id != run.id}
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("All runs", icon=":material/arrow_back:", type="tertiary", on_click=close_run)
        if not run.is_live and not run.is_recording and "asked" in run.context:
            again = (available[run.name], run.context["asked"])
            st.button("Run again", icon=":material/refresh:", type="tertiary", on_click=start, args=again)
        draw_recording_download(run)
        draw_link(run)
        titles = {earlier: label(other) for earlier, other in reversed(others.items())}
        titles |= {name: f"Recording: {title}" for name, (title, _) in samples().items()}
        st.selectbox(
            "Compare with",
            list(titles),
            index=None,
            format_func=lambda which: titles.get(which, which),
            placeholder="Compare with …",
            key="events_other",
            on_change=compare,
            label_visibility="collapsed",
            icon=":material/compare_arrows:",
            width=280,
        )


def compare() -> None:
    which = st.session_state.events_other
    if which in samples():
        which = open_recording(samples()[which][1]).id
    if which is None:
        end_comparison()
    else:
        st.query_params["with"] = which


def end_comparison() -> None:
    st.session_state.events_other = None
    st.query_params.pop("with", None)


st.set_page_config(layout="wide")
state = inspector_state()

with st.container(horizontal=True, vertical_alignment="center"):
    st.subheader("Events", anchor=False, width="content")
    chain = draw_chain_choice()
    value = draw_input_popover(state, chain)
    draw_open_recording(state, key="events_files")
draw_chain_problems()
bottom = input_bar_without_scroll(chain_form.input_label(chain), key="events_input")

if request := inspector_actions.take_request(state, chain, value, bottom.text):
    bottom.model_line.await_model()
    result = inspector_actions.start_run(request, state.pending)
    inspector_actions.apply_result(state, request, result)
run_start.draw_limit_notice()
if state.problem:
    st.error(formatting.escape_markdown(state.problem), icon=":material/error:")
    state.problem = ""

state.sync_address()
run = run_links.find_run()
if run is None:
    draw_run_list(state)
    bottom.model_line.await_model()
    st.stop()
assert run is not None

draw_actions(state, run)
if other := run_links.find_run("with"):
    with st.container(border=True):
        st.button(
            "End the comparison",
            icon=":material/close:",
            type="tertiary",
            on_click=inspector_actions.end_comparison,
        )
        draw_comparison(run, other, pick=state.pick)
if run.is_live:
    bottom.stop.enable(run)
draw_run(state, run)
