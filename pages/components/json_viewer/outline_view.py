"""The growing document: one line a field, coloured and labelled by its state."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from weir.partial_json.outline import OutlineRow, Stage
from weir.text.invisible_characters import replace_invisible

_STYLE = """<style>
.wj { font: .85rem/1.6 "Source Code Pro", ui-monospace, monospace; overflow-wrap: anywhere; }
.wj div { display: flex; gap: .5rem; border-left: 3px solid var(--c); margin: 1px 0; background: var(--b);
  padding: 0 .4rem 0 calc(.4rem + var(--d, 0) * 1.1rem); border-radius: 3px; }
.wj i { font-style: normal; margin-left: auto; white-space: nowrap; padding-left: .5rem; font-size: .75rem; }
.wj em { margin-left: .5rem; font-size: .78rem; opacity: .85 }
.wj b { font-weight: 600; white-space: nowrap; }
.wj .d1 { --d: 1 } .wj .d2 { --d: 2 } .wj .d3 { --d: 3 } .wj .d4 { --d: 4 } .wj .d5 { --d: 5 } .wj .d6 { --d: 6 }
.wj .a { --c: #8a969966; --b: transparent; opacity: .7 } .wj .g { --c: #d08a1d; --b: #d08a1d22 }
.wj .c { --c: #4a7fd0; --b: #4a7fd01a } .wj .v { --c: #2f93a0; --b: #2f93a01c } .wj .x { --c: #cf4b4b; --b: #cf4b4b22 }
</style>"""

DEEPEST = 6
"""Levels that are indented; what is deeper stands below it."""

_MARKS = {Stage.ABSENT: "○", Stage.GROWING: "◐", Stage.CLOSED: "●", Stage.VALID: "✓", Stage.INVALID: "✗"}
_CLASSES = {Stage.ABSENT: "a", Stage.GROWING: "g", Stage.CLOSED: "c", Stage.VALID: "v", Stage.INVALID: "x"}

LEGEND = " · ".join(f"{_MARKS[stage]} {stage.value}" for stage in Stage)


def draw_style() -> None:
    """Draw what the lines look like: once, before them."""
    st.html(_STYLE)


def html(rows: Sequence[OutlineRow]) -> str:
    """Return the lines. They are sent many times while a text grows, so they are short."""
    return replace_invisible(f'<div class="wj">{"".join(map(_line, rows))}</div>')


def _line(row: OutlineRow) -> str:
    problem = f" <em>{escape(row.problem)}</em>" if row.stage is Stage.INVALID else ""
    key = f"<b>{escape(row.key, quote=False)}</b>" if row.key else ""
    return (
        f'<div class="{_CLASSES[row.stage]} d{min(row.depth, DEEPEST)}">{key}<span>{escape(row.preview, quote=False)}'
        f"{problem}</span><i>{_MARKS[row.stage]} {row.stage.value}</i></div>"
    )
