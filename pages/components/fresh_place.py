"""A place whose old content goes at once when something else is to be written there."""

import contextlib
from collections.abc import Iterator

import streamlit as st

HOLDS = 8
"""Elements that a place has room for, one below the other."""


@contextlib.contextmanager
def fresh_place(place: str, content: str) -> Iterator[None]:
    """Draw what the `with` block draws, in an empty place if `content`, an id, is not what stood there before.

    Streamlit tells elements apart by their position, and leaves what has no successor on the page, greyed, until the
    script has ended: below a story that is being written would stand the end of the one before. So another content
    takes the other half of twice the room, and nothing is drawn in the half that it leaves.
    """
    known: dict[str, tuple[str, bool]] = st.session_state.setdefault("places", {})
    before, lower = known.get(place, (content, False))
    lower ^= before != content
    known[place] = (content, lower)
    if lower:
        _nothing()
    yield
    if not lower:
        _nothing()


def _nothing() -> None:
    for _ in range(HOLDS):
        st.empty()
