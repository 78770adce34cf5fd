"""What models can do, as `weir models --try` has found out: kept in the data folder, where their file says nothing."""

import json
import os
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from weir.config.model_catalogue import Catalogue, CatalogueModel

FILE = "capabilities.json"


class Capabilities(BaseModel):
    """What a model can do; None is not known."""

    model_config = ConfigDict(frozen=True)

    tools: bool | None = None
    json_schema: bool | None = None
    reasoning: bool | None = None

    @property
    def words(self) -> str:
        """What is known, for people: `tools, no JSON schema`; "" if nothing is."""
        names = {"tools": self.tools, "JSON schema": self.json_schema, "reasoning": self.reasoning}
        return ", ".join(name if can else f"no {name}" for name, can in names.items() if can is not None)


_Known = dict[Annotated[str, Field(max_length=600)], Capabilities]


def capabilities_of(model: CatalogueModel) -> Capabilities:
    """Return what is known of a model of the catalogue."""
    entry = model.entry
    return Capabilities(tools=entry.tools, json_schema=entry.json_schema, reasoning=entry.reasoning)


def read_capabilities(folder: Path) -> dict[str, Capabilities]:
    """Return what was found out, by `key_of`; nothing where the file is not there or damaged: it can be tried again."""
    try:
        return TypeAdapter(_Known).validate_json((folder / FILE).read_bytes())
    except (OSError, ValidationError):
        return {}


def keep_capabilities(folder: Path, found: dict[str, Capabilities]) -> None:
    """Add what was found out to the file. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {key: known.model_dump(exclude_none=True) for key, known in (read_capabilities(folder) | found).items()}
    written = folder / f"{FILE}.{os.getpid()}"
    written.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    written.replace(folder / FILE)


def key_of(model: CatalogueModel) -> str:
    """Return the key of a model in the file: its server, without a name or a password, and its name there."""
    url = model.entry.base_url
    return f"{f'{url.host}:{url.port}' if url else 'OpenAI'} {model.model}"


def with_capabilities(catalogue: Catalogue, folder: Path) -> Catalogue:
    """Return the catalogue with what was found out, where its file says nothing."""
    known = read_capabilities(folder)
    return catalogue.changed(lambda model: _filled(model, known.get(key_of(model)))) if known else catalogue


def _filled(model: CatalogueModel, found: Capabilities | None) -> CatalogueModel:
    if found is None or model.entry.is_embedded:
        return model
    missing = {name: value for name, value in found if getattr(model.entry, name) is None}
    return CatalogueModel(model.name, model.entry.model_copy(update=missing), model.key)
