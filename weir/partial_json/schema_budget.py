"""Budget for validating one document by a visitor's schema: it limits regular expressions and branches.

Patterns are matched by the package `regex`, which has a timeout; Python's `re` blocks the process until it is done.
A pattern must be valid in both. It means the same in both, except for `[[:alpha:]]` and other POSIX classes.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from time import perf_counter
from typing import Any

import regex  # type: ignore[import-untyped]
from jsonschema import Draft202012Validator, ValidationError, validators  # type: ignore[import-untyped]

SEARCH_SECONDS = 0.02
"""Timeout of one search for a pattern in one text."""
DOCUMENT_SECONDS = 1.0
"""Timeout of all searches in a document."""
MAX_BRANCHES = 20_000
"""Limit of the `anyOf`, `$ref` and similar keywords evaluated for a document: nested branches grow exponentially."""
MAX_PATTERN_SIZE = 20_000
"""Limit of a pattern's length with its repetitions written out, which `regex` does."""
RELEASE_GIL_LENGTH = 1_000
"""Text length from which a search releases the GIL. For shorter texts releasing it costs more time than it saves."""

_TOKEN = re.compile(
    r"(?P<flags>\(\?[a-zA-Z-]*x)|(?P<open>\()|(?P<close>\))|\+|\{(?P<least>\d++)(?:,\d*+)?\}|[*?]|\{\d*+,?\d*+\}"
    r"|(?P<one>\\(?:N\{[^}]{0,100}+\}|.)|\[\^?\]?(?:\\.|[^\]\\])*+(?:\]|\\?\Z)|.)",
    re.DOTALL,
)
_BRACE = re.compile(r"(\\(?:N\{[^}]{0,100}+\}|.))|\{(?!\d*+,?\d*+\})", re.DOTALL)
_KEYWORDS = Draft202012Validator.VALIDATORS


class BudgetExceededError(Exception):
    """Validation would take too long. The message says what does."""


class ValidationBudget:
    """What is left to spend on one document."""

    def __init__(self, follow: Callable[[str], Any]) -> None:
        self.follow = follow
        self._seconds = DOCUMENT_SECONDS
        self._branches = MAX_BRANCHES

    def matches(self, pattern: str, text: str) -> bool:
        """Whether a pattern matches somewhere in a text. Raises BudgetExceededError."""
        if self._seconds <= 0:
            raise BudgetExceededError("The patterns of the schema take too long")
        started = perf_counter()
        try:
            concurrent = len(text) > RELEASE_GIL_LENGTH
            return compile_pattern(pattern).search(text, timeout=SEARCH_SECONDS, concurrent=concurrent) is not None
        except TimeoutError as error:
            raise BudgetExceededError(f"The pattern {pattern!r} takes too long") from error
        finally:
            self._seconds -= perf_counter() - started

    def branch(self) -> None:
        """Count one keyword that leads to other schemas. Raises BudgetExceededError."""
        if self._branches <= 0:
            raise BudgetExceededError("The schema leads through too many branches")
        self._branches -= 1


CURRENT_BUDGET: ContextVar[ValidationBudget] = ContextVar("CURRENT_BUDGET")
"""The budget that the running validator spends from."""


@lru_cache(maxsize=500)
def compile_pattern(pattern: str) -> "regex.Pattern[str]":
    """Compile a pattern with its lone braces escaped: `regex` would read `{e}` as fuzzy matching."""
    return regex.compile(_BRACE.sub(lambda match: match[1] or r"\{", pattern))


def pattern_is_small(pattern: str) -> bool:
    """Whether a pattern has at most `MAX_PATTERN_SIZE` parts when its repetitions are written out."""
    outer_sizes: list[int] = []
    size = last = 0
    for token in _TOKEN.finditer(pattern):
        if token["flags"]:  # with (?x) a pattern may have comments, which this tokenizer does not know
            return False
        if token["open"]:
            outer_sizes.append(size)
            size = 0
        elif token["close"]:
            last = size + 1
            size = last + (outer_sizes.pop() if outer_sizes else 0)
        elif token["one"]:
            last = 1
            size += 1
        else:
            least = 1 if token[0] == "+" else int(token["least"] or 0)
            size += last * least
            last *= least + 1
        if size > MAX_PATTERN_SIZE:
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
    known = {*schema.get("properties", ()), *_matching(schema.get("patternProperties", ()), value)}
    return _validate_others("additionalProperties", validator, rule, value, known)


def _unevaluated_properties(validator: Any, rule: Any, value: Any, schema: Any) -> Iterable[ValidationError]:
    if not isinstance(value, dict):
        return ()
    return _validate_others("unevaluatedProperties", validator, rule, value, _evaluated(validator, schema, value))


def _validate_others(
    keyword: str, validator: Any, rule: Any, value: dict[str, Any], known: set[str]
) -> Iterable[ValidationError]:
    others = {name: part for name, part in value.items() if name not in known}
    errors: Iterable[ValidationError] = _KEYWORDS[keyword](validator, rule, others, {})
    return errors


def _matching(patterns: Iterable[str], value: dict[str, Any]) -> list[str]:
    budget = CURRENT_BUDGET.get()
    return [name for name in value if any(budget.matches(pattern, name) for pattern in patterns)]


def _evaluated(validator: Any, schema: Any, value: dict[str, Any]) -> set[str]:
    """Return the names of the properties that a schema and its in-place subschemas evaluate."""
    if isinstance(schema, bool):
        return set()

    def holds(rule: Any, part: Any) -> bool:
        return next(validator.descend(part, rule), None) is None

    names = {*schema.get("properties", ()), *_matching(schema.get("patternProperties", ()), value)}
    for word in ("additionalProperties", "unevaluatedProperties"):
        if word in schema:
            names.update(name for name, part in value.items() if holds(schema[word], part))
    in_place = [rule for name, rule in schema.get("dependentSchemas", {}).items() if name in value]
    in_place += [rule for word in ("allOf", "anyOf", "oneOf") for rule in schema.get(word, ()) if holds(rule, value)]
    if "if" in schema:
        condition = holds(schema["if"], value)
        in_place += [schema[word] for word in (("if", "then") if condition else ("else",)) if word in schema]
    if "$ref" in schema:
        in_place.append(CURRENT_BUDGET.get().follow(schema["$ref"]))
    return names.union(*(_evaluated(validator, rule, value) for rule in in_place))


def _count_branches(word: str) -> Callable[..., Iterable[ValidationError] | None]:
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
        **{
            word: _count_branches(word) for word in ("$ref", "allOf", "anyOf", "oneOf", "not", "if", "dependentSchemas")
        },
    },
)
"""Validator of JSON Schema 2020-12 that spends from `CURRENT_BUDGET`.

A schema given to it must not have `$schema`: jsonschema would use its own validator for that dialect.
"""
