"""Form controls of the story page: length, tone, method, display and model options."""

from dataclasses import replace

import streamlit as st

from chains.story_chain import Length, Tone
from pages.components.chat.conversation_options import (
    MAX_STOP_CHARS,
    MAX_STOPS,
    MAX_SYSTEM_PROMPT,
    MAX_TOKENS,
    ConversationOptions,
    draw_stop_texts,
)
from pages.components.layout.translation import _
from pages.components.layout.weir_sentences import translated
from pages.components.session.app_services import service
from pages.components.session.model_choice import has_choice, page_models
from pages.components.session.model_presets import draw_presets
from pages.components.story.request import StoryRequest
from pages.components.story.streaming_display import Display, DisplayMode
from weir.runs.methods import Method


class StoryControls:
    """The controls above a story. Their containers are made first, so that they can be drawn after the story starts."""

    def __init__(self) -> None:
        self._story = st.container(horizontal=True, gap="medium")
        self._method = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
        self._is_drawn = False

    def draw_once(self) -> None:
        """Draw the controls, unless this script run has drawn them."""
        if self._is_drawn:
            return
        with self._story:
            _draw_length_and_tone()
        with self._method:
            _draw_method_choice()
            _draw_display_choice()
            draw_model_choices()
        self._is_drawn = True


def _draw_length_and_tone() -> None:
    st.segmented_control(
        _("Length"),
        list(Length),
        format_func=lambda length: translated(length.capitalize()),
        default=Length.MEDIUM,
        required=True,
        key="story_length",
        persist_state="session",
    )
    st.segmented_control(
        _("Tone"),
        list(Tone),
        format_func=lambda tone: translated(tone.capitalize()),
        default=Tone.WARM,
        required=True,
        key="story_tone",
        persist_state="session",
    )


def draw_model_choices() -> None:
    """Draw a popover with the model's name and options."""
    with st.popover(_("Model"), icon=":material/tune:", key="story_model_options", on_change="rerun"):
        if not st.session_state.get("story_model_options"):
            return
        # Where there are several, the picker by the input names one.
        if not has_choice():
            st.selectbox(
                _("Model"),
                _models(),
                index=None,
                placeholder=_("Default"),
                key="story_model",
                accept_new_options=True,
                persist_state="session",
            )
        st.text_area(
            _("System prompt"),
            key="story_system",
            max_chars=MAX_SYSTEM_PROMPT,
            placeholder=_("For example: Write for children."),
            help=_("Added to the prompt of the story"),
            persist_state="session",
        )
        st.number_input(
            _("Temperature"),
            0.0,
            2.0,
            value=None,
            step=0.1,
            placeholder=_("Default"),
            key="story_temperature",
            persist_state="session",
            help=_("0 takes the likeliest word each time. Some models accept only their default."),
        )
        st.number_input(
            _("Longest answer, in tokens"),
            1,
            MAX_TOKENS,
            value=None,
            step=100,
            placeholder=_("That of the length"),
            key="story_max_tokens",
            persist_state="session",
        )
        st.number_input(
            _("Seed"),
            0,
            2**31 - 1,
            value=None,
            placeholder=_("None"),
            key="story_seed",
            persist_state="session",
            help=_("The same seed asks for the same story again. Some servers ignore it."),
        )
        draw_stop_texts((), key="story_stop", persist_state="session")
        st.divider()
        draw_presets(_options, _apply, key="story")


def _options() -> ConversationOptions:
    """Return the options of the model that the controls have now."""
    values = st.session_state
    return ConversationOptions(
        system_prompt=(values.get("story_system") or "").strip(),
        temperature=values.get("story_temperature"),
        max_tokens=values.get("story_max_tokens"),
        seed=values.get("story_seed"),
        stop=tuple(text[:MAX_STOP_CHARS] for text in values.get("story_stop", ()) if text)[:MAX_STOPS],
    )


def _apply(preset: ConversationOptions) -> None:
    st.session_state.update(
        story_system=preset.system_prompt,
        story_temperature=preset.temperature,
        story_max_tokens=preset.max_tokens,
        story_seed=preset.seed,
        story_stop=list(preset.stop),
    )


def _draw_method_choice() -> None:
    """Draw which method runs the chain, and that method's code."""
    st.session_state.setdefault("story_method", Method.ASTREAM)
    st.selectbox(
        _("LangChain method"),
        tuple(Method),
        format_func=lambda method: f"{method.label}: {translated(method.effect)}",
        key="story_method",
        persist_state="session",
        width=262,
    )
    method: Method = st.session_state.story_method
    with st.popover(_("Show code"), icon=":material/code:"):
        st.caption(translated(method.note))
        st.code(method.code, language="python")


def _draw_display_choice() -> None:
    st.session_state.setdefault("story_display", DisplayMode.BY_BLOCK)
    # In a container, so that the three wrap together.
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", width="content"):
        st.selectbox(
            _("Rendering"),
            list(DisplayMode),
            format_func=lambda mode: _(mode.value).capitalize(),
            key="story_display",
            persist_state="session",
            width=150,
            help="  \n".join(f"**{_(mode.value).capitalize()}**: {_(mode.note)}" for mode in DisplayMode),
        )
        if st.session_state.story_display is DisplayMode.BUFFERED:
            st.number_input(_("Chunks"), 1, 1_000, 10, key="story_buffer", persist_state="session", width=110)
            st.number_input(_("or ms"), 10, 5_000, 100, 10, key="story_buffer_ms", persist_state="session", width=110)


def chosen_display() -> Display:
    """Return the display that the controls have now."""
    values = st.session_state
    mode = values.get("story_display", DisplayMode.BY_BLOCK)
    return Display(mode, values.get("story_buffer", 10), values.get("story_buffer_ms", 100) / 1e3)


def story_request(topic: str) -> StoryRequest:
    """Return a story about `topic`, with the options that the controls have now."""
    values = st.session_state
    chosen = _options()
    options = replace(chosen.model, model=values.get("story_model"))
    length, tone = Length(values.get("story_length", Length.MEDIUM)), Tone(values.get("story_tone", Tone.WARM))
    method = values.get("story_method", Method.ASTREAM)
    return StoryRequest(
        topic, length, tone, method, options, model=page_models().name, system_prompt=chosen.system_prompt
    )


def _models() -> list[str]:
    if "story_models" not in st.session_state:
        listed = service().loop.submit(service().models.list_models()).result(timeout=10)
        redact = service().redactor.redact
        # A server may name a model like a secret. It is left out: a redacted name could not be sent back.
        st.session_state.story_models = [name for name in listed if redact(name) == name]
    return list(st.session_state.story_models)
