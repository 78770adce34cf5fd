"""Training of a router of one's own: what `weir classify --train` does."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from weir.cli.app_modules import import_app_module
from weir.cli.classify_command import read_labelled
from weir.cli.main import OK
from weir.cli.terminal import Terminal

MOST_MISSES = 10
"""Misrouted examples that are printed, the longest first."""


def train_router(source: Path, target: Path, as_json: bool, terminal: Terminal) -> int:
    """Learn from a file, write what was learned, and print what to expect of it. Raises ClickException."""
    if target.suffix != ".npz":
        raise click.ClickException(f"The file of a classifier ends in .npz: --to {target.with_suffix('.npz')}")
    training = import_app_module("chains.classifier.own_training")
    router_file = import_app_module("chains.classifier.trained_router_file")
    examples, repeated = _once([example for _, example in read_labelled(source, None)], source)
    terminal.say(f"Learning from {len(examples):,} examples.")
    try:
        trained = training.train(examples)
        router_file.write_router(trained.model, target)
    except training.TrainingError as error:
        raise click.ClickException(f"{source}: {error}") from error
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written: {error.strerror}.") from error
    report = import_app_module("chains.classifier.source_report")
    categories = trained.model.categories
    judged = [_with_threshold(one, trained.model.threshold) for one in trained.judged]
    if as_json:
        figures = asdict(report.figures(judged, categories))
        for name in ("by_source", "by_language", "median_seconds", "p99_seconds"):
            del figures[name]
        found = {"file": str(target), "threshold": trained.model.threshold, "repeated": repeated} | figures
        terminal.write(json.dumps(found, ensure_ascii=False) + "\n")
        return OK
    text = report.source_report("cross-validation", trained.judged, MOST_MISSES, categories=categories, is_timed=False)
    figures = report.figures(judged, categories)
    again = f" {repeated} lines that repeat others are left out." if repeated else ""
    terminal.write(
        f"{source.name}: {len(examples):,} examples in {len(categories)} categories.{again}\n{text}\n"
        f"threshold {trained.model.threshold:.2f}: answers {1 - figures.abstained:.1%}, "
        f"and {figures.accuracy_of_the_rest:.1%} of that is right\n"
        f'{target}: {target.stat().st_size / 1000:,.0f} kB. In weir.toml, below [router]: file = "{target.name}"\n'
    )
    return OK


def _once(examples: Sequence[Any], source: Path) -> tuple[list[Any], int]:
    """Return the examples without repetitions, and how many those are. Raises ClickException for a contradiction."""
    seen: dict[str, Any] = {}
    for example in examples:
        first = seen.setdefault(" ".join(example.question.casefold().split()), example)
        if first.category != example.category:
            raise click.ClickException(
                f"{source} has one question in two categories, {first.category} and {example.category}: "
                f"{' '.join(example.question.split())[:100]!r}. Decide for one."
            )
    return list(seen.values()), len(examples) - len(seen)


def _with_threshold(one: Any, threshold: float) -> Any:
    certain = max(one.decision.probabilities.values())
    return replace(one, decision=replace(one.decision, abstained=certain < threshold))
