"""Composes long examples from the templates of `compositions.toml`: the same ones each time."""

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from chains.classifier.examples import Example

COMPOSITIONS = Path(__file__).with_name("compositions.toml")

_SLOT = re.compile(r"\{(\w{1,40})\}")

_NUMBERS = {"num": (2, 60), "big": (61, 9_000), "small": (2, 9), "year": (1750, 2020), "percent": (1, 99)}
"""Slots for a number, with its bounds."""


def compose(path: Path = COMPOSITIONS) -> list[tuple[str, Example]]:
    """Return examples, each with the name of its kind."""
    read = tomllib.loads(path.read_text(encoding="utf-8"))
    lists = {name: _lines(listed) for name, listed in read["lists"].items()}
    composed: dict[str, tuple[str, Example]] = {}
    for kind in read["kinds"]:
        chance = random.Random(kind["name"])
        templates = _lines(kind["templates"])
        for number in range(kind["count"]):
            text = _fill(templates[number % len(templates)], lists, chance).replace("\\n", "\n")
            composed[text] = (kind["name"], Example(text, kind["category"], kind["language"]))
    return list(composed.values())


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


def _fill(template: str, lists: Mapping[str, Sequence[str]], chance: random.Random) -> str:
    """Return a template with each slot replaced, also those in what replaces it."""

    def one(match: re.Match[str]) -> str:
        name = match.group(1)
        if name in _NUMBERS:
            return str(chance.randint(*_NUMBERS[name]))
        if name in lists:
            return _fill(chance.choice(lists[name]), lists, chance)
        return match.group()

    return _SLOT.sub(one, template)
