"""Analysis of a JSON text that is complete: playback, field timelines, one chunk, and a comparison of parsers."""

import json
from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from pages.components.json_viewer.json_source import JsonSource
from pages.components.json_viewer.json_state import JsonState
from pages.components.json_viewer.outline_view import chunks_html, html, legend
from pages.components.json_viewer.timeline_chart import draw_field_timeline
from pages.components.layout import formatting, playback_bar
from pages.components.layout.translation import N_, _, digits, ngettext
from pages.components.layout.weir_sentences import translated
from pages.components.session import run_links
from weir.partial_json.dialect import LIKE_LANGCHAIN, MODEL_ANSWER
from weir.partial_json.fields import FieldEvent, JsonError, ParseResult, ParseStatus
from weir.partial_json.json_patch import deltas, patch
from weir.partial_json.outline import outline
from weir.partial_json.parser import PartialJson
from weir.partial_json.parser_comparison import CANDIDATES, LANGCHAIN, ParserResult, compare_parsers

VIEWS = [N_("Field timeline"), N_("Current chunk"), N_("Parser comparison"), N_("Chain output")]
MAX_ROWS = 300
MAX_TEXT = 20_000
"""Characters that LangChain's parser is given: it starts over at each chunk."""
MAX_CHUNKS, MAX_CHARACTERS = 600, 6_000
"""Limits of the comparison: a parser that starts over at each chunk takes quadratic time."""
MAX_NAMED = 5
"""Invalid fields that are named beside the state."""
REFRESH_SECONDS = 0.25
HEIGHT = 330


def draw_analysis(state: JsonState, source: JsonSource) -> None:
    """Draw a text that is complete, again and again while it is played back."""
    playing = state.player(source).is_playing
    st.fragment(partial(_draw, state, source, playing), run_every=REFRESH_SECONDS if playing else None)()


def _draw(state: JsonState, source: JsonSource, was_playing: bool) -> None:
    if run_links.is_share_revoked(source.id):
        st.rerun()
    count = state.player(source).count()
    early = _draw_playback_bar(state, source, count)
    dialect = LIKE_LANGCHAIN if early else MODEL_ANSWER
    parser = PartialJson(source.schema, dialect=dialect)
    events: list[FieldEvent] = []
    for chunk in source.chunks[:count]:
        events = parser.feed(chunk.text)
    at_the_end = count == len(source.chunks)
    ending = parser.finish() if at_the_end else None
    draw_state(parser, ending, state.timelines_of(source).invalid_pointers if at_the_end else [])
    left, right = st.columns(2)
    with left, st.container(height=HEIGHT, border=True):
        st.html(chunks_html([chunk.text for chunk in source.chunks[:count]]))
    with right, st.container(height=HEIGHT, border=True):
        st.html(html(outline(parser, source.schema, limit=MAX_ROWS)))
    st.caption(legend())
    view = st.segmented_control(
        _("View"),
        VIEWS,
        format_func=_,
        default=VIEWS[0],
        required=True,
        key="json_view",
        label_visibility="collapsed",
        wrap=True,
    )
    if view == VIEWS[0]:
        at = source.chunks[count - 1].elapsed if count else source.chunks[0].elapsed
        draw_field_timeline(state.timelines_of(source), source.chunks[0].elapsed, source.chunks[-1].elapsed, at)
    elif view == VIEWS[1]:
        _draw_chunk(source, count, parser, events)
    elif view == VIEWS[2]:
        _draw_face_off(source, count)
    else:
        _draw_yielded(source)
    if was_playing != state.player(source).is_playing:
        st.rerun()


def _draw_playback_bar(state: JsonState, source: JsonSource, count: int) -> bool:
    """Draw the playback bar; return whether numbers are shown before they are complete."""
    player, total = state.player(source), len(source.chunks)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        playback_bar.draw_play_button(player, count, key="json")
        playback_bar.draw_slider(player, count, _("Chunks"), key="json")
        at = source.chunks[count - 1].elapsed if count else source.chunks[0].elapsed
        st.caption(
            _("chunk {count} of {total} · {at}").format(
                count=digits(count), total=digits(total), at=formatting.seconds(at)
            ),
            width="content",
        )
        return st.toggle(_("Show unfinished numbers"), key="json_early", help=_("As LangChain shows them: 1, 12, 120"))


def draw_state(parser: PartialJson, ending: ParseResult | None, invalid: Sequence[str]) -> None:
    """Draw the state of the text: growing, complete, cut off, or not JSON from some character on.

    `invalid` are the pointers of the values that do not fit the schema.
    """
    error = parser.error or (ending.error if ending else None)
    if ending is not None and ending.status is ParseStatus.COMPLETE and invalid:
        named = ", ".join(formatting.inline_code(pointer or _("(document)")) for pointer in invalid[:MAX_NAMED])
        more = ", …" if len(invalid) > MAX_NAMED else ""
        st.markdown(
            ngettext(
                ":red-badge[:material/rule: Complete, not valid] {count} field is invalid: {names}",
                ":red-badge[:material/rule: Complete, not valid] {count} fields are invalid: {names}",
                len(invalid),
            ).format(count=digits(len(invalid)), names=named + more)
        )
    elif ending is not None and ending.status is ParseStatus.COMPLETE:
        st.markdown(_(":green-badge[:material/check_circle: Complete]"))
    elif ending is not None and ending.status is ParseStatus.TRUNCATED:
        unfinished = ", ".join(formatting.inline_code(pointer or _("(document)")) for pointer in ending.open[-3:])
        st.markdown(
            _(
                ":orange-badge[:material/content_cut: Cut off] The text ends before the JSON does. "
                "Unfinished: {names}. What is closed can be used."
            ).format(names=unfinished or _("the document"))
        )
    elif isinstance(error, JsonError):
        st.markdown(
            _(":red-badge[:material/error: Not JSON] {error} The text before it is kept.").format(
                error=formatting.escape_markdown(translated(str(error)))
            )
        )
    else:
        st.markdown(_(":orange-badge[:material/edit: Growing]"))


@st.cache_data(max_entries=20, show_spinner=False)
def _cached_face_off(chunks: tuple[str, ...]) -> list[ParserResult]:
    return compare_parsers(chunks, max_chunks=MAX_CHUNKS, max_characters=MAX_CHARACTERS)


def _draw_chunk(source: JsonSource, count: int, parser: PartialJson, events: list[FieldEvent]) -> None:
    if not count:
        st.caption(_("No chunk has arrived yet."))
        return
    st.markdown(
        _("**Chunk {number}**: {text}").format(
            number=count, text=formatting.inline_code(json.dumps(source.chunks[count - 1].text, ensure_ascii=False))
        )
    )
    left, right = st.columns(2)
    with left:
        st.caption(_("This step as a JSON Patch (RFC 6902): a growing string is replaced"))
        st.code(_lines(patch(events, parser.value)), language="json", wrap_lines=True)
        st.caption(_("The same with *append*, which the standard does not have"))
        st.code(_lines(deltas(events, parser.value)), language="json", wrap_lines=True)
    with right:
        st.caption(_("The text so far, parsed by LangChain's JsonOutputParser"))
        parse = LANGCHAIN.begin()
        try:
            value = parse("".join(chunk.text for chunk in source.chunks[:count])[:MAX_TEXT])
        except Exception as error:  # the exception is the result to show
            st.code(f"{type(error).__name__}: {error}"[:300], language=None, wrap_lines=True)
        else:
            st.json(value if isinstance(value, dict | list) else {"value": value}, expanded=2)


def _lines(operations: object) -> str:
    listed = operations if isinstance(operations, list) else []
    return "\n".join(json.dumps(operation, ensure_ascii=False)[:2_000] for operation in listed) or "[]"


def _draw_face_off(source: JsonSource, count: int) -> None:
    scores = _cached_face_off(tuple(chunk.text for chunk in source.chunks))
    compared = scores[0].compared
    st.dataframe(
        pd.DataFrame(
            {
                _("parser"): [score.name for score in scores],
                _("µs a chunk"): [score.microseconds_per_chunk for score in scores],
                _("errors"): [score.errors for score in scores],
                _("type flips"): [score.growth.flips for score in scores],
                _("vanished keys"): [score.growth.vanished for score in scores],
                _("rewritten strings"): [score.growth.rewrites for score in scores],
                _("final value right"): [
                    {True: _("✓ yes"), False: _("✗ no"), None: _("not compared")}[score.ends_right] for score in scores
                ],
            }
        ),
        hide_index=True,
        column_config={_("µs a chunk"): st.column_config.NumberColumn(format="%.1f")},
        alt=_("How the parsers did on the same chunks"),
    )
    if compared < len(source.chunks):
        st.caption(
            _(
                "Over the first {shown} of {count} chunks: these parsers re-read everything at each chunk (quadratic)."
            ).format(shown=digits(compared), count=digits(len(source.chunks)))
        )
    step = min(count, compared)
    if not step:
        return
    st.caption(_("Each parser's value after chunk {number}").format(number=step))
    for column, score in zip(st.columns(len(CANDIDATES)), scores, strict=True):
        with column:
            st.markdown(f"**{score.name}**")
            result = score.steps[step - 1]
            if result.error is not None:
                st.code(result.error[:200], language=None, wrap_lines=True)
            else:
                st.json(result.value if isinstance(result.value, dict | list) else {"value": result.value}, expanded=1)


def _draw_yielded(source: JsonSource) -> None:
    if not source.yielded:
        st.caption(_("A pasted text has no chain. Choose *A model* to see what LangChain yields, and when."))
        return
    first, last = source.yielded[0].elapsed, source.yielded[-1].elapsed
    st.markdown(
        _(
            "The chain yielded **{count}** chunks; its model wrote **{written}**. The chain's first "
            "arrived at {first}, its last at {last}; the model's first at {model}."
        ).format(
            count=digits(len(source.yielded)),
            written=digits(len(source.chunks)),
            first=formatting.seconds(first),
            last=formatting.seconds(last),
            model=formatting.seconds(source.chunks[0].elapsed),
        )
    )
    last_chunks = source.yielded[-200:]
    st.dataframe(
        pd.DataFrame(
            {
                _("time (s)"): [chunk.elapsed for chunk in last_chunks],
                "chunk": [json.dumps(chunk.value, ensure_ascii=False)[:300] for chunk in last_chunks],
            }
        ),
        hide_index=True,
        column_config={
            _("time (s)"): st.column_config.NumberColumn(format="%.3f", width=80),
            "chunk": st.column_config.TextColumn(width="large"),
        },
        alt=_("What the chain yielded"),
    )
