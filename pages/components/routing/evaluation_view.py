"""Figures of an evaluation: accuracy, recall, confusion, calibration and the misrouted questions."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from chains.classifier.source_report import Figures, Judged, certainties, figures
from chains.routes import configured_routes
from pages.components.layout.formatting import escape_markdown
from pages.components.layout.translation import _, digits, localized, pgettext
from pages.components.routing.evaluation_run import MODEL, EvaluationRun
from weir.text.invisible_characters import replace_invisible

MOST_PARTS = 12
"""Languages or sources whose accuracy is shown."""
MOST_CHARACTERS = 500
"""Of a misrouted question."""


def draw_evaluation(run: EvaluationRun) -> None:
    """Draw what a classifier made of the questions that were asked, of which there is at least one."""
    categories = configured_routes().names
    found = figures(run.judged, categories)
    has_probabilities = run.by != MODEL
    accuracy, speed, size = st.columns(3)
    accuracy.metric(_("Accuracy"), _percent(found.accuracy))
    speed.metric(_("Median latency"), localized(f"{found.median_seconds * 1e3:.1f} ms"))
    size.metric(_("Questions"), digits(found.questions))
    low, high = found.interval
    interval = _("95 % interval of the accuracy: {low} to {high}.").format(low=_percent(low), high=_percent(high))
    abstained = _("Abstains from {share}, and is right in {right} of the rest.").format(
        share=_percent(found.abstained), right=_percent(found.accuracy_of_the_rest)
    )
    st.caption(f"{interval} {abstained}" if found.abstained else interval)
    for parts in (found.by_language, found.by_source):
        if len(parts) > 1:
            st.caption(_listed(parts))
    st.markdown(_("**Confusion matrix** (rows: expected, columns: predicted)"))
    st.dataframe(_confusion(found), alt=_("How many questions of each category were routed where, with its recall"))
    if has_probabilities:
        error = digits(found.calibration_error, ".3f")
        st.markdown(_("**Calibration**: expected error {number}").format(number=error))
        st.dataframe(
            _calibration(run.judged, categories),
            hide_index=True,
            alt=_("How probable the likeliest category was, and how often it was right"),
        )
    misses = [one for one in run.judged if not one.right]
    st.markdown(_("**Misrouted**: {count}").format(count=len(misses)))
    if misses:
        st.dataframe(_misses(misses, has_probabilities), hide_index=True, alt=_("Misrouted questions"))


def _listed(shares: Mapping[str, float]) -> str:
    shown = list(shares.items())[:MOST_PARTS]
    return " · ".join(f"{escape_markdown(name[:40]) or _('no source')} {_percent(share)}" for name, share in shown)


def _confusion(found: Figures) -> pd.DataFrame:
    table = pd.DataFrame(found.confusion).T.rename_axis(_("expected"))
    return table.assign(**{_("recall"): [_share(found.recall.get(name)) for name in table.index]})


def _share(value: float | None) -> str:
    return "" if value is None else _percent(value)


def _percent(share: float) -> str:
    return digits(share, ".1%")


def _calibration(judged: Sequence[Judged], categories: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                _("probability"): _("{low} to {high}").format(low=f"{one.lowest:.0%}", high=f"{one.highest:.0%}"),
                _("questions"): one.questions,
                _("mean probability"): _percent(one.certain),
                pgettext("answer", "right"): _percent(one.right),
            }
            for one in certainties(judged, categories)
        ]
    )


def _misses(misses: Sequence[Judged], has_probabilities: bool) -> pd.DataFrame:
    rows = []
    for one in misses:
        category, uncertain = one.decision.category, _("{category} (uncertain)")
        text = " ".join(one.example.question.split())
        row = {
            _("question"): replace_invisible(text[:MOST_CHARACTERS] + ("…" if len(text) > MOST_CHARACTERS else "")),
            _("expected"): one.example.category,
            _("predicted"): uncertain.format(category=category) if one.decision.abstained else category,
        }
        if has_probabilities:
            row[_("probability")] = f"{max(one.decision.probabilities.values()):.0%}"
        rows.append(row)
    return pd.DataFrame(rows)
