"""What can be chosen about a story before it is told."""

import streamlit as st

from chains.story_chain import Length, Tone
from pages.components.session.app_services import service
from pages.components.story.request import StoryRequest
from pages.components.story.streaming_display import Display, DisplayMode
from weir.llm.provider import ModelOptions
from weir.runs.methods import Method


def draw_story_choices() -> None:
    """Draw length, tone and what can be asked of the model."""
    st.segmented_control(
        "Length",
        list(Length),
        format_func=lambda length: length.capitalize(),
        default=Length.MEDIUM,
        required=True,
        key="story_length",
        persist_state="session",
    )
    st.segmented_control(
        "Tone",
        list(Tone),
        format_func=lambda tone: tone.capitalize(),
        default=Tone.WARM,
        required=True,
        key="story_tone",
        persist_state="session",
    )


def draw_model_choices() -> None:
    """Draw what can be asked of the model, in a popover."""
    with st.popover("Model", icon=":material/tune:", key="story_model_options", on_change="rerun"):
        if not st.session_state.get("story_model_options"):
            return
        st.selectbox(
            "Model",
            _models(),
            index=None,
            placeholder="The one that is set",
            key="story_model",
            accept_new_options=True,
            persist_state="session",
        )
        st.number_input(
            "Temperature",
            0.0,
            2.0,
            value=None,
            step=0.1,
            placeholder="The model's own",
            key="story_temperature",
            persist_state="session",
            help="0 takes the likeliest word each time. Some models accept none but their own.",
        )
        st.number_input(
            "Seed",
            0,
            2**31 - 1,
            value=None,
            placeholder="None",
            key="story_seed",
            persist_state="session",
            help="The same seed asks for the same story once more. Not every server heeds it.",
        )


def draw_method_choice() -> None:
    """Draw which method runs the chain, and its code."""
    st.session_state.setdefault("story_method", Method.ASTREAM)
    st.selectbox(
        "How it runs",
        tuple(Method),
        format_func=lambda method: f"{method.label}: {method.effect}",
        key="story_method",
        persist_state="session",
        width=262,
    )
    method: Method = st.session_state.story_method
    with st.popover("Show code", icon=":material/code:"):
        st.caption(method.note)
        st.code(method.code, language="python")


def draw_display_choice() -> None:
    """Draw how the text gets onto the page."""
    st.session_state.setdefault("story_display", DisplayMode.BY_BLOCK)
    # A row of its own, so that what belongs together wraps together.
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", width="content"):
        st.selectbox(
            "Display",
            list(DisplayMode),
            format_func=lambda mode: mode.value.capitalize(),
            key="story_display",
            persist_state="session",
            width=150,
            help="  \n".join(f"**{mode.value.capitalize()}**: {mode.note}" for mode in DisplayMode),
        )
        if st.session_state.story_display is DisplayMode.BUFFERED:
            st.number_input("Chunks", 1, 1_000, 10, key="story_buffer", persist_state="session", width=110)
            st.number_input("or ms", 10, 5_000, 100, 10, key="story_buffer_ms", persist_state="session", width=110)


def chosen_display() -> Display:
    """Return how the text gets onto the page, as it is chosen now."""
    chosen = st.session_state
    mode = chosen.get("story_display", DisplayMode.BY_BLOCK)
    return Display(mode, chosen.get("story_buffer", 10), chosen.get("story_buffer_ms", 100) / 1e3)


def story_request(topic: str) -> StoryRequest:
    """Return the story that is wanted, as it is chosen now."""
    chosen = st.session_state
    options = ModelOptions(
        model=chosen.get("story_model"), temperature=chosen.get("story_temperature"), seed=chosen.get("story_seed")
    )
    length, tone = Length(chosen.get("story_length", Length.MEDIUM)), Tone(chosen.get("story_tone", Tone.WARM))
    return StoryRequest(topic, length, tone, chosen.get("story_method", Method.ASTREAM), options)


def _models() -> list[str]:
    if "story_models" not in st.session_state:
        listed = service().loop.submit(service().models.list_models()).result(timeout=10)
        hide = service().redactor.redact
        # A server calls them as it likes; what is chosen is sent as it is.
        st.session_state.story_models = [name for name in listed if hide(name) == name]
    return list(st.session_state.story_models)
