import json

import streamlit as st

from chains.registry import prepare_structured
from chains.structured import EXAMPLES, Profile, StructuredMethod
from pages.components.answer.share_popover import draw_link
from pages.components.json_viewer.analysis import HEIGHT, draw_analysis
from pages.components.json_viewer.json_source import (
    Chunker,
    JsonSource,
    form_of,
    of_run,
    of_text,
    own_schema,
    schema_of,
)
from pages.components.json_viewer.outline_view import LEGEND, draw_style, html
from pages.components.layout import formatting
from pages.components.layout.input_bar import input_bar_without_scroll
from pages.components.session import run_links, run_start
from pages.components.session.app_services import service
from pages.components.session.recordings import draw_recording_upload
from weir.access.limits import LimitReachedError
from weir.analysis.metrics import run_metrics
from weir.analysis.outcome import AnswerStatus, outcome
from weir.analysis.run_json import RunJsonReader
from weir.llm.chain_registry import ModelNotReadyError
from weir.partial_json.checked_schema import SchemaError
from weir.partial_json.outline import outline
from weir.partial_json.parser import PartialJson
from weir.runs.run import Run
from weir.text.invisible_characters import replace_invisible

LIVE_EVERY = 0.4
LIVE_ROWS = 14
LIVE_TEXT = 500
OWN, NONE = "My own", "None"
MODEL, PASTE = "A model", "Pasted text"
IDEAS = ["The sea", "Nasi goreng", "A lighthouse"]
FIELDS = "name: str\nyear: int\ntags: list[str]\nverdict: Literal['good', 'bad']"
PASTED = '{"name": "Weir \\ud83c\\udf0a", "tags": ["stream", "gauge"], "height": 1.5e0, "open": true, "owner": null}'


def start(topic: str) -> None:
    if chosen is None:
        st.session_state.json_problem = "The schema has to be mended first."
        return
    try:
        prepared = prepare_structured(service().models, topic, chosen or Profile, method)
    except ModelNotReadyError:
        st.session_state.json_waiting = topic
        return
    try:
        run = run_start.start(prepared, name="structured", begun=run_start.pending_run("json").note)
    except LimitReachedError as reached:
        run_start.restore_input("json_input", topic, reached)
        return
    open_run(run.id)


def open_uploaded(run: Run) -> None:
    st.session_state.json_files = False
    open_run(run.id)


def open_run(run_id: str) -> None:
    st.session_state.json_pasted = None
    st.session_state.json_run = run_id
    st.query_params["run"] = run_id
    run_start.pending_run("json").run_id = None


def parse_pasted() -> None:
    st.session_state.json_run = None
    st.query_params.pop("run", None)
    st.session_state.json_pasted = (
        st.session_state.json_text,
        Chunker(st.session_state.json_chunker),
        int(st.session_state.get("json_size") or 8),
        int(st.session_state.json_cut),
    )
    run_start.pending_run("json").run_id = None


def draw_schema() -> dict[str, object] | type | None:
    options = [*EXAMPLES, OWN] if kind == MODEL else [NONE, *EXAMPLES, OWN]
    name = st.selectbox("Schema", options, key=f"json_schema_{kind}", width=160, label_visibility="collapsed")
    with st.popover("Schema", icon=":material/schema:"):
        if name == NONE:
            st.caption("The text is parsed, and judged by no schema.")
            return {}
        if name != OWN:
            st.json(EXAMPLES[name].model_json_schema(), expanded=3)
            return EXAMPLES[name]
        text = st.text_area(
            "A list of fields, or a JSON Schema",
            value=FIELDS,
            key="json_own",
            height=220,
            persist_state="session",
            help="`name: str`, `tags: list[str]`, `stars: int | None`, `verdict: Literal['good', 'bad']`",
        )
        try:
            schema = own_schema(text)
            PartialJson(schema=form_of(schema))
        except (ValueError, SchemaError) as error:
            st.error(formatting.escape_markdown(str(error)), icon=":material/error:")
            return None
        st.json(form_of(schema), expanded=2)
        return schema


def draw_paste() -> None:
    st.text_area("JSON, with or without prose around it", value=PASTED, key="json_text", height=120)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "Cut into", list(Chunker), default=Chunker.FOUR, required=True, key="json_chunker", wrap=True
        )
        if st.session_state.json_chunker == Chunker.N:
            st.number_input("n", 1, 10_000, 8, key="json_size", width=120)
        st.number_input("Without its last characters", 0, 1_000_000, 0, key="json_cut", width=200)
        st.button("Parse", icon=":material/play_arrow:", type="primary", on_click=parse_pasted)


def follow(run: Run) -> None:
    """Show a run while it writes. What is sent at each step has a bound, so that it is never behind."""
    schema = schema_of(run)
    parser, stream, fed, tail = PartialJson(schema=schema), RunJsonReader(), 0, ""
    for batch in run.follow(every=LIVE_EVERY, heartbeat=0.1):
        st.session_state.get("_")
        run_links.rerun_if_unshared(run)
        stream.read(batch)
        new = stream.chunks(fed)
        if not new:
            continue
        fed += len(new)
        for chunk in new:
            parser.feed(chunk.text)
            tail += chunk.text
        tail = tail[-LIVE_TEXT:]
        raw.code(replace_invisible(tail), language=None, wrap_lines=True, height=HEIGHT)
        grown.html(html(outline(parser, schema, limit=LIVE_ROWS)))
        head.caption(f"{fed:,} chunks · the last at {formatting.seconds(new[-1].elapsed)}")


st.set_page_config(layout="wide")
draw_style()
with st.container(horizontal=True, vertical_alignment="center"):
    st.subheader("Partial JSON", anchor=False, width="content")
    kind = st.segmented_control(
        "From", [MODEL, PASTE], default=MODEL, required=True, key="json_kind", label_visibility="collapsed"
    )
    chosen = draw_schema()
    method = StructuredMethod.DICT
    if kind == MODEL:
        st.selectbox(
            "Method",
            list(StructuredMethod),
            key="json_method",
            width=200,
            label_visibility="collapsed",
            icon=":material/code:",
        )
        method = StructuredMethod(st.session_state.json_method)
    with st.popover("Open a recording", icon=":material/upload_file:", key="json_files", on_change="rerun"):
        draw_recording_upload(opened=open_uploaded)
if kind == MODEL:
    if method is StructuredMethod.PYDANTIC and isinstance(chosen, dict):
        st.caption(":material/info: A JSON Schema is not a class: write a list of fields, or choose another method.")
        chosen = None
    st.code(method.code, language="python")
else:
    draw_paste()

bottom = input_bar_without_scroll("A topic to describe as JSON", key="json_input")
if topic := bottom.text or st.session_state.pop("json_waiting", ""):
    bottom.model_line.await_model()
    start(topic)
    if run_start.has_limit_notice():
        st.rerun()
elif begun := run_start.pending_run("json").run_id:
    open_run(begun)
run_start.draw_limit_notice()
if problem := st.session_state.pop("json_problem", ""):
    st.error(problem, icon=":material/error:")
if "run" in st.query_params:
    st.session_state.json_run = st.query_params["run"]
elif st.session_state.get("json_run"):
    st.query_params["run"] = st.session_state.json_run

pasted = st.session_state.get("json_pasted")
run = None if pasted else run_links.find_run()
if run is None and not pasted:
    if kind == MODEL:
        st.markdown(
            "Give a topic below: a model answers in JSON, and each field is shown as it grows, closes and is checked "
            "against the schema. Or paste a text, and see how a parser copes with it: no model is needed for that."
        )
        for idea in IDEAS:
            st.button(idea, icon=":material/lightbulb:", key=f"json-idea-{idea}", on_click=start, args=(idea,))
    bottom.model_line.await_model()
    st.stop()

source: JsonSource
if pasted:
    text, chunker, size, cut = pasted
    source = of_text(text, chunker, size, cut, form_of(chosen) if chosen else None)
else:
    assert run is not None
    head = st.empty()
    if run.is_live:
        bottom.stop.enable(run)
        left, right = st.columns(2)
        with left:
            raw = st.empty()
        with right, st.container(height=HEIGHT, border=True):
            grown = st.empty()
        st.caption(LEGEND)
        follow(run)
        st.rerun()
    stream = RunJsonReader()
    stream.read(run.events)
    source = of_run(run, stream)
    measured = run_metrics(run.events)
    said = outcome(run, measured)
    given = json.dumps(run.input, ensure_ascii=False)[:80]
    head.markdown(
        f"**{formatting.escape_markdown(run.name)}** {formatting.escape_markdown(given)} · {said.status.value} · "
        f"{formatting.metrics_line(measured)}"
    )
    if said.sentence:
        st.markdown(f"{said.sentence} {said.remedy}")
        if said.detail:
            st.code(replace_invisible(said.detail), language=None, wrap_lines=True)
    with st.container(horizontal=True, vertical_alignment="center"):
        asked = run.input.get("topic") if isinstance(run.input, dict) else None
        if said.status is not AnswerStatus.DONE and kind == MODEL and not run.is_recording and asked:
            st.button("Retry", icon=":material/refresh:", on_click=start, args=(asked,))
        st.page_link(
            "events.py", label="Inspect", icon=":material/timeline:", query_params={"run": run.id}, width="content"
        )
        draw_link(run)
if not source.chunks:
    st.caption("There is no text in it.")
    st.stop()
draw_analysis(source)
