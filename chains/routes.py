"""The routes: what belongs to each, and how it is shown and answered."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import StringConstraints

from weir.config.router_catalogue import ROUTE_NAME, RouteEntry, RouterCatalogue
from weir.config.settings import settings

_LANGUAGE = "Answer in the language of the question."

RouteName = Annotated[str, StringConstraints(pattern=f"^{ROUTE_NAME}$")]
Color = Literal["violet", "blue", "green", "orange", "yellow", "gray"]


@dataclass(frozen=True, slots=True)
class Route:
    """A category of questions, with its label, icon and colour, what belongs to it, and how it is answered."""

    name: str
    label: str
    icon: str
    """A Material symbol, as Streamlit writes it."""
    color: Color
    """One of the theme's badge colours."""
    covers: str
    """What belongs to it: part of the classifier's prompt."""
    prompt: str
    """The system prompt of the chain that answers."""
    model: str | None = None
    """Name of the model that answers; None: the one that answers everywhere."""
    has_calculator: bool = False
    """Whether arithmetic in a question is worked out first."""
    example: str = ""
    """A question that the empty chat suggests; it is what the packaged model does well (docs/demo.md)."""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class RouteCatalogue:
    """The routes that questions can take, in the order in which they are shown."""

    routes: tuple[Route, ...]
    fallback: Route
    """Takes what belongs to no other, and what cannot be classified."""

    def __iter__(self) -> Iterator[Route]:
        return iter(self.routes)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the routes."""
        return tuple(route.name for route in self.routes)

    def get(self, name: str) -> Route | None:
        """Return the route of that name; None if there is none."""
        return next((route for route in self.routes if route.name == name), None)

    def shown(self, name: str) -> Route:
        """Return the route of that name, or one that can be shown alone: a recording may have another's routes."""
        return self.get(name) or Route(name, name.replace("_", " ").capitalize(), ":material/label:", "gray", "", "")


_MATH, _CODE, _GENERAL = (
    Route(
        "math",
        "Math",
        ":material/calculate:",
        "violet",
        "calculations, equations, proofs, statistics, word problems",
        "You are a mathematician. Solve the problem step by step, one step to a line, say why each step holds, "
        f"and give the result at the end. {_LANGUAGE}",
        has_calculator=True,
        example="What is 25 × 17?",
    ),
    Route(
        "code",
        "Code",
        ":material/code:",
        "blue",
        "writing, explaining or mending programs, queries, scripts and configuration",
        "You are a senior programmer. Write clean code with comments where they help, in a fenced block that names "
        f"its language, and explain it briefly. {_LANGUAGE}",
        example="Write a Python function that checks if a number is even",
    ),
    Route(
        "general",
        "General",
        ":material/forum:",
        "gray",
        "everything else",
        f"You are a helpful assistant. Answer clearly and informatively. {_LANGUAGE}",
        example="What is gravity?",
    ),
)

DEFAULT_ROUTES = RouteCatalogue((_MATH, _CODE, _GENERAL), _GENERAL)
"""The routes without a file that names others."""

_ICONS = ("label", "bookmark", "sell", "folder", "flag", "star", "push_pin", "inbox")
_COLORS: tuple[Color, ...] = ("violet", "blue", "green", "orange", "yellow")


@functools.cache
def routes_of(catalogue: RouterCatalogue) -> RouteCatalogue:
    """Return the routes of a file: the default ones with what it changes, and those of its own."""
    routes = tuple(
        _route(name, entry, place, is_fallback=name == catalogue.fallback)
        for place, (name, entry) in enumerate(catalogue.entries)
    )
    return RouteCatalogue(routes, next(route for route in routes if route.name == catalogue.fallback))


def configured_routes() -> RouteCatalogue:
    """Return the routes of the settings. Raises SettingsError."""
    return routes_of(settings().catalogue.routing)


def _route(name: str, entry: RouteEntry, place: int, *, is_fallback: bool) -> Route:
    base = DEFAULT_ROUTES.get(name) or Route(
        name,
        name.replace("_", " ").capitalize(),
        ":material/forum:" if is_fallback else f":material/{_ICONS[place % len(_ICONS)]}:",
        "gray" if is_fallback else _COLORS[place % len(_COLORS)],
        entry.description or "",
        _GENERAL.prompt,
    )
    return replace(
        base,
        label=entry.label or base.label,
        covers=entry.description or base.covers,
        prompt=entry.prompt or base.prompt,
        model=entry.model,
        has_calculator=base.has_calculator if entry.calculator is None else entry.calculator,
        example=entry.example or base.example,
    )
