"""SSE client as a Streamlit component: it calls the HTTP API from the visitor's browser, by EventSource or fetch."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import streamlit as st

from pages.components.layout.translation import script_with_words, words_of

_HERE = Path(__file__).parent

_HTML = """
<section class="client">
  <div class="bar">
    <button type="button" data-part="start"></button>
    <button type="button" data-part="break"></button>
    <button type="button" data-part="stop"></button>
    <button type="button" data-part="test"></button>
  </div>
  <div role="status" aria-live="polite">
    <div class="status" data-part="status"></div>
    <div class="status" data-part="verdict"></div>
  </div>
  <div class="figures" data-part="figures"></div>
  <div class="panes">
    <div class="pane">
      <h2></h2>
      <ol class="box frames" data-part="frames" tabindex="0"></ol>
    </div>
    <div class="pane">
      <h2></h2>
      <div class="box text" data-part="text" role="region" tabindex="0"></div>
    </div>
  </div>
</section>
"""


def event_source(
    *,
    url: str,
    kind: Literal["text", "events", "plain"],
    reader: Literal["EventSource", "fetch"],
    round_number: int,
    ticks_url: str,
    break_url: str,
    run_id: str | None = None,
    ticket: str | None = None,
    may_stop: bool = True,
    again: Callable[[], None],
) -> None:
    """Open `url` in the browser and show the frames. A new `round_number` starts over; a rerun with the same does not.

    `kind` is the content of the frames: `{"content": …}`, recorded events, or plain text without frames. `reader` is
    the browser's EventSource, or fetch to show the raw bytes. *Start again* calls `again`. *Stop* is enabled if
    `may_stop`.
    """
    script = script_with_words(_HERE / "event_source.js")
    client = st.components.v2.component(
        "weir_event_source",
        html=_HTML,
        css=(_HERE / "event_source.css").read_text(encoding="utf-8"),
        js=script,
    )
    client(
        data={
            "words": words_of(script),
            "url": url,
            "kind": kind,
            "reader": reader,
            "round": round_number,
            "ticksUrl": ticks_url,
            "breakUrl": break_url,
            "runId": run_id,
            "ticket": ticket,
            "mayStop": may_stop,
        },
        key="event_source",
        on_again_change=again,
        width="stretch",
    )
