"""What judging one document by a visitor's schema may cost: the time of its patterns, the branches it leads through.

Patterns are matched by `regex`, which can be told when to stop; Python's `re` holds everything up until it is done.
A pattern must be one that both know, and means the same in both, but for `[[:alpha:]]` and its kin.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from time import perf_counter
from typing import Any

import regex  # type: ignore[import-untyped]
from jsonschema import Draft202012Validator, ValidationError, validators  # type: ignore[import-untyped]

SEARCH_SECONDS, SECONDS = 0.02, 1.0
"""How long a pattern may be searched for in one text, and all patterns in a document."""
BRANCHES = 20_000
"""How many `anyOf`, `$ref` and their kin a document may be led through; two that lead to two each are soon many."""
REPEATS = 20_000
"""How large a pattern may be with what it repeats written out, as `regex` does."""
LONG = 1_000
"""Characters from which on other threads may run during a search; giving way costs time."""

_TOKEN = re.compile(
    r"(?P<flags>\(\?[a-zA-Z-]*x)|(?P<open>\()|(?P<close>\))|\+|\{(?P<least>\d++)(?:,\d*+)?\}|[*?]|\{\d*+,?\d*+\}"
    r"|(?P<one>\\(?:N\{[^}]{0,100}+\}|.)|\[\^?\]?(?:\\.|[^\]\\])*+(?:\]|\\?\Z)|.)",
    re.DOTALL,
)
_BRACE = re.compile(r"(\\(?:N\{[^}]{0,100}+\}|.))|\{(?!\d*+,?\d*+\})", re.DOTALL)
_KEYWORDS = Draft202012Validator.VALIDATORS


class BudgetExceededError(Exception):
    """Judging the value would take too long; says what takes it."""


class ValidationBudget:
    """What has been spent on a document."""

    def __init__(self, follow: Callable[[str], Any]) -> None:
        self.follow = follow
        self._seconds = SECONDS
        self._branches = BRANCHES

    def matches(self, pattern: str, text: str) -> bool:
        """Whether a pattern is found in a text; raises TooCostly."""
        if self._seconds <= 0:
            raise BudgetExceededError("The patterns of the schema take too long")
        begun = perf_counter()
        try:
            return compiled(pattern).search(text, timeout=SEARCH_SECONDS, concurrent=len(text) > LONG) is not None
        except TimeoutError as error:
            raise BudgetExceededError(f"The pattern {pattern!r} takes too long") from error
        finally:
            self._seconds -= perf_counter() - begun

    def branch(self) -> None:
        """Follow a keyword that leads to other schemas; raises TooCostly."""
        if self._branches <= 0:
            raise BudgetExceededError("The schema leads through too many branches")
        self._branches -= 1


CURRENT_BUDGET: ContextVar[ValidationBudget] = ContextVar("EFFORT")
"""What the validator spends from."""


@lru_cache(maxsize=500)
def compiled(pattern: str) -> "regex.Pattern[str]":
    """Return a pattern with every lone brace as itself: `regex` would take `{e}` for a tolerance of errors."""
    return regex.compile(_BRACE.sub(lambda found: found[1] or r"\{", pattern))


def pattern_is_small(pattern: str) -> bool:
    """Whether a pattern stays small when what it repeats is written out."""
    above: list[int] = []
    size = last = 0
    for token in _TOKEN.finditer(pattern):
        if token["flags"]:  # (?x) hides comments in a pattern
            return False
        if token["open"]:
            above.append(size)
            size = 0
        elif token["close"]:
            last = size + 1
            size = last + (above.pop() if above else 0)
        elif token["one"]:
            last = 1
            size += 1
        else:
            least = 1 if token[0] == "+" else int(token["least"] or 0)
            size += last * least
            last *= least + 1
        if size > REPEATS:
            return False
    return True


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not CURRENT_BUDGET.get().matches(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, rules: dict[str, Any], value: Any, _: Any) -> Iterator[ValidationError]:
    if isinstance(value, dict):
        for pattern, rule in rules.items():
            for name in _matching([pattern], value):
                yield from validator.descend(value[name], rule, path=name, schema_path=pattern)


def _additional_properties(validator: Any, rule: Any, value: Any, schema: Any) -> Iterable[ValidationError]:
    if not isinstance(value, dict):
        return ()
    named = {*schema.get("properties", ()), *_matching(schema.get("patternProperties", ()), value)}
    return _left("additionalProperties", validator, rule, value, named)


def _unevaluated_properties(validator: Any, rule: Any, value: Any, schema: Any) -> Iterable[ValidationError]:
    if not isinstance(value, dict):
        return ()
    return _left("unevaluatedProperties", validator, rule, value, _evaluated(validator, schema, value))


def _left(word: str, validator: Any, rule: Any, value: dict[str, Any], named: set[str]) -> Iterable[ValidationError]:
    left = {name: part for name, part in value.items() if name not in named}
    errors: Iterable[ValidationError] = _KEYWORDS[word](validator, rule, left, {})
    return errors


def _matching(patterns: Iterable[str], value: dict[str, Any]) -> list[str]:
    effort = CURRENT_BUDGET.get()
    return [name for name in value if any(effort.matches(pattern, name) for pattern in patterns)]


def _evaluated(validator: Any, schema: Any, value: dict[str, Any]) -> set[str]:
    """Return the names that a schema, and those that hold beside it, say something of."""
    if isinstance(schema, bool):
        return set()

    def holds(rule: Any, part: Any) -> bool:
        return next(validator.descend(part, rule), None) is None

    names = {*schema.get("properties", ()), *_matching(schema.get("patternProperties", ()), value)}
    for word in ("additionalProperties", "unevaluatedProperties"):
        if word in schema:
            names.update(name for name, part in value.items() if holds(schema[word], part))
    beside = [rule for name, rule in schema.get("dependentSchemas", {}).items() if name in value]
    beside += [rule for word in ("allOf", "anyOf", "oneOf") for rule in schema.get(word, ()) if holds(rule, value)]
    if "if" in schema:
        is_so = holds(schema["if"], value)
        beside += [schema[word] for word in (("if", "then") if is_so else ("else",)) if word in schema]
    if "$ref" in schema:
        beside.append(CURRENT_BUDGET.get().follow(schema["$ref"]))
    return names.union(*(_evaluated(validator, rule, value) for rule in beside))


def _counted(word: str) -> Callable[..., Iterable[ValidationError] | None]:
    keyword: Callable[..., Iterable[ValidationError] | None] = _KEYWORDS[word]

    def check(*arguments: Any) -> Iterable[ValidationError] | None:
        CURRENT_BUDGET.get().branch()
        return keyword(*arguments)

    return check


BoundedValidator = validators.extend(
    Draft202012Validator,
    {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "unevaluatedProperties": _unevaluated_properties,
        **{word: _counted(word) for word in ("$ref", "allOf", "anyOf", "oneOf", "not", "if", "dependentSchemas")},
    },
)
"""2020-12, spending from `EFFORT`. A schema given to it must not name its dialect: jsonschema would take its own."""
