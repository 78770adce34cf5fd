"""A place for one file, which is empty again once the file has been taken."""

from collections.abc import Callable

import streamlit as st


def draw_upload(label: str, kind: str, *, key: str, max_mb: int, take: Callable[[bytes], None]) -> None:
    """Draw the place; `take` is called with the content and raises ValueError with a sentence for what it refuses."""
    number = st.session_state.get(f"{key}s", 0)
    place, problem_key = f"{key}_{number}", f"{key}_problem"

    def given() -> None:
        file = st.session_state[place]
        if file is None:
            return
        try:
            take(file.getvalue())
        except ValueError as error:
            st.session_state[problem_key] = str(error)
            return
        st.session_state[f"{key}s"] = number + 1

    st.file_uploader(label, type=kind, key=place, on_change=given, max_upload_size=max_mb)
    if problem := st.session_state.pop(problem_key, ""):
        st.error(problem, icon=":material/broken_image:")
