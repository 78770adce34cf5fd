"""The *Measure* view of the story page: how soon and how fast models answer, by the number of answers at once."""

from collections.abc import Iterable

import streamlit as st

from pages.components.layout.formatting import escape_markdown
from pages.components.layout.input_bar import InputBar, status_bar
from pages.components.layout.translation import _, digits, month_name
from pages.components.layout.upload import draw_upload
from pages.components.layout.weir_sentences import translated
from pages.components.measure.measure_chart import draw_measure_charts
from pages.components.measure.measure_session import (
    MeasureState,
    PageMeasurement,
    begin,
    limit_problem,
    load_measure_state,
    possible_concurrency,
)
from pages.components.measure.measure_words import compared_rows, level_rows
from pages.components.session.app_services import service
from pages.components.session.model_choice import has_choice, models_of, page_models
from weir.measure import measurement_plan
from weir.measure.measurement_comparison import comparison_notes, notes
from weir.measure.measurement_file import MAX_BYTES, MEDIA_TYPE, MeasurementFile, read_measurement
from weir.measure.measurement_plan import MeasurementPlan

LEVELS = (1, 2, 4, 8, 16, 32)
MAX_TOKENS = 2_000
LOOK_SECONDS = 0.5
"""Time between two drawings of the progress."""


def draw_measure_page() -> None:
    """Draw the view."""
    state = load_measure_state()
    bottom = status_bar()
    st.markdown(
        _("Ask models the same thing, with one answer at once and with several, and see how wait and speed change.")
    )
    _draw_choices(state)
    plan = _plan()
    if plan is None:
        st.caption(_("Choose a model and how many answers at once."))
    else:
        _draw_plan(state, plan, bottom)
    if state.current is not None:
        _draw_measurement(state, state.current, bottom)
    _draw_earlier(state)


def _draw_choices(state: MeasureState) -> None:
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        if has_choice():
            st.pills(
                _("Models"),
                service().models.catalogue.names,
                selection_mode="multi",
                default=[page_models().name],
                key="measure_models",
                persist_state="session",
            )
        levels = possible_concurrency(LEVELS)
        st.pills(
            _("Answers at once"),
            levels,
            selection_mode="multi",
            default=[level for level in measurement_plan.CONCURRENCY if level in levels],
            key="measure_levels",
            persist_state="session",
        )
        st.number_input(
            _("Tokens of an answer"),
            1,
            MAX_TOKENS,
            measurement_plan.TOKENS,
            50,
            key="measure_tokens",
            persist_state="session",
            width=160,
        )
        st.button(
            _("Measure"),
            icon=":material/speed:",
            type="primary",
            on_click=_begin,
            args=(state,),
            disabled=(plan := _plan()) is None or bool(limit_problem(plan, service().limits.config)),
        )


def _plan() -> MeasurementPlan | None:
    """Return the plan that the widgets have now; None if nothing is chosen."""
    values = st.session_state
    models = tuple(values.get("measure_models", ())) if has_choice() else (service().models.name,)
    levels = tuple(sorted(values.get("measure_levels", ())))
    if not models or not levels:
        return None
    return MeasurementPlan(models, levels, values.get("measure_tokens", measurement_plan.TOKENS))


def _begin(state: MeasureState) -> None:
    plan = _plan()
    if plan is not None and not limit_problem(plan, service().limits.config):
        begin(state, plan)


def _draw_plan(state: MeasureState, plan: MeasurementPlan, bottom: InputBar) -> None:
    """Draw what a press of the button sends and costs, or why it cannot."""
    if problem := limit_problem(plan, service().limits.config):
        st.info(problem, icon=":material/hourglass_top:")
        return
    if state.current is None or not state.current.is_live:
        models = {name: models_of(name).model for name in plan.models}
        sentences = map(translated, plan.sentences(models))
        st.caption(escape_markdown("\n".join(sentences)).replace("\n", "  \n"))
    for name in plan.models:
        bottom.model_status.await_model(models_of(name))


def _draw_measurement(state: MeasureState, current: PageMeasurement, bottom: InputBar) -> None:
    if current.is_live:
        bottom.stop.enable(current)
        st.fragment(_draw_progress, run_every=LOOK_SECONDS)(current)
        return
    bottom.stop.disable()
    bottom.quota_notice.draw()
    _draw_result(current.file, state.earlier)


def _draw_progress(current: PageMeasurement) -> None:
    measurement = current.measurement
    if not current.is_live:
        st.rerun()
    count = _("{count} of {total} requests").format(
        count=digits(measurement.ended), total=digits(measurement.plan.requests_in_all)
    )
    st.progress(measurement.fraction, text=f"{count} · {escape_markdown(translated(measurement.now))}")
    if levels := measurement.file.levels:
        st.dataframe(level_rows(levels), hide_index=True)


def _draw_result(measured: MeasurementFile, earlier: MeasurementFile | None) -> None:
    if measured.levels:
        draw_measure_charts(measured, earlier)
        st.dataframe(level_rows(measured.levels), hide_index=True, alt=_("The figures of each level"))
    _draw_notes(notes(measured))
    if measured.levels:
        st.download_button(
            _("Measurement"),
            measured.to_json(),
            file_name=measured.file_name,
            mime=MEDIA_TYPE,
            icon=":material/download:",
            type="tertiary",
            on_click="ignore",
            help=_("Keep it, and compare it with a later one here or with `weir measure`"),
        )
    if earlier is not None:
        at = earlier.at
        when = f"{at:%d} {month_name(at.month, short=True)} {at:%Y %H:%M}"
        st.markdown(_("**Compared with {when} UTC**").format(when=when))
        st.dataframe(compared_rows(earlier, measured), hide_index=True)
        _draw_notes(comparison_notes(earlier, measured))


def _draw_notes(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        st.markdown(f":material/info: {escape_markdown(translated(sentence))}")


def _draw_earlier(state: MeasureState) -> None:
    """Draw the field for an earlier measurement, or what is in it."""
    with st.expander(_("Compare with an earlier measurement"), icon=":material/compare_arrows:"):
        if state.earlier is None:
            draw_upload(
                _("An earlier measurement (.json)"),
                "json",
                key="measure_upload",
                max_mb=MAX_BYTES // 1_000_000,
                take=lambda content: _take(state, content),
            )
            return
        st.dataframe(level_rows(state.earlier.levels), hide_index=True)
        st.button(_("Remove"), icon=":material/close:", type="tertiary", on_click=_take_away, args=(state,))


def _take(state: MeasureState, content: bytes) -> None:
    state.earlier = read_measurement(content)


def _take_away(state: MeasureState) -> None:
    state.earlier = None
