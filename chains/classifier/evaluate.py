"""How often questions go where they belong: `python -m chains.classifier.evaluate`."""

import argparse
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chains.classifier.examples import CATEGORIES, Category, Example, load_examples
from chains.classifier.labelled_file import load_sources
from chains.classifier.local_classifier import LocalClassifier, LocalDecision
from chains.classifier.source_report import judge, source_report

GOLDEN = Path(__file__).with_name("golden.jsonl")
HOLDOUT = Path(__file__).with_name("golden_2.jsonl")
FOLLOW_UPS = Path(__file__).with_name("follow_ups.jsonl")

Classify = Callable[[str, Sequence[tuple[str, str]]], Category]
"""Takes a question and its history."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a classifier made of one example."""

    example: Example
    found: Category
    seconds: float

    @property
    def right(self) -> bool:
        return self.found == self.example.category


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a classifier made of a file. There is at least one answer."""

    answers: Sequence[Answer]

    @property
    def accuracy(self) -> float:
        return _share(self.answers)

    @property
    def by_language(self) -> dict[str, float]:
        """Accuracy of each language, the most frequent first."""
        languages = Counter(answer.example.language for answer in self.answers)
        return {
            language: _share([answer for answer in self.answers if answer.example.language == language])
            for language, _ in languages.most_common()
        }

    @property
    def confusion(self) -> dict[Category, dict[Category, int]]:
        """Number of questions of each category (the outer key) that went to each (the inner)."""
        counted = Counter((answer.example.category, answer.found) for answer in self.answers)
        return {right: {found: counted[right, found] for found in CATEGORIES} for right in CATEGORIES}

    @property
    def misrouted(self) -> list[Answer]:
        return [answer for answer in self.answers if not answer.right]

    @property
    def median_seconds(self) -> float:
        return statistics.median(answer.seconds for answer in self.answers)

    @property
    def p95_seconds(self) -> float:
        """Time that 95 % of the answers took at most."""
        ordered = sorted(answer.seconds for answer in self.answers)
        return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]


def evaluate(classify: Classify, examples: Sequence[Example]) -> Evaluation:
    """Ask a classifier every question. Raises ValueError without examples."""
    if not examples:
        raise ValueError("there is nothing to evaluate with")
    return Evaluation([_answer(classify, example) for example in examples])


def _answer(classify: Classify, example: Example) -> Answer:
    began = time.perf_counter()
    found = classify(example.question, example.history)
    return Answer(example, found, time.perf_counter() - began)


def _share(answers: Sequence[Answer]) -> float:
    return sum(answer.right for answer in answers) / len(answers)


def report(name: str, evaluation: Evaluation, decide: Callable[[Example], LocalDecision] | None = None) -> str:
    """Return an evaluation as text. `decide` tells the probabilities of what went wrong."""
    languages = ", ".join(f"{language} {share:.1%}" for language, share in evaluation.by_language.items())
    lines = [
        f"{name}: {evaluation.accuracy:.1%} of {len(evaluation.answers)} questions right ({languages})",
        f"{1000 * evaluation.median_seconds:.1f} ms a question (median), {1000 * evaluation.p95_seconds:.1f} ms (p95)",
        "".join(f"{title:>10}" for title in ("", *CATEGORIES)) + "   <- went to",
        *("".join(f"{cell:>10}" for cell in (right, *found.values())) for right, found in evaluation.confusion.items()),
    ]
    for answer in evaluation.misrouted:
        lines.append(f"  {answer.example.category} -> {answer.found}: {answer.example.question!r}")
        if decide is not None:
            lines.append(f"    {_told(decide(answer.example).probabilities)}")
    return "\n".join(lines)


def _told(probabilities: Mapping[Category, float]) -> str:
    return ", ".join(f"{category} {probability:.2f}" for category, probability in probabilities.items())


def main(arguments: Sequence[str] | None = None) -> int:
    """Print how the local classifier does on each file; return 1 if any is below `--at-least`."""
    parser = argparse.ArgumentParser(description="How often the local classifier sends questions where they belong.")
    parser.add_argument("files", nargs="*", type=Path, default=[GOLDEN, HOLDOUT, FOLLOW_UPS], help="labelled questions")
    parser.add_argument("--at-least", type=float, default=0.0, metavar="SHARE", help="fail below this share, as 0.95")
    parser.add_argument("--sources", type=Path, metavar="FOLDER", help="a folder of other people's questions, as .tsv")
    options = parser.parse_args(arguments)
    classifier = LocalClassifier()
    classifier.warm_up()
    lowest = 1.0
    for path in options.files:
        evaluation = evaluate(classifier.category, load_examples(path))
        lowest = min(lowest, evaluation.accuracy)
        text = report(path.name, evaluation, lambda one: classifier.decide(one.question, one.history))
        sys.stdout.write(f"{text}\n\n")
    for path in sorted(options.sources.glob("*.tsv")) if options.sources else ():
        sys.stdout.write(f"{source_report(path.name, judge(classifier, load_sources(path)))}\n\n")
    return int(lowest < options.at_least)


if __name__ == "__main__":
    sys.exit(main())
