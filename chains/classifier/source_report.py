"""How the local classifier does on other people's questions, by source and language: `EVAL=folder make eval`.

A `.tsv` file of the folder has a question a line: category, source and question, or category, source, the question
before and the follow-up, with `\\n`, `\\t` and `\\\\` for what a line cannot hold. A source whose name begins with
`id_` is Indonesian, and so on for the other languages; one without is English.
"""

import re
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chains.classifier.examples import CATEGORIES, Category, Example
from chains.classifier.local_classifier import LocalClassifier, LocalDecision

_LANGUAGES = frozenset({"id", "es", "de", "fr", "pt", "it", "nl"})
_ESCAPED = re.compile(r"\\(.)")
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


def load_sources(path: Path) -> list[tuple[str, Example]]:
    """Read a `.tsv` file. Raises ValueError if a line is not of its form."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line:
            continue
        category, source, *texts = line.split("\t")
        if category not in CATEGORIES or len(texts) not in (1, 2):
            raise ValueError(f"{path.name}:{number} is not a category, a source and one or two questions")
        *earlier, question = (_ESCAPED.sub(_character, text) for text in texts)
        language = source[:2] if source[2:3] == "_" and source[:2] in _LANGUAGES else "en"
        history = tuple(("human", text) for text in earlier)
        found.append((source, Example(question, category, language, history)))
    return found


def _character(match: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t"}.get(match.group(1), match.group(1))


def judge(classifier: LocalClassifier, questions: Sequence[tuple[str, Example]]) -> list[Judged]:
    """Ask the classifier every question."""
    return [
        Judged(source, example, classifier.decide(example.question, example.history)) for source, example in questions
    ]


def source_report(name: str, judged: Sequence[Judged], longest: int = 10) -> str:
    """Return the figures of a file as text: by source and language, confusion, certainty, and its longest misses."""
    by_source = _shares(judged, [one.source for one in judged])
    by_language = _shares(judged, [one.example.language for one in judged])
    recall = _shares(judged, [one.example.category for one in judged])
    answered = [one for one in judged if not one.decision.abstained]
    probabilities = np.array([[one.decision.probabilities[c] for c in CATEGORIES] for one in judged])
    labels = np.array([CATEGORIES.index(one.example.category) for one in judged])
    misses = sorted((one for one in judged if not one.right), key=lambda one: len(one.example.question), reverse=True)
    seconds = sorted(one.decision.seconds for one in judged)
    return "\n".join(
        [
            f"{name}: {_share(judged):.1%} of {len(judged)} questions right, "
            f"{statistics.mean(by_source.values()):.1%} as the mean of {len(by_source)} sources",
            f"recall: {_listed(recall)}; by language: {_listed(by_language)}",
            f"expected calibration error {calibration_error(probabilities, labels):.3f}; "
            f"abstains from {1 - len(answered) / len(judged):.1%}, and is right in {_share(answered):.1%} of the rest",
            f"{1000 * statistics.median(seconds):.1f} ms a question (median), "
            f"{1000 * seconds[int(0.99 * (len(seconds) - 1))]:.1f} ms (p99)",
            "".join(f"{title:>10}" for title in ("", *CATEGORIES)) + "   <- went to",
            *(_row(category, judged) for category in CATEGORIES),
            *(f"  {share:6.1%} {source}" for source, share in sorted(by_source.items(), key=lambda one: one[1])),
            "the longest misses:",
            *(f"  {_miss(one)}" for one in misses[:longest]),
        ]
    )


def calibration_error(probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.intp], bins: int = 10) -> float:
    """Return the expected calibration error: the mean distance of certainty and accuracy.

    Guo et al., 2017, arXiv:1706.04599, equation 3.
    """
    certain, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = np.minimum((certain * bins).astype(int), bins - 1)
    gaps = [abs(float(right[place == b].mean() - certain[place == b].mean())) * np.mean(place == b) for b in set(place)]
    return float(sum(gaps))


def _share(judged: Sequence[Judged]) -> float:
    return sum(one.right for one in judged) / max(1, len(judged))


def _shares(judged: Sequence[Judged], names: Sequence[str]) -> dict[str, float]:
    groups: dict[str, list[Judged]] = defaultdict(list)
    for name, one in zip(names, judged, strict=True):
        groups[name].append(one)
    return {name: _share(group) for name, group in groups.items()}


def _listed(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share:.1%}" for name, share in shares.items())


def _row(category: Category, judged: Sequence[Judged]) -> str:
    found = [one.decision.category for one in judged if one.example.category == category]
    return "".join(f"{cell:>10}" for cell in (category, *(found.count(other) for other in CATEGORIES)))


def _miss(one: Judged) -> str:
    text = " ".join(one.example.question.split())
    certainty = max(one.decision.probabilities.values())
    return (
        f"{one.source}, {len(one.example.question)} characters: {one.example.category} -> {one.decision.category} "
        f"({certainty:.2f}) {text[:_SHOWN]!r}"
    )
