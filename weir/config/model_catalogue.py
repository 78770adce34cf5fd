"""Catalogue of the models that can be asked: of `weir.toml`, of the environment, or the embedded one alone."""

import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    StringConstraints,
    ValidationError,
    model_validator,
)

from weir.config.router_catalogue import RouteEntry, RouterCatalogue, RouterEntry, Routes, from_home, router_catalogue

EMBEDDED = "embedded"
"""Name of the embedded model where `weir.toml` names none."""

_NAME = re.compile(r"[A-Za-z0-9][\w.:/@-]{0,99}", re.ASCII)
_RESERVED = ("replay:", "weir/")
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
_SENDABLE = re.compile(r"[!-~]+")
_EXAMPLE = 'base_url = "http://localhost:11434/v1"'


def is_name(value: Any) -> bool:
    """Whether a value can be a model's name in the catalogue."""
    return isinstance(value, str) and bool(_NAME.fullmatch(value)) and not value.startswith(_RESERVED)


class CatalogueError(Exception):
    """`weir.toml` cannot be used; the text names the line and the field, says why and what to do."""


Price = Annotated[float, Field(ge=0, le=1_000_000)]


class ModelEntry(BaseModel):
    """A model that can be asked: at an OpenAI-compatible endpoint, or in the embedded engine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: HttpUrl | None = None
    """None: OpenAI's own server, or the embedded engine."""
    key_env: Annotated[str, StringConstraints(pattern=f"^{_VARIABLE}$")] | None = None
    """Name of the environment variable that has the key."""
    model: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = None
    """The model's name at its endpoint. None: the name in the catalogue."""
    embedded: bool = False
    """Whether it runs in the embedded engine."""
    gguf: Annotated[Path, AfterValidator(from_home)] | None = None
    """A GGUF file for the embedded engine; None is the packaged model."""
    price_in: Price | None = None
    """Dollars for a million tokens that the model reads."""
    price_out: Price | None = None
    """Dollars for a million tokens that the model writes."""
    window: Annotated[int, Field(ge=500, le=100_000_000)] | None = None
    """Tokens of history that are sent to it, at most."""
    tools: bool | None = None
    """Whether it can call tools; None is not known."""
    json_schema: bool | None = None
    """Whether its answers can be bound to a JSON Schema; None is not known."""
    reasoning: bool | None = None
    """Whether it thinks before it answers; None is not known."""
    images: bool | None = None
    """Whether it takes images; None is not known."""

    @model_validator(mode="after")
    def _names_one_place(self) -> Self:
        if self.embedded or self.gguf:
            given = [name for name in ("base_url", "key_env") if getattr(self, name) is not None]
            if given:
                raise ValueError(f"the embedded engine has no {given[0]}: take it away, or `embedded` and `gguf`")
        elif self.base_url is None and self.key_env is None:
            raise ValueError(f"it names no endpoint: add {_EXAMPLE}, `key_env` for OpenAI itself, or `embedded = true`")
        return self

    @property
    def is_embedded(self) -> bool:
        """Whether the embedded engine answers."""
        return self.embedded or self.gguf is not None

    def cost(self, tokens_in: int | None, tokens_out: int | None) -> float | None:
        """Return the cost of an answer in dollars; None if a price or a count is missing."""
        if self.price_in is None or self.price_out is None or tokens_in is None or tokens_out is None:
            return None
        return (tokens_in * self.price_in + tokens_out * self.price_out) / 1e6


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """A model of the catalogue with its name and its key."""

    name: str
    entry: ModelEntry
    key: SecretStr | None = None
    """None: it needs none, or the variable that is to have it is not set."""

    @property
    def model(self) -> str:
        """Its name at the endpoint."""
        return self.entry.model or self.name

    @property
    def missing_key(self) -> str | None:
        """The variable that should have the key and is not set; None if nothing is missing."""
        return self.entry.key_env if self.entry.key_env and self.key is None else None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The models that can be asked, at least one."""

    models: tuple[CatalogueModel, ...]
    default: CatalogueModel
    """Answers where nobody has chosen one."""
    is_file: bool = False
    """Whether `weir.toml` has added models to those of the environment."""
    routing: RouterCatalogue = field(default_factory=RouterCatalogue)
    """The routes of questions, and who decides between them."""

    def __iter__(self) -> Iterator[CatalogueModel]:
        return iter(self.models)

    def __len__(self) -> int:
        return len(self.models)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in the order in which they are shown."""
        return tuple(model.name for model in self.models)

    def plus(self, added: tuple[CatalogueModel, ...]) -> "Catalogue":
        """Return the catalogue with further models at its end."""
        return replace(self, models=(*self.models, *added)) if added else self

    def get(self, name: str | None) -> CatalogueModel | None:
        """Return the model of that name, the default for none, or None if there is no such model."""
        if not name:
            return self.default
        return next((model for model in self.models if model.name == name), None)

    def cost(self, name: str, tokens_in: int | None, tokens_out: int | None) -> float | None:
        """Return the cost of an answer in dollars. `name` is that in the catalogue, or that at the endpoint.

        Where there is one model alone, its prices are those of every answer.
        """
        matching = (model for model in self.models if name in (model.name, model.model))
        found = next(matching, self.default if len(self.models) == 1 or not name else None)
        return found.entry.cost(tokens_in, tokens_out) if found else None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    default: str | None = None
    models: dict[str, ModelEntry] = Field(default_factory=dict)
    router: RouterEntry = Field(default_factory=RouterEntry)
    routes: Routes = Field(default_factory=dict)


def load_catalogue(
    file: Path | None, environment: CatalogueModel | None, embedded: ModelEntry, variable: Callable[[str], str | None]
) -> Catalogue:
    """Return the catalogue of a file, if there is one, and of the model that the environment names, if it names one.

    With neither, the embedded model is the only one. `embedded` is the entry by which it runs. `variable` returns the
    value of an environment variable. Raises CatalogueError.
    """
    content, text = _File(), ""
    if file is not None:
        text = _text(file)
        content = _parsed(file, text)
        _check(file, text, content, environment)
    models = [
        CatalogueModel(name, _with_defaults(entry, embedded), _key(file, name, entry, variable))
        for name, entry in content.models.items()
    ]
    if environment is not None and environment.name not in content.models:
        models.insert(0, environment)
    if not models:
        models = [CatalogueModel(EMBEDDED, embedded)]
    default = next((model for model in models if model.name == content.default), models[0])
    names = [model.name for model in models]
    routing = RouterCatalogue() if file is None else _routing(file, text, content, names)
    return Catalogue(tuple(models), default, is_file=bool(content.models), routing=routing)


def _routing(file: Path, text: str, content: _File, models: Collection[str]) -> RouterCatalogue:
    def problem(location: tuple[str, ...], sentence: str) -> CatalogueError:
        return CatalogueError(f"{_place(file, text, location)}: {sentence}")

    return router_catalogue(content.routes, content.router, models, file.parent, problem)


def _with_defaults(entry: ModelEntry, embedded: ModelEntry) -> ModelEntry:
    """Return the entry; an embedded one without a file of its own has the file of the settings."""
    return entry.model_copy(update={"gguf": embedded.gguf}) if entry.embedded and entry.gguf is None else entry


def _key(file: Path | None, name: str, entry: ModelEntry, variable: Callable[[str], str | None]) -> SecretStr | None:
    value = (variable(entry.key_env) or "").strip() if entry.key_env else ""
    if value and not _SENDABLE.fullmatch(value):
        raise CatalogueError(
            f"{file}, models.{name}.key_env: the key in {entry.key_env} has a blank, a line break or a character "
            "beyond ASCII, which no HTTP header can carry; copy it anew."
        )
    return SecretStr(value) if value else None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise CatalogueError(f"{file} cannot be read: {reason}. Correct the file, or WEIR_CONFIG.") from None


def _parsed(file: Path, text: str) -> _File:
    try:
        return _File.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{file} is not TOML: {error}. Correct that line, then start Weir again.") from None
    except ValidationError as error:
        sentences = [_sentence(file, text, problem) for problem in error.errors()]
        raise CatalogueError("\n".join(sentences)) from None


def _check(file: Path, text: str, content: _File, environment: CatalogueModel | None) -> None:
    """Check what concerns several fields of the file. Raises CatalogueError."""
    for name in content.models:
        if not is_name(name):
            at = _place(file, text, ("models", name))
            raise CatalogueError(f"{at}: {name!r} is no name: use letters, digits and . _ - : / @, for example `fast`.")
    names = [*content.models, *([environment.name] if environment else [])]
    if content.default is not None and content.default not in names:
        at, known = _place(file, text, ("default",)), ", ".join(names) or "none"
        raise CatalogueError(f"{at}: there is no model {content.default!r}. There are {known}.")
    engines = [name for name, entry in content.models.items() if entry.is_embedded]
    if len(engines) > 1:
        at = _place(file, text, ("models", engines[1]))
        raise CatalogueError(
            f"{at}: the embedded engine runs one model, and {engines[0]} has it. Take one of them away."
        )


_MESSAGES = {
    "extra_forbidden": "there is no such field. Fields are {fields}.",
    "string_pattern_mismatch": "it must be the name of an environment variable, as FAST_API_KEY. Write the key there.",
}


_TABLES: dict[str, tuple[type[BaseModel], int]] = {
    "models": (ModelEntry, 2),
    "routes": (RouteEntry, 2),
    "router": (RouterEntry, 1),
}
"""What a table has, and how many parts its name has."""


def _fields(location: tuple[str, ...]) -> Iterable[str]:
    """Return the fields that could stand at a place of the file."""
    table, depth = _TABLES.get(location[0], (_File, 0))
    return (table if len(location) > depth else _File).model_fields


def _sentence(file: Path, text: str, problem: Mapping[str, Any]) -> str:
    """Return what is wrong with a field. What stands in it is left out: it may be a key."""
    location = tuple(part for part in problem["loc"] if isinstance(part, str))
    fields = ", ".join(_fields(location))
    message = _MESSAGES.get(problem["type"], problem["msg"].removeprefix("Value error, ") + ".")
    if location[-1:] == ("api_key",):
        message = "a key does not stand in this file: put it into an environment variable, and name that in `key_env`."
    return f"{_place(file, text, location)}: {message.format(fields=fields)}"


def _place(file: Path, text: str, location: tuple[str, ...]) -> str:
    """Return the file, the line and the field, as far as the line can be found."""
    line = _line(text, location) or (_line(text, location[:-1]) if len(location) > 1 else None)
    return f"{file}, {f'line {line}, ' if line else ''}{'.'.join(location)}"


def _line(text: str, location: tuple[str, ...]) -> int | None:
    """Return the number of the line of a field, else of its table; None if it is written in another way."""
    *table, key = location
    header, found = "", None
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith("["):
            header = re.sub(r"[\s\"']", "", stripped[1:].partition("]")[0])
            if header == ".".join(location):
                found = number
            elif header == ".".join(table):
                found = found or number
        elif header == ".".join(table) and stripped.partition("=")[0].strip().strip("\"'") == key and "=" in stripped:
            return number
    return found
