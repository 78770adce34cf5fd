"""Waterfall of a run as a Streamlit component: components and chunks on one time axis, which select events."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from pages.components.layout.translation import _, script_with_words, words_of

ROW_HEIGHT, HEAD_HEIGHT = 22, 26
"""Pixels, as in `waterfall.js`."""
PHONE_HEIGHT = 300
"""Pixels at most on a phone, as in `page_layout.css`."""

HTML = """
<div class="waterfall">
  <div class="head">
    <div class="cells">
      <span class="zoom">
        <button type="button" data-part="in">+</button>
        <button type="button" data-part="out">&minus;</button>
        <button type="button" data-part="whole">&#8596;</button>
      </span>
      <span></span><span></span><span></span><span></span>
    </div>
    <canvas width="0" height="0" class="axis" aria-hidden="true"></canvas>
  </div>
  <div class="tree" role="tree" tabindex="0">
    <div class="space" role="none"></div>
    <div class="rows" role="none"></div>
    <canvas width="0" height="0" class="bars" aria-hidden="true"></canvas>
  </div>
  <div class="hidden"></div>
  <div class="tip" hidden></div>
</div>
"""

_HERE = Path(__file__).parent


@functools.cache
def script() -> str:
    """Return the component's JavaScript: one module, because a component is given its script as one text."""
    names = ("waterfall_bars.js", "waterfall_row.js", "waterfall.js")
    return script_with_words(*(_HERE / name for name in names))


@functools.cache
def style(rows: int) -> str:
    """Return the component's CSS, for a waterfall as high as so many rows; on a phone, as a third of the screen."""
    height = HEAD_HEIGHT + rows * ROW_HEIGHT
    # Here and not by the script, before whose first run the place of the component would be too low.
    fixed = f".waterfall {{ height: {height}px; }}\n"
    phone = f"@media (max-width: 640px) {{ .waterfall {{ max-height: {PHONE_HEIGHT}px; }} }}\n"
    return (_HERE / "waterfall.css").read_text(encoding="utf-8") + fixed + phone


def draw_waterfall(
    value: dict[str, Any],
    *,
    run_id: str,
    key: str,
    rows: int,
    pick: Callable[[int], None],
    selected: int | None = None,
    at: float | None = None,
    label: str = "",
) -> None:
    """Draw a waterfall (`weir.analysis.waterfall_rows`) as high as so many rows. A click or an arrow key calls `pick`.

    `selected` is the number of a row, `at` a moment that is marked.
    """

    def on_pick() -> None:
        seq = st.session_state[key].get("pick")
        if isinstance(seq, int):
            pick(seq)

    component = st.components.v2.component(f"weir_waterfall_{rows}", html=HTML, css=style(rows), js=script())
    component(
        data={
            **value,
            "id": f"{key}:{run_id}",
            "selected": selected,
            "at": at,
            "label": label or _("Components of the run"),
            "words": words_of(script()),
        },
        key=key,
        on_pick_change=on_pick,
        width="stretch",
        height=HEAD_HEIGHT + rows * ROW_HEIGHT,
    )
