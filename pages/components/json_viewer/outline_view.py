"""The growing document: one line a field, coloured and labelled by its state."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from streaming.json_outline import Row, Stage

_STYLE = """<style>
.wj { font: .85rem/1.55 var(--st-code-font, ui-monospace, monospace); overflow-wrap: anywhere; }
.wj div { display: flex; gap: .5rem; border-left: 3px solid var(--c); margin: 1px 0; background: var(--b);
  padding: 0 .4rem 0 calc(.4rem + var(--d) * 1.1rem); border-radius: 3px; }
.wj i { font-style: normal; margin-left: auto; white-space: nowrap; padding-left: .5rem; font-size: .75rem; }
.wj b { font-weight: 600; white-space: nowrap; }
.wj .a { --c: #8a969966; --b: transparent; opacity: .7 } .wj .g { --c: #d08a1d; --b: #d08a1d22 }
.wj .c { --c: #4a7fd0; --b: #4a7fd01a } .wj .v { --c: #2f93a0; --b: #2f93a01c } .wj .x { --c: #cf4b4b; --b: #cf4b4b22 }
</style>"""

_MARKS = {Stage.ABSENT: "○", Stage.GROWING: "◐", Stage.CLOSED: "●", Stage.VALID: "✓", Stage.INVALID: "✗"}
_CLASSES = {Stage.ABSENT: "a", Stage.GROWING: "g", Stage.CLOSED: "c", Stage.VALID: "v", Stage.INVALID: "x"}

LEGEND = " · ".join(f"{_MARKS[stage]} {stage.value}" for stage in Stage)


def draw_style() -> None:
    """Draw what the lines look like: once, before them."""
    st.html(_STYLE)


def html(rows: Sequence[Row]) -> str:
    """Return the lines."""
    return f'<div class="wj">{"".join(map(_line, rows))}</div>'


def _line(row: Row) -> str:
    label = f"{_MARKS[row.stage]} {row.stage.value}"
    problem = f" {escape(row.problem)}" if row.stage is Stage.INVALID else ""
    return (
        f'<div class="{_CLASSES[row.stage]}" style="--d:{row.depth}"><b>{escape(row.key)}</b>'
        f"<span>{escape(row.preview)}{problem}</span><i>{label}</i></div>"
    )
