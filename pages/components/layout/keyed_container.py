"""Keyed container: its old elements disappear at once when its content changes. The idea is React's `key`."""

import contextlib
from collections.abc import Iterator

import streamlit as st


@contextlib.contextmanager
def keyed_container(slot: str, content: str) -> Iterator[st.delta_generator.DeltaGenerator]:
    """Draw the `with` block in the container named `slot`, emptied first if `content`, an id, has changed.

    `as` gives the container, so that more can be drawn in it later.

    Streamlit identifies elements by their position, and leaves those without a successor on the page, greyed, until the
    script has ended: the end of the previous story would stay below the one that is being written. So a slot has two
    positions. New content takes the other position, and an empty element replaces the old content at once.
    """
    slots: dict[str, tuple[str, bool]] = st.session_state.setdefault("places", {})
    previous, is_second = slots.get(slot, (content, False))
    is_second ^= previous != content
    slots[slot] = (content, is_second)
    if is_second:
        st.empty()
    with (container := st.container()):
        yield container
    if not is_second:
        st.empty()
