"""What is seen of a JSON text once it is there: any moment of it, its life-lines, and other parsers beside it."""

import json
import time
from functools import partial

import pandas as pd
import streamlit as st

from pages.components.json_viewer.json_source import JsonSource
from pages.components.json_viewer.outline_view import LEGEND, html
from pages.components.json_viewer.timeline_chart import draw_lifelines
from pages.components.layout import formatting
from pages.components.session import run_links
from weir.analysis.playback import Playhead, playhead_at_end
from weir.partial_json.dialect import LIKE_LANGCHAIN, MODEL_ANSWER
from weir.partial_json.field_timeline import FieldTimelines, field_timelines
from weir.partial_json.fields import FieldEvent, JsonError, ParseResult, ParseStatus
from weir.partial_json.json_patch import deltas, patch
from weir.partial_json.outline import outline
from weir.partial_json.parser import PartialJson
from weir.partial_json.parser_comparison import CANDIDATES, LANGCHAIN, ParserResult, compare_parsers
from weir.text.invisible_characters import replace_invisible

VIEWS = ["Life-line", "This chunk", "Face-off", "The chain's own chunks"]
MAX_ROWS = 300
MAX_TEXT = 20_000
"""Characters of the raw text that are shown; the last ones."""
MAX_CHUNKS, MAX_CHARACTERS = 600, 6_000
"""What the face-off compares: a parser that starts anew at each chunk takes the square of it."""
PLAY_EVERY = 0.25
HEIGHT = 330


def draw_analysis(source: JsonSource) -> None:
    """Draw a text that has ended."""
    playing = _head(source).is_playing
    st.fragment(partial(_draw, source, playing), run_every=PLAY_EVERY if playing else None)()


def _head(source: JsonSource) -> Playhead:
    kept: tuple[str, Playhead] | None = st.session_state.get("json_playhead")
    return kept[1] if kept and kept[0] == source.id else playhead_at_end(source.chunks)


def _move(source: JsonSource, head: Playhead) -> None:
    st.session_state.json_playhead = (source.id, head)


def _draw(source: JsonSource, was_playing: bool) -> None:
    if run_links.is_share_revoked(source.id):
        st.rerun()
    head = _head(source)
    count = head.events_at(time.monotonic(), source.chunks)
    if head.is_playing and count >= len(source.chunks):
        _move(source, playhead_at_end(source.chunks))
    early = _draw_bar(source, count)
    dialect = LIKE_LANGCHAIN if early else MODEL_ANSWER
    parser = PartialJson(dialect, source.schema)
    events: list[FieldEvent] = []
    for chunk in source.chunks[:count]:
        events = parser.feed(chunk.text)
    at_the_end = count == len(source.chunks)
    ending = parser.finish() if at_the_end else None
    draw_state(parser, ending)
    left, right = st.columns(2)
    with left:
        text = "".join(chunk.text for chunk in source.chunks[:count])
        draw_raw(text, limit=MAX_TEXT, height=HEIGHT)
    with right, st.container(height=HEIGHT, border=True):
        st.html(html(outline(parser, source.schema, limit=MAX_ROWS)))
    st.caption(LEGEND)
    view = st.segmented_control(
        "View", VIEWS, default=VIEWS[0], required=True, key="json_view", label_visibility="collapsed", wrap=True
    )
    if view == VIEWS[0]:
        draw_lifelines(_lives(source), source.chunks[0].elapsed, source.chunks[-1].elapsed)
    elif view == VIEWS[1]:
        _draw_chunk(source, count, parser, events)
    elif view == VIEWS[2]:
        _draw_face_off(source, count)
    else:
        _draw_yielded(source)
    if was_playing != _head(source).is_playing:
        st.rerun()


def _draw_bar(source: JsonSource, count: int) -> bool:
    """Draw where in the text one is; return whether numbers are shown early."""
    head, total = _head(source), len(source.chunks)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        playing = head.is_playing
        st.button(
            "Pause" if playing else "Replay" if count >= total else "Play",
            icon=":material/pause:" if playing else ":material/play_arrow:",
            key="json_play",
            on_click=_toggle,
            args=(source,),
            width=110,
        )
        st.session_state.json_scrub = count
        st.slider("Chunks", 0, total, key="json_scrub", on_change=_scrub, args=(source,), label_visibility="collapsed")
        at = source.chunks[count - 1].elapsed if count else source.chunks[0].elapsed
        st.caption(f"chunk {count:,} of {total:,} · {formatting.seconds(at)}", width="content")
        return st.toggle("Numbers as they are written", key="json_early", help="As LangChain shows them: 1, 12, 120")


def _toggle(source: JsonSource) -> None:
    head, now = _head(source), time.monotonic()
    _move(source, head.pause(now, source.chunks) if head.is_playing else head.play(now, source.chunks))


def _scrub(source: JsonSource) -> None:
    _move(source, Playhead(0, 0.0).seek(st.session_state.json_scrub, source.chunks))


def draw_raw(text: str, *, limit: int, height: int) -> None:
    """Draw the end of the raw text."""
    before = len(text) - limit
    shown = f"… {before:,} characters before …\n{text[-limit:]}" if before > 0 else text
    st.code(replace_invisible(shown) or " ", language=None, wrap_lines=True, height=height)


def draw_state(parser: PartialJson, ending: ParseResult | None) -> None:
    """Say how the text stands: growing, complete, cut off, or no JSON from some character on."""
    error = parser.error or (ending.error if ending else None)
    if ending is not None and ending.status is ParseStatus.COMPLETE:
        st.markdown(":green-badge[:material/check_circle: Complete]")
    elif ending is not None and ending.status is ParseStatus.TRUNCATED:
        unfinished = ", ".join(formatting.inline_code(pointer or "(document)") for pointer in ending.open[-3:])
        st.markdown(
            f":orange-badge[:material/content_cut: Cut off] The text ends before the JSON does; not finished: "
            f"{unfinished or 'the document'}. What is closed can be used."
        )
    elif isinstance(error, JsonError):
        st.markdown(
            f":red-badge[:material/error: Not JSON] {formatting.escape_markdown(str(error))} "
            "What came before it is kept."
        )
    else:
        st.markdown(":orange-badge[:material/edit: Growing]")


@st.cache_data(max_entries=20, show_spinner=False)
def _cached_face_off(chunks: tuple[str, ...]) -> list[ParserResult]:
    return compare_parsers(chunks, max_chunks=MAX_CHUNKS, max_characters=MAX_CHARACTERS)


def _lives(source: JsonSource) -> FieldTimelines:
    kept: tuple[str, FieldTimelines] | None = st.session_state.get("json_lives")
    if kept is None or kept[0] != source.id:
        kept = st.session_state.json_lives = (source.id, field_timelines(source.chunks, source.schema))
    return kept[1]


def _draw_chunk(source: JsonSource, count: int, parser: PartialJson, events: list[FieldEvent]) -> None:
    if not count:
        st.caption("Nothing has come yet.")
        return
    st.markdown(
        f"**Chunk {count}**: {formatting.inline_code(json.dumps(source.chunks[count - 1].text, ensure_ascii=False))}"
    )
    left, right = st.columns(2)
    with left:
        st.caption("The step as a JSON Patch (RFC 6902); a string that grows is replaced")
        st.code(_lines(patch(events, parser.value)), language="json", wrap_lines=True)
        st.caption("The same with *append*, which is not in the standard")
        st.code(_lines(deltas(events, parser.value)), language="json", wrap_lines=True)
    with right:
        st.caption("What LangChain's JsonOutputParser makes of the text so far")
        show = LANGCHAIN.begin()
        try:
            shown = show("".join(chunk.text for chunk in source.chunks[:count])[:MAX_TEXT])
        except Exception as error:  # what a parser raises is its answer
            st.code(f"{type(error).__name__}: {error}"[:300], language=None, wrap_lines=True)
        else:
            st.json(shown if isinstance(shown, dict | list) else {"value": shown}, expanded=2)


def _lines(operations: object) -> str:
    found = operations if isinstance(operations, list) else []
    return "\n".join(json.dumps(operation, ensure_ascii=False)[:2_000] for operation in found) or "[]"


def _draw_face_off(source: JsonSource, count: int) -> None:
    scores = _cached_face_off(tuple(chunk.text for chunk in source.chunks))
    compared = scores[0].compared
    st.dataframe(
        pd.DataFrame(
            {
                "parser": [score.name for score in scores],
                "µs a chunk": [score.microseconds_per_chunk for score in scores],
                "no value": [score.errors for score in scores],
                "type flips": [score.growth.flips for score in scores],
                "vanished keys": [score.growth.vanished for score in scores],
                "rewritten strings": [score.growth.rewrites for score in scores],
                "ends right": [
                    {True: "✓ yes", False: "✗ no", None: "not compared"}[score.ends_right] for score in scores
                ],
            }
        ),
        hide_index=True,
        column_config={"µs a chunk": st.column_config.NumberColumn(format="%.1f")},
        alt="How the parsers did on the same chunks",
    )
    if compared < len(source.chunks):
        st.caption(
            f"Over the first {compared:,} of {len(source.chunks):,} chunks: parsers that start anew at each chunk take "
            "the square of the text."
        )
    step = min(count, compared)
    if not step:
        return
    st.caption(f"What each shows after chunk {step}")
    for column, score in zip(st.columns(len(CANDIDATES)), scores, strict=True):
        with column:
            st.markdown(f"**{score.name}**")
            found = score.steps[step - 1]
            if found.error is not None:
                st.code(found.error[:200], language=None, wrap_lines=True)
            else:
                st.json(found.value if isinstance(found.value, dict | list) else {"value": found.value}, expanded=1)


def _draw_yielded(source: JsonSource) -> None:
    if not source.yielded:
        st.caption("A pasted text has no chain. Ask for a topic below to see what LangChain gives out, and when.")
        return
    first, last = source.yielded[0].at, source.yielded[-1].at
    st.markdown(
        f"The chain gave out **{len(source.yielded):,}** chunks while its model wrote **{len(source.chunks):,}**: the "
        f"first at {formatting.seconds(first)}, the last at {formatting.seconds(last)}. The model's first came at "
        f"{formatting.seconds(source.chunks[0].elapsed)}."
    )
    shown = source.yielded[-200:]
    st.dataframe(
        pd.DataFrame(
            {
                "time (s)": [chunk.at for chunk in shown],
                "chunk": [json.dumps(chunk.value, ensure_ascii=False)[:300] for chunk in shown],
            }
        ),
        hide_index=True,
        column_config={
            "time (s)": st.column_config.NumberColumn(format="%.3f", width=80),
            "chunk": st.column_config.TextColumn(width="large"),
        },
        alt="What the chain gave out",
    )
