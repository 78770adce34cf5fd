"""Options of a conversation: a system prompt of one's own, temperature, length, seed and stop texts of answers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Protocol

import streamlit as st
from pydantic import BaseModel, Field, StringConstraints, ValidationError

from pages.components.layout.translation import _
from weir.llm.provider import ModelOptions

MAX_SYSTEM_PROMPT = 8_000
MAX_TOKENS = 100_000
MAX_SEED = 2**31 - 1
MAX_STOPS = 4
"""Stop texts: OpenAI's API takes four."""
MAX_STOP_CHARS = 100


class DrawPresets(Protocol):
    """Draws presets: of the options that the first function returns, and applied by the second."""

    def __call__(
        self, current: "Callable[[], ConversationOptions]", apply: "Callable[[ConversationOptions], None]", *, key: str
    ) -> None: ...


class ConversationOptions(BaseModel):
    """The options, as they are stored. None and "" leave an option to the route and the endpoint."""

    system_prompt: str = Field("", max_length=MAX_SYSTEM_PROMPT)
    temperature: float | None = Field(None, ge=0, le=2)
    max_tokens: int | None = Field(None, ge=1, le=MAX_TOKENS)
    seed: int | None = Field(None, ge=0, le=MAX_SEED)
    stop: tuple[Annotated[str, StringConstraints(min_length=1, max_length=MAX_STOP_CHARS)], ...] = Field(
        (), max_length=MAX_STOPS
    )
    asked_model: str = Field("", max_length=200)
    """Name of the model that answers, in the catalogue; "" is the default one."""

    @property
    def model(self) -> ModelOptions:
        """The parameters of the model."""
        return ModelOptions(temperature=self.temperature, max_tokens=self.max_tokens, seed=self.seed, stop=self.stop)


def read_options(stored: Mapping[str, Any]) -> ConversationOptions:
    """Return stored options. Those that do not validate, as an imported file may have, are left out as a whole."""
    try:
        return ConversationOptions.model_validate(stored)
    except ValidationError:
        return ConversationOptions()


def draw_options(
    options: ConversationOptions,
    *,
    key: str,
    change: Callable[[Callable[[], ConversationOptions]], None],
    presets: DrawPresets,
) -> None:
    """Draw the popover with the options. `change` is called with a function that returns those of the widgets.

    `presets` draws the person's presets, while the popover is open: it reads them from the database.
    """
    keys = [f"{name}-{key}" for name in ("system", "temperature", "length", "seed", "stop")]

    def of_widgets() -> ConversationOptions:
        system_prompt, temperature, max_tokens, seed, stop = (st.session_state[name] for name in keys)
        return ConversationOptions(
            system_prompt=(system_prompt or "").strip(),
            temperature=temperature,
            max_tokens=max_tokens,
            seed=seed,
            stop=tuple(text[:MAX_STOP_CHARS] for text in stop if text)[:MAX_STOPS],
            asked_model=options.asked_model,
        )

    def apply(preset: ConversationOptions) -> None:
        values = (preset.system_prompt, preset.temperature, preset.max_tokens, preset.seed, list(preset.stop))
        st.session_state.update(zip(keys, values, strict=True))
        change(of_widgets)

    popover = st.popover(
        _("Options"),
        icon=":material/tune:",
        type="tertiary",
        help=_("System prompt, temperature, length, seed, stop texts"),
        key=f"options-{key}",
        on_change="rerun",
    )
    with popover:
        st.text_area(
            _("System prompt"),
            value=options.system_prompt,
            key=keys[0],
            max_chars=MAX_SYSTEM_PROMPT,
            placeholder=_("For example: Answer in one paragraph."),
            help=_("Added to the prompt of the route, for all answers of this conversation"),
            on_change=change,
            args=(of_widgets,),
        )
        st.number_input(
            _("Temperature"),
            0.0,
            2.0,
            value=options.temperature,
            step=0.1,
            key=keys[1],
            placeholder=_("The model's default"),
            help=_("0 takes the likeliest word each time. Some models accept only their default."),
            on_change=change,
            args=(of_widgets,),
        )
        st.number_input(
            _("Longest answer, in tokens"),
            1,
            MAX_TOKENS,
            value=options.max_tokens,
            step=100,
            key=keys[2],
            placeholder=_("The model's default"),
            on_change=change,
            args=(of_widgets,),
        )
        st.number_input(
            _("Seed"),
            0,
            MAX_SEED,
            value=options.seed,
            key=keys[3],
            placeholder=_("None"),
            help=_("The same seed asks for the same answer again. Some servers ignore it."),
            on_change=change,
            args=(of_widgets,),
        )
        draw_stop_texts(options.stop, key=keys[4], on_change=change, args=(of_widgets,))
        if popover.open:
            st.divider()
            presets(of_widgets, apply, key=key)


def draw_stop_texts(stop: Sequence[str], *, key: str, **more: Any) -> None:
    """Draw the texts that end an answer; `more` are further arguments of the widget."""
    st.multiselect(
        _("Stop at"),
        list(dict.fromkeys([*stop, *st.session_state.get(key, [])])),
        default=None if key in st.session_state else list(stop),
        accept_new_options=True,
        max_selections=MAX_STOPS,
        placeholder=_("Texts that end the answer"),
        key=key,
        **more,
    )
