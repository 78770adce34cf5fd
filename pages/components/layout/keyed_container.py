"""A place whose old content goes at once when something else is to be written there."""

import contextlib
from collections.abc import Iterator

import streamlit as st


@contextlib.contextmanager
def keyed_container(place: str, content: str) -> Iterator[st.delta_generator.DeltaGenerator]:
    """Draw what the `with` block draws, in an empty place if `content`, an id, is not what stood there before.

    The place itself is what `as` names: it can be drawn in later as well.

    Streamlit tells elements apart by their position, and leaves what has no successor on the page, greyed, until the
    script has ended: below a story that is being written would stand the end of the one before. So a place has two
    halves, another content takes the other one, and what stood in the half that it leaves is taken off at once.
    """
    known: dict[str, tuple[str, bool]] = st.session_state.setdefault("places", {})
    before, lower = known.get(place, (content, False))
    lower ^= before != content
    known[place] = (content, lower)
    if lower:
        st.empty()
    with (here := st.container()):
        yield here
    if not lower:
        st.empty()
