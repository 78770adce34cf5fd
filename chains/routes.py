"""The routes: what belongs to each, and how it is shown and answered."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

_LANGUAGE = "Answer in the language of the question."


@dataclass(frozen=True, slots=True)
class _RouteInfo:
    label: str
    icon: str
    color: Literal["violet", "blue", "gray"]
    covers: str
    prompt: str


class Route(StrEnum):
    """A category of questions, with its label, icon and colour, what belongs to it, and the prompt of its chain."""

    MATH = "math"
    CODE = "code"
    GENERAL = "general"

    @property
    def label(self) -> str:
        return _ROUTES[self].label

    @property
    def icon(self) -> str:
        """A Material symbol, as Streamlit writes it."""
        return _ROUTES[self].icon

    @property
    def color(self) -> str:
        """One of the theme's badge colours."""
        return _ROUTES[self].color

    @property
    def covers(self) -> str:
        """What belongs to it: part of the classifier's prompt."""
        return _ROUTES[self].covers

    @property
    def prompt(self) -> str:
        """The system prompt of the chain that answers."""
        return _ROUTES[self].prompt


_ROUTES = {
    Route.MATH: _RouteInfo(
        "Math",
        ":material/calculate:",
        "violet",
        "calculations, equations, proofs, statistics, word problems",
        "You are a mathematician. Solve the problem step by step, one step to a line, say why each step holds, "
        f"and give the result at the end. {_LANGUAGE}",
    ),
    Route.CODE: _RouteInfo(
        "Code",
        ":material/code:",
        "blue",
        "writing, explaining or mending programs, queries, scripts and configuration",
        "You are a senior programmer. Write clean code with comments where they help, in a fenced block that names "
        f"its language, and explain it briefly. {_LANGUAGE}",
    ),
    Route.GENERAL: _RouteInfo(
        "General",
        ":material/forum:",
        "gray",
        "everything else",
        f"You are a helpful assistant. Answer clearly and informatively. {_LANGUAGE}",
    ),
}
