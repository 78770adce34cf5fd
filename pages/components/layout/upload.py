"""Upload field for one file. It is empty again once the file has been accepted."""

from collections.abc import Callable, Sequence

import streamlit as st

from pages.components.layout.weir_sentences import translated


def draw_upload(label: str, kind: str, *, key: str, max_mb: int, take: Callable[[bytes], None]) -> None:
    """Draw the field. `take` is called with the file's content, and raises ValueError with a sentence to refuse it."""
    draw_named_upload(label, (kind,), key=key, max_mb=max_mb, take=lambda _, content: take(content))


def draw_named_upload(
    label: str, kinds: Sequence[str], *, key: str, max_mb: int, take: Callable[[str, bytes], None]
) -> None:
    """Draw the field for a file of several kinds: `take` is called with its name too."""
    number = st.session_state.get(f"{key}s", 0)
    widget_key, problem_key = f"{key}_{number}", f"{key}_problem"

    def on_change() -> None:
        file = st.session_state[widget_key]
        if file is None:
            return
        try:
            take(file.name, file.getvalue())
        except ValueError as error:
            st.session_state[problem_key] = translated(str(error))
            return
        st.session_state[f"{key}s"] = number + 1

    st.file_uploader(label, type=list(kinds), key=widget_key, on_change=on_change, max_upload_size=max_mb)
    if problem := st.session_state.pop(problem_key, ""):
        st.error(problem, icon=":material/broken_image:")
