"""Labelled questions: what is learned from, and what is measured with."""

import json
from dataclasses import dataclass
from pathlib import Path

Category = str
CATEGORIES: tuple[Category, ...] = ("math", "code", "general")
"""The categories of the examples here, and of the classifier that comes with Weir."""


@dataclass(frozen=True, slots=True)
class Example:
    """A question with the category that is right for it."""

    question: str
    category: Category
    language: str
    """ISO 639-1."""
    history: tuple[tuple[str, str], ...] = ()


def load_examples(path: Path) -> list[Example]:
    """Read a `.jsonl` file of labelled questions."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        history = tuple((role, text) for role, text in row.pop("history", ()))
        found.append(Example(**row, history=history))
    return found
