"""The outline of a JSON document that grows: one line a field, coloured and labelled by its stage."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from pages.components.layout.palette import AMBER, BLUE, GREY, RED, TEAL
from pages.components.layout.translation import _, digits
from pages.components.layout.weir_sentences import translated
from weir.partial_json.outline import OutlineRow, Stage
from weir.text.invisible_characters import replace_invisible

_STYLE = """<style>
.wj { font: .85rem/1.6 "Source Code Pro", ui-monospace, monospace; overflow-wrap: anywhere; }
.wj div { display: flex; gap: .5rem; border-left: 3px solid var(--c); margin: 1px 0; background: var(--b);
  padding: 0 .4rem 0 calc(.4rem + var(--d, 0) * 1.1rem); border-radius: 3px; }
.wj i { font-style: normal; margin-left: auto; white-space: nowrap; padding-left: .5rem; font-size: .75rem; }
.wj em { margin-left: .5rem; font-size: .78rem; opacity: .85 }
.wj b { font-weight: 600; white-space: nowrap; }
.wr { font: .8rem/1.6 "Source Code Pro", ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere;
  margin: 0; }
.wr i { font-style: normal; background: light-dark(#dfecee, #22414a); border-radius: 2px; }
.wj .d1 { --d: 1 } .wj .d2 { --d: 2 } .wj .d3 { --d: 3 } .wj .d4 { --d: 4 } .wj .d5 { --d: 5 } .wj .d6 { --d: 6 }
</style>"""
_COLORS = (
    "<style>"
    f".wj .a {{ --c: {GREY}66; --b: transparent; opacity: .7 }} .wj .g {{ --c: {AMBER}; --b: {AMBER}22 }} "
    f".wj .c {{ --c: {BLUE}; --b: {BLUE}1a }} .wj .v {{ --c: {TEAL}; --b: {TEAL}1c }} "
    f".wj .x {{ --c: {RED}; --b: {RED}22 }}"
    "</style>"
)

MAX_TINTED_CHUNKS, MAX_CHUNK_CHARS = 1_000, 20_000
"""Of a longer text the end is shown: so many chunks, and of one chunk so many characters."""

MAX_INDENT = 6
"""Levels that are indented; deeper ones are drawn at this level."""

_MARKS = {Stage.ABSENT: "○", Stage.GROWING: "◐", Stage.CLOSED: "●", Stage.VALID: "✓", Stage.INVALID: "✗"}
_CLASSES = {Stage.ABSENT: "a", Stage.GROWING: "g", Stage.CLOSED: "c", Stage.VALID: "v", Stage.INVALID: "x"}


def legend() -> str:
    """Return what the marks mean, in one line."""
    return " · ".join(f"{_MARKS[stage]} {translated(stage.value)}" for stage in Stage)


def draw_style() -> None:
    """Draw the style sheet of the lines, once a page."""
    st.html(_STYLE + _COLORS)


def html(rows: Sequence[OutlineRow]) -> str:
    """Return the lines as HTML. They are sent many times while a text grows, so class names are short."""
    return replace_invisible(f'<div class="wj">{"".join(map(_line, rows))}</div>')


def chunks_html(chunks: Sequence[str]) -> str:
    """Return the end of a text as HTML, with every second chunk tinted."""
    hidden = max(0, len(chunks) - MAX_TINTED_CHUNKS)
    parts = [f"… {_('{count} chunks before').format(count=digits(hidden))} …\n"] if hidden else []
    for number in range(hidden, len(chunks)):
        text = escape(chunks[number][-MAX_CHUNK_CHARS:], quote=False)
        parts.append(f"<i>{text}</i>" if number % 2 else text)
    return replace_invisible(f'<pre class="wr" tabindex="0">{"".join(parts)}</pre>')


def _line(row: OutlineRow) -> str:
    problem = f" <em>{escape(row.problem)}</em>" if row.stage is Stage.INVALID else ""
    key = f"<b>{escape(row.key, quote=False)}</b>" if row.key else ""
    classes = f"{_CLASSES[row.stage]} d{min(row.depth, MAX_INDENT)}"
    return (
        f'<div class="{classes}">{key}<span>{escape(row.preview, quote=False)}'
        f"{problem}</span><i>{_MARKS[row.stage]} {translated(row.stage.value)}</i></div>"
    )
