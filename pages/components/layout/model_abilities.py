"""What a model can do, by the model line: in a few words, and in full with *Try* where it is not known."""

from functools import partial

import streamlit as st

from pages.components.layout.formatting import escape_markdown
from pages.components.layout.translation import N_, _, digits, ngettext
from pages.components.layout.weir_sentences import translated
from pages.components.session import model_trials
from weir.access.limits import LimitReachedError
from weir.config.capabilities import Capabilities, Capability
from weir.llm.capability_trial import MAX_TOKENS
from weir.llm.provider import ModelProvider
from weir.runs.run import Run

PROGRESS_SECONDS = 0.5

_REFUSED = "trial_refused"

_NAMES = {
    "tools": N_("tools"),
    "json_schema": N_("JSON Schema"),
    "reasoning": N_("reasoning"),
    "images": N_("images"),
}
_SENTENCES = {
    "tools": (N_("It calls tools."), N_("It calls no tools."), N_("Whether it calls tools is not known.")),
    "json_schema": (
        N_("It keeps to a JSON Schema."),
        N_("It does not keep to a JSON Schema."),
        N_("Whether it keeps to a JSON Schema is not known."),
    ),
    "reasoning": (
        N_("It thinks before it answers."),
        N_("It answers without thinking first."),
        N_("Whether it thinks before it answers is not known."),
    ),
    "images": (N_("It takes images."), N_("It takes no images."), N_("Whether it takes images is not known.")),
}
_ICONS = (":material/check:", ":material/close:", ":material/help:")


def draw_abilities(models: ModelProvider) -> None:
    """Draw the popover of a model at an endpoint."""
    trial = model_trials.trial_of(models)
    is_live = trial is not None and trial.is_live
    with st.container(key="model_abilities", width="content"):
        popover = st.popover(
            _("trying …") if is_live else _label(models.capabilities),
            type="tertiary",
            icon=":material/fact_check:",
        )
    with popover:
        # The line by the picker may be cut.
        st.caption(f"**{escape_markdown(models.model_at_endpoint)}** · {escape_markdown(models.host)}")
        draw_sentences(models.capabilities)
        if is_live and trial is not None:
            st.fragment(partial(_draw_progress, trial), run_every=PROGRESS_SECONDS)()
            return
        if trial is not None and (problem := model_trials.trial_problem(trial)):
            st.caption(_(":material/error: It could not be tried. {problem}").format(problem=problem))
        if refused := st.session_state.pop(_REFUSED, ""):
            st.caption(f":material/hourglass_top: {refused}")
        _draw_try(models)
        if trial is not None:
            st.page_link(
                "events.py",
                label=_("What was sent and answered"),
                icon=":material/timeline:",
                query_params={"run": trial.id},
            )


def draw_sentences(known: Capabilities) -> None:
    """Draw what a model can do, a line each."""
    lines = []
    for name, (can, cannot, unknown) in _SENTENCES.items():
        value: bool | None = getattr(known, name)
        number = 2 if value is None else 0 if value else 1
        lines.append(f"{_ICONS[number]} {_((can, cannot, unknown)[number])}")
    st.markdown("  \n".join(lines))


def _label(known: Capabilities) -> str:
    """Return what a model can do in a few words; of what it cannot do, nothing."""
    can = [_(word) for name, word in _NAMES.items() if getattr(known, name)]
    if len(known.unknown) == len(Capability):
        return " · ".join([*can, _("abilities not tried")])
    untried = [_("{name} not tried").format(name=_(_NAMES[name])) for name in known.unknown]
    return " · ".join([*can, *untried]) or _("text only")


def _draw_try(models: ModelProvider) -> None:
    asked = models.stated_capabilities.unknown
    if not asked:
        st.caption(_("`weir.toml` says so."))
        return
    request = ngettext(
        "Sends {count} short request; the answer has at most {tokens} tokens.",
        "Sends {count} short requests; each answer has at most {tokens} tokens.",
        len(asked),
    ).format(count=digits(len(asked)), tokens=digits(MAX_TOKENS))
    st.button(
        _("Try") if models.capabilities.unknown else _("Try again"),
        icon=":material/science:",
        key=f"try_model_{models.name}",
        on_click=_begin,
        args=(models, asked),
    )
    st.caption(request)


def _begin(models: ModelProvider, asked: tuple[Capability, ...]) -> None:
    try:
        model_trials.begin_trial(models, asked)
    except LimitReachedError as reached:
        st.session_state[_REFUSED] = translated(str(reached))


def _draw_progress(trial: Run) -> None:
    asked = len(trial.input["asked"])
    begun = sum(event.event == "on_chat_model_start" for event in trial.events)
    text = _("Request {number} of {count} …").format(number=digits(max(begun, 1)), count=digits(asked))
    st.progress(max(0, begun - 1) / asked, text=text)
    # Only the whole page draws the result.
    if not trial.is_live:
        st.rerun()
