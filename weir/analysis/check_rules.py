"""Rules of a check: what a recording has to hold, as the command line, `weir.toml` and `Recording.check` name them."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

_SECONDS = re.compile(r"\s*+([0-9]++(?:\.[0-9]++)?|\.[0-9]++)\s*+(ms|s|min)?\s*+")
_UNITS = {None: 1.0, "s": 1.0, "ms": 0.001, "min": 60.0}
_CALLS = re.compile(r"(.+):([0-9]{1,6})")
ARROW = "->"
"""Stands between the names of components in the rule `streams`."""


class RuleError(ValueError):
    """A rule is unknown, or its bound cannot be read. Its text is a sentence for people."""


def parse_seconds(value: Any) -> Any:
    """Return seconds for a text such as `200ms`, `1.5s`, `2min` or `1`; any other value as it is."""
    if not isinstance(value, str):
        return value
    match = _SECONDS.fullmatch(value)
    if match is None:
        raise ValueError(f"{value!r} is no duration: write 200ms, 1.5s or 2min")
    return float(match[1]) * _UNITS[match[2]]


def _parse_calls(value: Any) -> Any:
    """Return the number of calls of each tool for `tool:2`, or a list of these."""
    if isinstance(value, Mapping):
        return value
    calls = {}
    for item in [value] if isinstance(value, str) else value:
        match = _CALLS.fullmatch(str(item))
        if match is None:
            raise ValueError(f"{item!r} is no number of calls: write tool:2")
        calls[match[1]] = int(match[2])
    return calls


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value)


Seconds = Annotated[float, BeforeValidator(parse_seconds), Field(ge=0, allow_inf_nan=False)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]


class Rules(BaseModel):
    """Rules for one recording. None, False and empty: not checked. Durations are seconds, or texts such as `200ms`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first_token: Seconds | None = None
    """Longest time from the run's start to the first text of its answer."""
    gap_p95: Seconds | None = None
    """Bound of the 95th percentile of the gaps between chunks of the answer."""
    gap_max: Seconds | None = None
    """Longest gap between two chunks of the answer."""
    duration: Seconds | None = None
    """Longest time from the run's start to its last event."""
    tokens_per_second: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Lowest rate of the answer."""
    max_tokens: int | None = Field(default=None, ge=0)
    """Most output tokens of all model calls."""
    finish: str | None = None
    """Finish reason of the last model call."""
    no_error: bool = False
    """No component failed or was interrupted, and the recording is complete."""
    streams: Texts = ()
    """Components that pass chunks on as they come: `story -> StrOutputParser`."""
    route: str | None = None
    """Route that the smart router took."""
    json_valid: dict[str, Any] | bool | None = None
    """JSON Schema (2020-12) that the answer satisfies; True for any JSON."""
    contains: Texts = ()
    """Texts that the answer contains."""
    calls: Annotated[dict[str, int], BeforeValidator(_parse_calls)] = Field(default_factory=dict)
    """Number of calls of each tool, by its name."""
    doctor: bool = False
    """The diagnosis finds nothing that holds the stream up."""

    @model_validator(mode="after")
    def _check_schema(self) -> "Rules":
        if self.json_valid is not None:
            # Imported here: jsonschema takes longer to import than a recording without JSON to check.
            from weir.partial_json.checked_schema import CheckedSchema, SchemaError

            try:
                CheckedSchema(self.json_valid)
            except SchemaError as error:
                raise ValueError(str(error)) from error
        return self

    @property
    def bounds(self) -> dict[str, Any]:
        """The rules that are set, by their names."""
        fields = type(self).model_fields.items()
        pairs = ((name, getattr(self, name), field.get_default(call_default_factory=True)) for name, field in fields)
        return {name: value for name, value, default in pairs if value is not default and value != default}


def parse_rules(values: Mapping[str, Any]) -> Rules:
    """Return the rules of a mapping from their names to their bounds. Raises RuleError."""
    try:
        return Rules.model_validate(dict(values))
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        name = str(problem["loc"][0]) if problem["loc"] else "json_valid"
        if problem["type"] == "extra_forbidden":
            raise RuleError(f"There is no rule {name}: rules are {', '.join(Rules.model_fields)}.") from None
        message = problem["msg"].removeprefix("Value error, ").rstrip(".")
        raise RuleError(f"The rule {name} cannot be read: {message}.") from None
