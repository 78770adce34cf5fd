import streamlit as st

from chains.catalog import ModelNotReadyError, prepare_conversation
from pages.components import event_table, links, words
from pages.components.composer import still_composer
from pages.components.keep_alive import my_runs, remember
from pages.components.service import service
from streaming import recording
from streaming.folding import Row
from streaming.metrics import figures
from streaming.outcome import outcome
from streaming.run import Run
from streaming.tree import tree

LIVE_EVERY = 0.5
NEWEST = 200
IDEAS = ["What is 25 × 17?", "Write a haiku about rain"]


def run_question(question: str) -> None:
    try:
        prepared = prepare_conversation(service().models, question, [])
    except ModelNotReadyError:
        st.session_state.events_waiting = question
        return
    run = service().recorder.start(prepared.runnable, prepared.value, context=prepared.context)
    remember(run)
    open_run(run.id)


def open_run(run_id: str) -> None:
    st.session_state.events_run = run_id
    st.query_params["run"] = run_id


def draw_run(run: Run) -> list[Row]:
    seen = list(run.events)
    root = tree(seen)
    if root is None:
        head.caption("The run is about to begin.")
        return []
    measured = figures(seen)
    said = outcome(run, measured)
    head.markdown(f"**{run.name}** · {said.mark.value} · {len(seen):,} events · {words.figures_line(measured)}")
    problem.markdown(f"{said.sentence} {said.remedy}")
    tree_place.dataframe(event_table.tree_table(root), hide_index=True, column_config=event_table.TREE_COLUMNS)
    chart_place.altair_chart(event_table.timeline(root, seen))
    kept = [event for event in seen if wish.passes(event)]
    shown = event_table.table_rows(kept, search=search)
    count.caption(f"keeps {len(kept):,} of {len(seen):,} events, in {len(shown):,} rows")
    return shown


def draw_live_table(shown: list[Row]) -> None:
    newest = event_table.event_table(shown[-NEWEST:])
    table_place.dataframe(newest, hide_index=True, column_config=event_table.COLUMNS)


def draw_table(run: Run, shown: list[Row]) -> None:
    with table_place.container():
        picked = st.dataframe(
            event_table.event_table(shown),
            hide_index=True,
            column_config=event_table.COLUMNS,
            on_select="rerun",
            selection_mode="single-row",
            key=f"events-table-{run.id}-{wish}-{search}",
        )
        for number in picked["selection"]["rows"]:
            st.json(event_table.payload(shown[number]), expanded=3)
        st.download_button(
            "Recording",
            b"".join(recording.lines(run)),
            file_name=f"weir-{run.id}.jsonl",
            mime=recording.MEDIA_TYPE,
            icon=":material/download:",
            on_click="ignore",
        )


st.set_page_config(layout="wide")
bottom = still_composer("Ask a question and watch its events", key="events_input")
if question := bottom.text or st.session_state.pop("events_waiting", ""):
    bottom.model_line.await_model()
    run_question(question)
if "run" in st.query_params:
    st.session_state.events_run = st.query_params["run"]
elif "events_run" in st.session_state:
    st.query_params["run"] = st.session_state.events_run

st.subheader("Events", anchor=False)
run = links.find_run()
with st.empty():
    if run is None:
        with st.container():
            st.markdown(
                "Every event of a run, live or afterwards. Press *Inspect* on any answer, or ask something here:"
            )
            for idea in IDEAS:
                st.button(
                    idea, icon=":material/lightbulb:", key=f"events-idea-{idea}", on_click=run_question, args=(idea,)
                )
            for earlier in reversed(my_runs()):
                label = f"{earlier.name}: {str(next(iter(earlier.input.values()), ''))[:60]}"
                key = f"events-{earlier.id}"
                st.button(
                    label, icon=":material/history:", key=key, type="tertiary", on_click=open_run, args=(earlier.id,)
                )
bottom.model_line.await_model()
if run is None:
    st.stop()

head = st.empty()
problem = st.empty()
st.markdown("**Run tree**")
tree_place = st.empty()
st.markdown("**Timeline**: a bar for each component, a mark for each chunk")
chart_place = st.empty()
st.markdown("**Events**")
with st.expander("Filter, as `astream_events` filters", icon=":material/filter_alt:"):
    wish = event_table.event_filter(list(run.events))
    st.code(event_table.astream_events_call(wish), language="python")
search = st.text_input(
    "Search names and payloads",
    key="events_search",
    placeholder="Search names and payloads",
    label_visibility="collapsed",
)
count = st.empty()
table_place = st.empty()

if run.is_live:
    bottom.stop.arm(run)
    for _ in run.follow(every=LIVE_EVERY, heartbeat=0.1):
        st.session_state.get("_")
        draw_live_table(draw_run(run))
    st.rerun()
draw_table(run, draw_run(run))
