"""How a classifier does on labelled questions: `weir classify --evaluate`, and `EVAL=folder make eval`."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from chains.classifier.examples import CATEGORIES, Category, Example
from chains.classifier.local_classifier import LocalDecision

_SHOWN = 100
"""Characters of a misrouted question that are printed."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A question of a source with what the classifier made of it."""

    source: str
    example: Example
    decision: LocalDecision

    @property
    def right(self) -> bool:
        return self.decision.category == self.example.category


@dataclass(frozen=True, slots=True)
class Figures:
    """How the classifier does on labelled questions. Shares are between 0 and 1."""

    questions: int
    right: int
    accuracy: float
    interval: tuple[float, float]
    """95 % confidence interval of the accuracy."""
    recall: Mapping[str, float]
    """Share of the questions of each category that went there."""
    confusion: Mapping[str, Mapping[str, int]]
    """Number of questions of each category (the outer key) that went to each (the inner)."""
    by_source: Mapping[str, float]
    by_language: Mapping[str, float]
    calibration_error: float
    abstained: float
    accuracy_of_the_rest: float
    """Accuracy of the questions from which it did not abstain."""
    median_seconds: float
    p99_seconds: float


class Classifier(Protocol):
    """Decides where a question belongs: `LocalClassifier`, or a model."""

    @property
    def decide(self) -> Callable[[str, Sequence[tuple[str, str]]], LocalDecision]: ...


def judge(classifier: Classifier, questions: Sequence[tuple[str, Example]]) -> list[Judged]:
    """Ask the classifier every question."""
    return [
        Judged(source, example, classifier.decide(example.question, example.history)) for source, example in questions
    ]


def figures(judged: Sequence[Judged], categories: Sequence[str] = CATEGORIES) -> Figures:
    """Return the figures of judged questions, of which there is at least one."""
    answered = [one for one in judged if not one.decision.abstained]
    probabilities = _probabilities(judged, categories)
    labels = np.array([categories.index(one.example.category) for one in judged])
    seconds = sorted(one.decision.seconds for one in judged)
    right = sum(one.right for one in judged)
    recall = _shares(judged, [one.example.category for one in judged])
    return Figures(
        questions=len(judged),
        right=right,
        accuracy=right / len(judged),
        interval=confidence_interval(right, len(judged)),
        recall={category: recall[category] for category in categories if category in recall},
        confusion={category: _went_to(category, judged, categories) for category in categories},
        by_source=_shares(judged, [one.source for one in judged]),
        by_language=_shares(judged, [one.example.language for one in judged]),
        calibration_error=calibration_error(probabilities, labels),
        abstained=1 - len(answered) / len(judged),
        accuracy_of_the_rest=_share(answered),
        median_seconds=statistics.median(seconds),
        p99_seconds=seconds[int(0.99 * (len(seconds) - 1))],
    )


def source_report(
    name: str,
    judged: Sequence[Judged],
    most_misses: int | None = 10,
    *,
    has_probabilities: bool = True,
    categories: Sequence[str] = CATEGORIES,
    is_timed: bool = True,
) -> str:
    """Return the figures of a file as text, and its longest misses, or all where there is no bound.

    A classifier without probabilities has no calibration, and one that was not asked now (`is_timed`) no times.
    """
    found = figures(judged, categories)
    width = max(10, *(len(name) + 2 for name in categories))
    low, high = found.interval
    timing = f"{1000 * found.median_seconds:.1f} ms a question (median), {1000 * found.p99_seconds:.1f} ms (p99)"
    misses = sorted((one for one in judged if not one.right), key=lambda one: len(one.example.question), reverse=True)
    by_source = sorted(found.by_source.items(), key=lambda one: one[1]) if len(found.by_source) > 1 else []
    mean = f", {statistics.mean(found.by_source.values()):.1%} as the mean of {len(by_source)} sources"
    by_language = f"; by language: {_listed(found.by_language)}" if len(found.by_language) > 1 else ""
    return "\n".join(
        [
            f"{name}: {found.accuracy:.1%} of {_count(found.questions)} right (95 % interval {low:.1%} to {high:.1%})"
            + (mean if by_source else ""),
            f"recall: {_listed(found.recall)}{by_language}",
            (f"expected calibration error {found.calibration_error:.3f}; " if has_probabilities else "")
            + f"abstains from {found.abstained:.1%}, and is right in {found.accuracy_of_the_rest:.1%} of the rest",
            *([timing] if is_timed else []),
            "".join(f"{title:>{width}}" for title in ("", *categories)) + "   <- went to",
            *("".join(f"{cell:>{width}}" for cell in (right, *row.values())) for right, row in found.confusion.items()),
            *(f"  {share:6.1%} {source}" for source, share in by_source),
            *(["the misses, the longest first:"] if misses else ["no misses"]),
            *(f"  {_miss(one, has_probabilities)}" for one in misses[:most_misses]),
        ]
    )


def confidence_interval(right: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a share: Wilson's, which holds for few questions and for shares near 1 too.

    Wilson, 1927, J. Am. Stat. Assoc. 22:209-212.
    """
    z = statistics.NormalDist().inv_cdf(0.975)
    middle = (right + z * z / 2) / (total + z * z)
    half = z / (total + z * z) * (right * (total - right) / total + z * z / 4) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def calibration_error(probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.intp], bins: int = 10) -> float:
    """Return the expected calibration error: the mean distance of certainty and accuracy.

    Guo et al., 2017, arXiv:1706.04599, equation 3.
    """
    certain, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = np.minimum((certain * bins).astype(int), bins - 1)
    gaps = [abs(float(right[place == b].mean() - certain[place == b].mean())) * np.mean(place == b) for b in set(place)]
    return float(sum(gaps))


@dataclass(frozen=True, slots=True)
class Certainty:
    """The questions of which a classifier is about as certain."""

    lowest: float
    highest: float
    questions: int
    certain: float
    """The mean probability of the likeliest category."""
    right: float
    """The share for which that category is right. The two are the same where probabilities are calibrated."""


def certainties(judged: Sequence[Judged], categories: Sequence[str], bins: int = 10) -> list[Certainty]:
    """Return how certain a classifier is and how often that is right, bin by bin; empty bins are left out."""
    probabilities = _probabilities(judged, categories)
    labels = np.array([categories.index(one.example.category) for one in judged])
    certain, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = np.minimum((certain * bins).astype(int), bins - 1)
    return [
        Certainty(b / bins, (b + 1) / bins, int(here.sum()), float(certain[here].mean()), float(right[here].mean()))
        for b in range(bins)
        if (here := place == b).any()
    ]


def _share(judged: Sequence[Judged]) -> float:
    return sum(one.right for one in judged) / max(1, len(judged))


def _shares(judged: Sequence[Judged], names: Sequence[str]) -> dict[str, float]:
    groups: dict[str, list[Judged]] = defaultdict(list)
    for name, one in zip(names, judged, strict=True):
        groups[name].append(one)
    return {name: _share(group) for name, group in groups.items()}


def _listed(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share:.1%}" for name, share in shares.items())


def _probabilities(judged: Sequence[Judged], categories: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return a row for each question. A classifier may not know the fallback: it then has no probability."""
    return np.array([[one.decision.probabilities.get(name, 0.0) for name in categories] for one in judged])


def _went_to(category: Category, judged: Sequence[Judged], categories: Sequence[str]) -> dict[str, int]:
    found = [one.decision.category for one in judged if one.example.category == category]
    return {other: found.count(other) for other in categories}


def _count(questions: int) -> str:
    return "1 question" if questions == 1 else f"{questions:,} questions"


def _miss(one: Judged, has_probabilities: bool) -> str:
    text = " ".join(one.example.question.split())
    certainty = f"({max(one.decision.probabilities.values()):.2f}) " if has_probabilities else ""
    source = f"{one.source}, " if one.source else ""
    return (
        f"{source}{len(one.example.question)} characters: {one.example.category} -> {one.decision.category} "
        f"{certainty}{text[:_SHOWN]!r}"
    )
