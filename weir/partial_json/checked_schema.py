"""Checked JSON Schema (2020-12): a visitor's schema that has been checked for everything that validation may follow.

A schema that is invalid, too deep, circular or too expensive is refused before any text is read.
"""

import functools
from collections.abc import Iterator
from typing import Any, TypeAlias

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from weir.partial_json.fields import Json, JsonType
from weir.partial_json.schema_budget import BoundedValidator, ValidationBudget, compile_pattern, pattern_is_small

Schema: TypeAlias = dict[str, Any] | bool

PROBLEM_LIMIT = 300
"""Maximal length of a problem's text. A validator repeats the whole value in it."""
MAX_SCHEMA_DEPTH = 30
"""Limit of the nesting of a schema, as JSON."""
MAX_CHAIN = 30
"""Limit of schemas that apply to the same value, each leading to the next by `$ref`, `anyOf` or a similar keyword."""
MAX_FRAMES = 600
"""Stack frames for a validator, of the 1,000 that Python allows."""
FRAMES_PER_SCHEMA = 3
"""Stack frames that jsonschema uses for each nested schema."""

UNEVALUATED = {"unevaluatedProperties", "unevaluatedItems"}
# Keywords with one schema, a list of schemas, or schemas by name: for parts of the value, and for the value itself.
_ONE = {"additionalProperties", "items", "contains", "propertyNames", *UNEVALUATED}
_LIST = {"prefixItems"}
_NAMED = {"properties", "patternProperties", "$defs"}
_IN_PLACE_ONE = {"not", "if", "then", "else"}
_IN_PLACE_LIST = {"allOf", "anyOf", "oneOf"}
_IN_PLACE_NAMED = {"dependentSchemas"}
_UNSUPPORTED = {"$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef"}
_ONLY_AT_THE_ROOT = {"$id", "$schema"}


class SchemaError(ValueError):
    """The schema is not a valid JSON Schema (2020-12), or has a reference to nothing."""


class CheckedSchema:
    """A whole schema, checked: resolves its references and makes validators for its parts."""

    def __init__(self, schema: Schema) -> None:
        if isinstance(schema, dict):
            schema = {word: value for word, value in schema.items() if word != "$schema"}
        self.schema = schema
        self.budget = ValidationBudget(self.follow)
        # With an explicit registry the validator fetches no references.
        registry: Registry[Any] = Registry()
        self._chains: dict[int, int] = {}
        try:
            self._validator = BoundedValidator(schema, registry=registry)
            self._resolver = registry.resolver_with_root(DRAFT202012.create_resource(schema))
            self._check(schema)
        except SchemaError:
            raise
        except Exception as error:
            raise SchemaError(
                f"This is not a JSON Schema: {shorten(getattr(error, 'message', repr(error)))}"
            ) from error

    def _check(self, schema: Schema) -> None:
        """Check every schema that validation may follow, so that nothing raises while a text is read."""
        if _depth(schema) > MAX_SCHEMA_DEPTH:
            raise SchemaError(f"The schema is nested more than {MAX_SCHEMA_DEPTH} levels deep; use $defs and $ref")
        pending, seen = [schema], set[int]()
        _check_form(_Form(schema))
        while pending:
            part = pending.pop()
            if isinstance(part, bool) or id(part) in seen:
                continue
            seen.add(id(part))
            if unsupported := (_UNSUPPORTED if part is schema else _UNSUPPORTED | _ONLY_AT_THE_ROOT) & part.keys():
                raise SchemaError(f"Weir does not support {min(unsupported)} here; use $defs and $ref")
            for pattern in (*part.get("patternProperties", ()), part.get("pattern", "")):
                if not pattern_is_small(pattern):
                    raise SchemaError(f"The pattern {shorten(pattern)!r} repeats too much, or has the flag x")
                compile_pattern(pattern)
            pending.extend(_subschemas(part, _ONE | _IN_PLACE_ONE, _LIST | _IN_PLACE_LIST, _NAMED | _IN_PLACE_NAMED))
            if "$ref" in part:
                pending.append(self.follow(part["$ref"]))
                _check_form(_Form(pending[-1]))
            self._chain_length(part, 0)

    def _chain_length(self, schema: Schema, outer: int) -> int:
        """Return the largest number of schemas that apply to the same value, each leading to the next."""
        if isinstance(schema, bool):
            return 1
        if outer > MAX_CHAIN:
            raise SchemaError(f"References form a circle, or lead through more than {MAX_CHAIN} schemas")
        if id(schema) not in self._chains:
            in_place = list(_subschemas(schema, _IN_PLACE_ONE, _IN_PLACE_LIST, _IN_PLACE_NAMED))
            if "$ref" in schema:
                in_place.append(self.follow(schema["$ref"]))
            self._chains[id(schema)] = 1 + max((self._chain_length(part, outer + 1) for part in in_place), default=0)
        return self._chains[id(schema)]

    def fits_recursion_limit(self, value: Json) -> bool:
        """Whether a validator can visit a value with all its parts within Python's recursion limit.

        Catching RecursionError is no alternative: the library that resolves references ends the thread on a full stack.
        """
        return _depth(value) * max(self._chains.values(), default=1) * FRAMES_PER_SCHEMA <= MAX_FRAMES

    def follow(self, reference: str) -> Schema:
        """Return the schema at a reference. Raises SchemaError if there is none."""
        try:
            target: Schema = self._resolver.lookup(reference).contents
        except Unresolvable as error:
            raise SchemaError(f"The schema has nothing at {reference!r}") from error
        return target

    def validator(self, schema: Schema) -> Any:
        """Return a validator for a part of the schema."""
        return self._validator.evolve(schema=schema)

    def may_match_type(self, schema: Schema, type_: JsonType) -> bool:
        """Whether a value of this type may be valid, by `type` and the references that lead to a `type`."""
        seen: list[str] = []
        while isinstance(schema, dict):
            allowed = schema.get("type")
            if allowed is not None:
                names = {allowed} if isinstance(allowed, str) else set(allowed)
                return type_.value in names or (type_ is JsonType.NUMBER and "integer" in names)
            reference = schema.get("$ref")
            if reference is None or reference in seen:
                return True
            seen.append(reference)
            schema = self.follow(reference)
        return schema


class _Form:
    """A schema as a key: two are equal if they are written alike."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._written = repr(schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Form) and self._written == other._written

    def __hash__(self) -> int:
        return hash(self._written)


@functools.lru_cache(maxsize=8)
def _check_form(form: _Form) -> None:
    """Check a schema against that of schemas. It takes 5 ms or more, and each run of a page reads its schema anew."""
    Draft202012Validator.check_schema(form.schema)


def shorten(problem: str) -> str:
    half = PROBLEM_LIMIT // 2
    return problem if len(problem) <= PROBLEM_LIMIT else f"{problem[:half]} … {problem[-half:]}"


def _subschemas(schema: dict[str, Any], one: set[str], many: set[str], named: set[str]) -> Iterator[Schema]:
    """Yield the schemas in these keywords, one level down."""
    for word, value in schema.items():
        if word in one:
            yield value
        elif word in many:
            yield from value
        elif word in named:
            yield from value.values()


def _depth(value: Any) -> int:
    """Return how deeply objects and arrays are nested."""
    depth, level = 0, [value]
    while level := [part for part in level if isinstance(part, dict | list)]:
        depth += 1
        level = [part for box in level for part in (box.values() if isinstance(box, dict) else box)]
    return depth
