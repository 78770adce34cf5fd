"""Model servers of this machine: what is found at their usual ports is offered, and asked by nobody unless chosen.

What such a server says is data of a stranger: its size is bounded, and names that no catalogue could have are left out.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import httpx2
from pydantic import HttpUrl

from weir.config.model_catalogue import CatalogueModel, ModelEntry, is_name
from weir.config.settings import USUAL_PORTS

SERVERS: Mapping[int, str] = dict(zip(USUAL_PORTS, ("Ollama", "LM Studio", "llama-server", "vLLM"), strict=True))
"""The server that usually has a port."""

TIMEOUT_SECONDS = 1.0
"""Time for the list of one server."""

MAX_BODY = 500_000
"""Bytes of a list that are read."""

MAX_MODELS = 30
"""Models of one server that are offered."""

_OWN = "weir"
"""`owned_by` in Weir's own list: it is no other model's server."""


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model of a server of this machine."""

    name: str
    """Its name at the server."""
    server: str
    """What usually has the port, and the port."""
    base_url: str

    def entry(self, taken: Iterable[str]) -> CatalogueModel:
        """Return it as a model of the catalogue, by a name that is not taken."""
        name, others, number = self.name, set(taken), 2
        while name in others:
            name, number = f"{self.name[:90]}-{number}", number + 1
        return CatalogueModel(name, ModelEntry(base_url=HttpUrl(self.base_url), model=self.name))

    @property
    def lines(self) -> str:
        """The lines of `weir.toml` that keep it."""
        return f'[models."{self.name}"]\nbase_url = "{self.base_url}"\nmodel = "{self.name}"\n'


async def find_models(ports: Iterable[int]) -> tuple[FoundModel, ...]:
    """Ask each port of this machine for its list of models, once and without a key. Nothing else is sent."""
    async with httpx2.AsyncClient(trust_env=False, follow_redirects=False) as http:
        found = await asyncio.gather(*(_models_at(http, port) for port in ports))
    return tuple(model for models in found for model in models)


async def _models_at(http: httpx2.AsyncClient, port: int) -> list[FoundModel]:
    base = f"http://127.0.0.1:{port}/v1"
    body = bytearray()
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS), http.stream("GET", f"{base}/models") as response:
            if response.status_code != 200 or response.headers.get("Content-Encoding", "identity") != "identity":
                return []
            async for part in response.aiter_raw():
                body += part
                if len(body) > MAX_BODY:
                    return []
    except Exception:  # nobody is there, or somebody who speaks no HTTP: nothing is offered
        return []
    server = f"{SERVERS[port]} ({port})" if port in SERVERS else f"port {port}"
    return [FoundModel(name, server, base) for name in _names(bytes(body))]


def _names(body: bytes) -> list[str]:
    """Return the names of a list of models; none for anything else."""
    try:
        listed = json.loads(body)
    except (ValueError, RecursionError):
        return []
    data = listed.get("data") if isinstance(listed, dict) else None
    items = [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []
    names = [item["id"] for item in items if item.get("owned_by") != _OWN and is_name(item.get("id"))]
    return list(dict.fromkeys(names))[:MAX_MODELS]
