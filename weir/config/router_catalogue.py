"""Catalogue of the router: `[routes]` and `[router]` of `weir.toml`, which say what is asked where, and who decides."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

DEFAULT_ROUTES = ("math", "code", "general")
"""Names of the routes that need nothing written about them."""

ROUTE_NAME = r"[a-z][a-z0-9_-]{0,39}"
MAX_ROUTES = 20

Problem = Callable[[tuple[str, ...], str], Exception]
"""Returns the error for what is wrong with a field of the file, given its location and a sentence."""


def _text(longest: int) -> Any:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=longest)


def from_home(value: Path) -> Path:
    """Return a path with `~` as the home folder. Raises ValueError if that is not known."""
    try:
        return value.expanduser()
    except RuntimeError as error:
        raise ValueError("it begins with a home folder that is not known") from error


class RouteEntry(BaseModel):
    """A route: a category of questions, and how they are answered. What is None is as Weir has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: Annotated[str, _text(1_000)] | None = None
    """What belongs there: the model that classifies reads it."""
    model: str | None = None
    """Name of the model of the catalogue that answers."""
    prompt: Annotated[str, _text(20_000)] | None = None
    """System prompt of the answer."""
    label: Annotated[str, _text(40)] | None = None
    """Its name on pages."""
    calculator: bool | None = None
    """Whether arithmetic in a question is worked out before the model answers."""
    example: Annotated[str, _text(200)] | None = None
    """A question that the empty chat suggests."""


def _short_form(value: Any) -> Any:
    return {"model": value} if isinstance(value, str) else value


Routes = dict[str, Annotated[RouteEntry, BeforeValidator(_short_form)]]


class RouterEntry(BaseModel):
    """Who decides where a question goes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    classify_by: Literal["model", "local"] | None = None
    model: str | None = None
    """Name of the model that classifies; None: the one that answers where no route names one."""
    file: Annotated[Path, AfterValidator(from_home)] | None = None
    """What `weir classify --train` has written; a relative path begins at the file of the catalogue."""
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    """Certainty below which a question goes to `fallback`."""
    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class RouterCatalogue:
    """The routes, in the order in which they are shown, and who decides between them."""

    entries: tuple[tuple[str, RouteEntry], ...] = tuple((name, RouteEntry()) for name in DEFAULT_ROUTES)
    fallback: str = "general"
    """The route of what belongs to no other, and of what cannot be classified."""
    classify_by: Literal["model", "local"] | None = None
    """None: `WEIR_ROUTER` decides."""
    model: str | None = None
    """The model that classifies; None: the one that answers."""
    file: Path | None = None
    """What the local classifier reads; None: the one that comes with Weir."""
    threshold: float | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the routes."""
        return tuple(name for name, _ in self.entries)

    @property
    def names_models(self) -> bool:
        """Whether a route names its model."""
        return any(entry.model for _, entry in self.entries)

    @property
    def has_local_classifier(self) -> bool:
        """Whether questions can be classified on this machine."""
        return self.file is not None or self.names == DEFAULT_ROUTES


def router_catalogue(
    routes: Mapping[str, RouteEntry], router: RouterEntry, models: Collection[str], folder: Path, problem: Problem
) -> RouterCatalogue:
    """Return the catalogue of what a file has. `models` are the names that it may use; `folder` is the file's.

    A file that names only routes of `DEFAULT_ROUTES` changes these three; with any other name its routes are all.
    """
    for name, entry in routes.items():
        _check_route(name, entry, models, problem)
    if set(routes) <= set(DEFAULT_ROUTES):
        entries = {name: RouteEntry() for name in DEFAULT_ROUTES} | dict(routes)
    else:
        entries = dict(routes)
    if not 2 <= len(entries) <= MAX_ROUTES:
        raise problem(
            ("routes", list(entries)[-1]), f"a router has 2 to {MAX_ROUTES} routes, and this one has {len(entries)}."
        )
    if router.fallback is not None and router.fallback not in entries:
        raise problem(("router", "fallback"), _no_such("route", router.fallback, entries))
    fallback = router.fallback or ("general" if "general" in entries else list(entries)[-1])
    found = RouterCatalogue(
        tuple(entries.items()), fallback, _who(router, problem), router.model, _file(router, folder), router.threshold
    )
    _check_router(router, found, models, problem)
    return found


def _check_route(name: str, entry: RouteEntry, models: Collection[str], problem: Problem) -> None:
    at = ("routes", name)
    if not re.fullmatch(ROUTE_NAME, name):
        raise problem(at, f"{name!r} is no name of a route: use small letters, digits, - and _, for example `billing`.")
    if entry.model is not None and entry.model not in models:
        named = (*at, "model")
        raise problem(named, _no_such("model", entry.model, models))
    if entry.description is None and name not in DEFAULT_ROUTES:
        raise problem(
            at, 'it has no description: say what belongs there, for example `description = "invoices and refunds"`.'
        )


def _check_router(router: RouterEntry, found: RouterCatalogue, models: Collection[str], problem: Problem) -> None:
    if router.model is not None and router.model not in models:
        raise problem(("router", "model"), _no_such("model", router.model, models))
    if found.file is not None and not found.file.is_file():
        raise problem(
            ("router", "file"),
            f"there is no file {found.file}. Make it: weir classify --train examples.tsv --to {found.file.name}",
        )
    if found.classify_by == "local" and not found.has_local_classifier:
        raise problem(("router", "classify_by"), NEEDS_TRAINING)


NEEDS_TRAINING = (
    "the classifier that comes with Weir knows math, code and general alone. Train one for these routes "
    "(weir classify --train examples.tsv --to my_router.npz) and name it in `file`, or have a model classify."
)


def _who(router: RouterEntry, problem: Problem) -> Literal["model", "local"] | None:
    if router.classify_by == "local" and router.model is not None:
        raise problem(
            ("router", "model"), 'the local classifier asks no model: take it away, or write classify_by = "model".'
        )
    if router.classify_by is None and router.model is not None and router.file is not None:
        raise problem(
            ("router",),
            'it names a model and a file to classify with: add classify_by = "model" or classify_by = "local".',
        )
    return router.classify_by or ("local" if router.file else "model" if router.model else None)


def _file(router: RouterEntry, folder: Path) -> Path | None:
    return folder / router.file if router.file else None


def _no_such(kind: str, name: str, known: Collection[str]) -> str:
    return f"there is no {kind} {name!r}. There are {', '.join(known) or 'none'}."
