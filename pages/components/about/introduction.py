"""Introduction to Weir: three sentences, and a picture of one recorded story with and without streaming."""

from functools import cache
from pathlib import Path

import streamlit as st

from pages.components.layout.translation import N_, _, localized
from pages.components.session.recordings import samples
from weir.analysis.method_race import seconds_spoken, timed_chunks
from weir.runs.recording_file import from_jsonl

SENTENCES = N_(
    "**Weir shows what a LangChain chain streams**: every token and every event, as it arrives. "
    "See how long the first word took, which step was slow, and what the model was sent; stop, replay and share it. "
    "It runs on your own machine or server, with any OpenAI-compatible model."
)
_RECORDING = "1-a-story"

_HTML = """
<div class="race" role="img">
  <div class="lane"><b></b><i></i><p></p></div>
  <div class="lane"><b></b><i></i><p></p></div>
</div>
"""


def draw_introduction() -> None:
    """Draw the sentences and the picture. It plays once in each tab, and has its full height from the start."""
    st.markdown(_(SENTENCES))
    here = Path(__file__).parent
    picture = st.components.v2.component(
        "weir_introduction",
        html=_HTML,
        css=(here / "introduction.css").read_text(encoding="utf-8"),
        js=(here / "introduction.js").read_text(encoding="utf-8"),
    )
    chunks = _chunks()
    first, last = chunks[0][0], chunks[-1][0]
    label = _(
        "One recorded story, twice. With streaming the first word is there after {first}, without it after {last}."
    ).format(first=localized(seconds_spoken(first)), last=localized(seconds_spoken(last)))
    lanes = [_("Without streaming"), _("With streaming")]
    data = {"chunks": chunks, "label": label, "lanes": lanes, "decimal": localized("0.0")[1]}
    picture(data=data, key="introduction", width="stretch", height=190)


@cache
def _chunks() -> list[tuple[float, str]]:
    """Return the recorded story, in seconds since the model was called."""
    return timed_chunks(from_jsonl(samples()[_RECORDING][1]))
