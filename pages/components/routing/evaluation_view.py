"""Figures of an evaluation: accuracy, recall, confusion, calibration and the misrouted questions."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from chains.classifier.source_report import Figures, Judged, certainties, figures
from chains.routes import configured_routes
from pages.components.layout.formatting import escape_markdown
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
    accuracy.metric("Accuracy", f"{found.accuracy:.1%}")
    speed.metric("Median latency", f"{found.median_seconds * 1e3:.1f} ms")
    size.metric("Questions", f"{found.questions:,}")
    low, high = found.interval
    abstained = (
        f" Abstains from {found.abstained:.1%}, and is right in {found.accuracy_of_the_rest:.1%} of the rest."
        if found.abstained
        else ""
    )
    st.caption(f"95 % interval of the accuracy: {low:.1%} to {high:.1%}.{abstained}")
    for parts in (found.by_language, found.by_source):
        if len(parts) > 1:
            st.caption(_listed(parts))
    st.markdown("**Confusion matrix** (rows: expected, columns: predicted)")
    st.dataframe(_confusion(found), alt="How many questions of each category were routed where, with its recall")
    if has_probabilities:
        st.markdown(f"**Calibration**: expected error {found.calibration_error:.3f}")
        st.dataframe(
            _calibration(run.judged, categories),
            hide_index=True,
            alt="How probable the likeliest category was, and how often it was right",
        )
    misses = [one for one in run.judged if not one.right]
    st.markdown(f"**Misrouted**: {len(misses)}")
    if misses:
        st.dataframe(_misses(misses, has_probabilities), hide_index=True, alt="Misrouted questions")


def _listed(shares: Mapping[str, float]) -> str:
    shown = list(shares.items())[:MOST_PARTS]
    return " · ".join(f"{escape_markdown(name[:40]) or 'no source'} {share:.1%}" for name, share in shown)


def _confusion(found: Figures) -> pd.DataFrame:
    table = pd.DataFrame(found.confusion).T.rename_axis("expected")
    return table.assign(recall=[_share(found.recall.get(name)) for name in table.index])


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _calibration(judged: Sequence[Judged], categories: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "probability": f"{one.lowest:.0%} to {one.highest:.0%}",
                "questions": one.questions,
                "mean probability": f"{one.certain:.1%}",
                "right": f"{one.right:.1%}",
            }
            for one in certainties(judged, categories)
        ]
    )


def _misses(misses: Sequence[Judged], has_probabilities: bool) -> pd.DataFrame:
    rows = []
    for one in misses:
        text = " ".join(one.example.question.split())
        row = {
            "question": replace_invisible(text[:MOST_CHARACTERS] + ("…" if len(text) > MOST_CHARACTERS else "")),
            "expected": one.example.category,
            "predicted": f"{one.decision.category}{' (uncertain)' if one.decision.abstained else ''}",
        }
        if has_probabilities:
            row["probability"] = f"{max(one.decision.probabilities.values()):.0%}"
        rows.append(row)
    return pd.DataFrame(rows)
