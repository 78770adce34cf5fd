"""What models can do: as their file says, or as a trial has found out, which is kept in the data folder."""

import json
import os
import threading
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from weir.config.model_catalogue import CatalogueModel

FILE = "capabilities.json"

_WRITING = threading.Lock()


class Capability(StrEnum):
    """What a model can be asked to show, by the name of its field."""

    TOOLS = "tools"
    JSON_SCHEMA = "json_schema"


class Capabilities(BaseModel):
    """What a model can do; None is not known."""

    model_config = ConfigDict(frozen=True)

    tools: bool | None = None
    json_schema: bool | None = None
    reasoning: bool | None = None
    images: bool | None = None

    @property
    def words(self) -> str:
        """What is known, for people: `tools, no JSON schema`; "" if nothing is."""
        names = {
            "tools": self.tools,
            "JSON schema": self.json_schema,
            "reasoning": self.reasoning,
            "images": self.images,
        }
        return ", ".join(name if can else f"no {name}" for name, can in names.items() if can is not None)

    @property
    def unknown(self) -> tuple[Capability, ...]:
        """What is not known, of what a model can be asked to show."""
        return tuple(one for one in Capability if getattr(self, one) is None)

    def or_else(self, others: "Capabilities") -> "Capabilities":
        """Return these, and where one is not known that of the others."""
        return others.model_copy(update={name: can for name, can in self if can is not None})


_Known = dict[Annotated[str, Field(max_length=600)], Capabilities]


def stated_capabilities(model: CatalogueModel) -> Capabilities:
    """Return what is known of a model without a trial: what its file says, or what the embedded engine is made for."""
    entry = model.entry
    if not entry.is_embedded:
        return Capabilities(
            tools=entry.tools, json_schema=entry.json_schema, reasoning=entry.reasoning, images=entry.images
        )
    # A grammar keeps its answers to the schema, and it has no tool calls. A GGUF file may be of any model.
    reasoning = entry.reasoning if entry.gguf else False
    return Capabilities(tools=False, json_schema=True, reasoning=reasoning, images=False)


def read_capabilities(folder: Path) -> dict[str, Capabilities]:
    """Return what was found out, by `key_of`; nothing where the file is not there or damaged: it can be tried again."""
    try:
        return TypeAdapter(_Known).validate_json((folder / FILE).read_bytes())
    except (OSError, ValidationError):
        return {}


def keep_capabilities(folder: Path, found: dict[str, Capabilities]) -> None:
    """Add what was found out to the file. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with _WRITING:
        earlier = read_capabilities(folder)
        newer = {key: new.or_else(earlier.get(key, Capabilities())) for key, new in found.items()}
        whole = {key: known.model_dump(exclude_none=True) for key, known in (earlier | newer).items()}
        written = folder / f"{FILE}.{os.getpid()}"
        written.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
        written.replace(folder / FILE)


def key_of(model: CatalogueModel) -> str:
    """Return the key of a model in the file: its server, without a name or a password, and its name there."""
    url = model.entry.base_url
    return f"{f'{url.host}:{url.port}' if url else 'OpenAI'} {model.model}"
