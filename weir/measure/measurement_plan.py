"""Plan of a measurement: which models are asked what, how often and how many at once, and what that may cost."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from weir.analysis.metrics_line import counted, dollars
from weir.config.model_catalogue import CatalogueModel

CONCURRENCY = (1, 4, 16)
"""Answers at once, unless others are chosen."""

TOKENS, REQUESTS = 200, 4
"""Tokens of an answer, and requests at each concurrency, unless others are chosen."""

MAX_MODELS, MAX_CONCURRENCY, MAX_LEVELS, MAX_TOKENS, MAX_REQUESTS = 20, 256, 12, 10_000, 1_000

PROMPT_TOKENS = 80
"""Tokens that a request is read as, about."""

WARM_UP_TOKENS = 8
"""Tokens of the request that opens the connection to a model, before what is measured."""

_PROMPT = (
    "Note {nonce}-{number}. Describe in plain prose how a river runs from its spring to the sea: the rain, the brooks, "
    "the bends, the weirs, the towns, the harbour. Write at least {words} words, and no headings or lists."
)


@dataclass(frozen=True, slots=True)
class MeasurementPlan:
    """What is sent. Each concurrency asks each model `requests` times, and at least once for each answer at once."""

    models: tuple[str, ...]
    """Names in the catalogue."""
    concurrency: tuple[int, ...] = CONCURRENCY
    tokens: int = TOKENS
    requests: int = REQUESTS

    def requests_at(self, concurrency: int) -> int:
        """Return how often a model is asked at a concurrency."""
        return max(concurrency, self.requests)

    @property
    def requests_per_model(self) -> int:
        """How often a model is asked in all, with the request that opens the connection."""
        return 1 + sum(map(self.requests_at, self.concurrency))

    @property
    def requests_in_all(self) -> int:
        """How many requests are sent."""
        return len(self.models) * self.requests_per_model

    @property
    def tokens_in(self) -> int:
        """Tokens that a model reads, about."""
        return self.requests_per_model * PROMPT_TOKENS

    @property
    def tokens_out(self) -> int:
        """Tokens that a model writes, at most."""
        return WARM_UP_TOKENS + (self.requests_per_model - 1) * self.tokens

    def cost(self, model: CatalogueModel) -> float | None:
        """Return what a model costs at most, in dollars; None if its prices are not known."""
        if model.entry.is_embedded:
            return 0.0
        return model.entry.cost(self.tokens_in, self.tokens_out)

    def sentences(self, models: Mapping[str, CatalogueModel]) -> list[str]:
        """Return what will be sent and what it costs, for people. `models` has those of the plan."""
        levels = ", ".join(map(str, self.concurrency))
        count = len(self.models)
        return [
            f"Sends {counted(self.requests_in_all, 'request')} to {counted(count, 'model')}, {levels} at once; "
            f"each asks for at most {counted(self.tokens, 'token')} of plain text.",
            f"In all it reads about {count * self.tokens_in:,} tokens and writes at most {count * self.tokens_out:,}.",
            self._cost_sentence(models),
        ]

    def _cost_sentence(self, models: Mapping[str, CatalogueModel]) -> str:
        costs = {name: self.cost(models[name]) for name in self.models}
        known = {name: cost for name, cost in costs.items() if cost is not None}
        unknown = [name for name, cost in costs.items() if cost is None]
        parts = []
        if known:
            each = ", ".join(f"{name} {dollars(cost) if cost else 'nothing'}" for name, cost in known.items())
            total = sum(known.values())
            parts.append(f"Costs at most {dollars(total)} ({each})." if total else f"Costs nothing: {each}.")
        if unknown:
            parts.append(f"What {', '.join(unknown)} may cost is not known: no prices are set.")
        return " ".join(parts)

    def prompts(self) -> "Prompts":
        """Return the texts of the requests."""
        return Prompts(secrets.token_hex(3), self.tokens)


@dataclass(slots=True)
class Prompts:
    """The texts that are sent. Each begins with other characters, so that no cache of prompts shortens the wait."""

    nonce: str
    tokens: int
    _number: int = 0

    def next(self) -> str:
        """Return the next text."""
        self._number += 1
        return _PROMPT.format(nonce=self.nonce, number=self._number, words=self.tokens)
