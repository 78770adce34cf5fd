"""What a JSON Schema (2020-12) says of a value that has just been closed, without looking at its parts again.

A closed value is judged by the schemas that are sure to hold for it: those that `properties`, `items` and their kin,
`allOf` and `$ref` lead to, and the one branch of an `anyOf` or `oneOf` that its type leaves. Its parts have been judged
before it, so its own judgement looks at its length, names and type only. What only the whole can decide (several
branches, `if`, `not`, `unevaluatedProperties` …) is judged, parts and all, when the whole is closed.

References go within the schema only: nothing is fetched. `format` is an annotation, as 2020-12 has it.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from weir.partial_json.fields import Json, JsonType, Validity
from weir.partial_json.schema_budget import (
    CURRENT_BUDGET,
    BoundedValidator,
    BudgetExceededError,
    ValidationBudget,
    compiled,
    pattern_is_small,
)

Schema: TypeAlias = dict[str, Any] | bool

PROBLEM_LIMIT = 300
"""Characters of a problem that are kept; a validator repeats the value in it."""
SCHEMA_HEIGHT = 30
"""How deep a schema may be nested, as JSON."""
CHAIN = 30
"""How many schemas, by reference or `anyOf` and its kin, may hold for the same value, one leading to the next."""
FRAMES, FRAMES_A_SCHEMA = 600, 3
"""Of the 1,000 that Python has; what jsonschema takes for each schema that it goes through."""

# Judged part by part, or by following them.
_FOLLOWED = {"properties", "patternProperties", "additionalProperties", "items", "prefixItems", "allOf", "$ref"}
_NOTES = {"$defs", "$schema", "$id", "$comment", "title", "description", "default", "examples", "format"}
# These look no further than the value's own length, names or type (uniqueItems does, and changes nothing below).
_SHALLOW = {
    "type", "required", "minProperties", "maxProperties", "minItems", "maxItems", "uniqueItems", "propertyNames",
    "dependentRequired", "minLength", "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "multipleOf",
}  # fmt: skip
_WHOLE = {"unevaluatedProperties", "unevaluatedItems"}
# Keywords with one schema, a list of schemas, or schemas by name: for parts of the value, and for the same value.
_ONE = {"additionalProperties", "items", "contains", "propertyNames", *_WHOLE}
_LIST = {"prefixItems"}
_NAMED = {"properties", "patternProperties", "$defs"}
_BESIDE_ONE = {"not", "if", "then", "else"}
_BESIDE_LIST = {"allOf", "anyOf", "oneOf"}
_BESIDE_NAMED = {"dependentSchemas"}
_UNKNOWN = {"$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef"}
_ONLY_AT_THE_ROOT = {"$id", "$schema"}


class SchemaError(ValueError):
    """The schema is not a JSON Schema (2020-12), or refers to what it does not hold."""


class ValidationResult(NamedTuple):
    """A verdict, each problem with the keys that lead to it, and what kept the value from being judged."""

    verdict: Validity
    problems: list[tuple[tuple[str | int, ...], str]]
    skipped_reason: str | None = None


class _Root:
    """A whole schema: where references lead, and how parts of it are evaluated."""

    def __init__(self, schema: Schema) -> None:
        if isinstance(schema, dict):
            schema = {word: value for word, value in schema.items() if word != "$schema"}
        self.schema = schema
        self.effort = ValidationBudget(self.follow)
        # With a registry of its own the validator fetches nothing.
        registry: Registry[Any] = Registry()
        self._chains: dict[int, int] = {}
        try:
            self._validator = BoundedValidator(schema, registry=registry)
            self._resolver = registry.resolver_with_root(DRAFT202012.create_resource(schema))
            self._check(schema)
        except SchemaError:
            raise
        except Exception as error:
            raise SchemaError(f"This is no JSON Schema: {_shorten(getattr(error, 'message', repr(error)))}") from error

    def _check(self, schema: Schema) -> None:
        """Look through all that may ever be followed, so that nothing raises while a text is read."""
        if _height(schema) > SCHEMA_HEIGHT:
            raise SchemaError(f"The schema is nested more than {SCHEMA_HEIGHT} deep; use $defs and $ref")
        waiting, seen = [schema], set[int]()
        Draft202012Validator.check_schema(schema)
        while waiting:
            part = waiting.pop()
            if isinstance(part, bool) or id(part) in seen:
                continue
            seen.add(id(part))
            if unknown := (_UNKNOWN if part is schema else _UNKNOWN | _ONLY_AT_THE_ROOT) & part.keys():
                raise SchemaError(f"Weir does not know {min(unknown)} here; use $defs and $ref")
            for pattern in (*part.get("patternProperties", ()), part.get("pattern", "")):
                if not pattern_is_small(pattern):
                    raise SchemaError(f"The pattern {_shorten(pattern)!r} repeats too much, or has the flag x")
                compiled(pattern)
            waiting.extend(_below(part, _ONE | _BESIDE_ONE, _LIST | _BESIDE_LIST, _NAMED | _BESIDE_NAMED))
            if "$ref" in part:
                waiting.append(self.follow(part["$ref"]))
                Draft202012Validator.check_schema(waiting[-1])
            self._chain(part, 0)

    def _chain(self, schema: Schema, above: int) -> int:
        """Return the most schemas, one leading to the next, that hold for the same value."""
        if isinstance(schema, bool):
            return 1
        if above > CHAIN:
            raise SchemaError(f"References go round in circles, or through more than {CHAIN} schemas")
        if id(schema) not in self._chains:
            beside = list(_below(schema, _BESIDE_ONE, _BESIDE_LIST, _BESIDE_NAMED))
            if "$ref" in schema:
                beside.append(self.follow(schema["$ref"]))
            self._chains[id(schema)] = 1 + max((self._chain(part, above + 1) for part in beside), default=0)
        return self._chains[id(schema)]

    def fits_recursion_limit(self, value: Json) -> bool:
        """Whether a validator can go through a value with all its parts, without more frames than Python has.

        It cannot be tried: what a validator resolves references with ends the thread when Python's stack is full.
        """
        return _height(value) * max(self._chains.values(), default=1) * FRAMES_A_SCHEMA <= FRAMES

    def follow(self, reference: str) -> Schema:
        """Return what a reference leads to; raises SchemaError if that is nothing."""
        try:
            found: Schema = self._resolver.lookup(reference).contents
        except Unresolvable as error:
            raise SchemaError(f"The schema has nothing at {reference!r}") from error
        return found

    def validator(self, schema: Schema) -> Any:
        """Return a validator of a part of the schema."""
        return self._validator.evolve(schema=schema)

    def may_match_type(self, schema: Schema, type_: JsonType) -> bool:
        """Whether a value of this type may be valid, as far as `type` and references to it tell."""
        seen: list[str] = []
        while isinstance(schema, dict):
            named = schema.get("type")
            if named is not None:
                names = {named} if isinstance(named, str) else set(named)
                return type_.value in names or (type_ is JsonType.NUMBER and "integer" in names)
            reference = schema.get("$ref")
            if reference is None or reference in seen:
                return True
            seen.append(reference)
            schema = self.follow(reference)
        return schema


class TypedSchemaNode:
    """What holds for a value at one place and of one type."""

    def __init__(
        self, root: _Root, schemas: list[Schema], type_: JsonType, is_sure: bool, hindrance: str | None
    ) -> None:
        self._root = root
        self._type = type_
        self._hindrance = hindrance
        self._parts: list[dict[str, Any]] = []
        self._validators: list[Any] = []
        self._is_forbidden = False
        self._is_sure = is_sure
        self._below_is_sure = is_sure
        self._is_shallow = True
        self._seen: set[int] = set()
        self._children: dict[tuple[int, ...], SchemaNode] = {}
        for schema in schemas:
            self._add_schema(schema)

    def _add_schema(self, schema: Schema) -> None:
        if isinstance(schema, bool):
            self._is_forbidden |= not schema
            return
        if id(schema) in self._seen:
            return
        self._seen.add(id(schema))
        if _WHOLE & schema.keys():
            self._add_validator(schema)
            return
        self._parts.append(schema)
        own = {word: value for word, value in schema.items() if word not in _FOLLOWED | _NOTES}
        if "$ref" in schema:
            self._add_schema(self._root.follow(schema["$ref"]))
        for part in schema.get("allOf", ()):
            self._add_schema(part)
        for word in ("anyOf", "oneOf"):
            branches = [branch for branch in own.get(word, ()) if self._root.may_match_type(branch, self._type)]
            if len(branches) == 1:
                del own[word]
                self._add_schema(branches[0])
        if own:
            self._add_validator(own)

    def _add_validator(self, own: dict[str, Any]) -> None:
        self._validators.append(self._root.validator(own))
        self._is_shallow &= own.keys() <= _SHALLOW
        self._below_is_sure &= self._is_shallow

    @property
    def decides_parts(self) -> bool:
        """Whether this value's verdict is the one that its parts have waited for."""
        return self._is_sure and not self._below_is_sure

    def child(self, key: str | int) -> "SchemaNode":
        """Return the rules of a member or an element."""
        try:
            schemas = list(self._for_key(key))
        except BudgetExceededError as error:
            return SchemaNode(self._root, [], is_sure=False, hindrance=_shorten(str(error)))
        known = tuple(map(id, schemas))
        if known not in self._children:
            self._children[known] = SchemaNode(self._root, schemas, self._below_is_sure)
        return self._children[known]

    def _for_key(self, key: str | int) -> Iterator[Schema]:
        for part in self._parts:
            if isinstance(key, int):
                prefix = part.get("prefixItems", ())
                yield prefix[key] if key < len(prefix) else part.get("items", True)
                continue
            named = [part["properties"][key]] if key in part.get("properties", ()) else []
            patterns = part.get("patternProperties", {}).items()
            named += [schema for pattern, schema in patterns if self._root.effort.matches(pattern, key)]
            yield from named or [part.get("additionalProperties", True)]

    def validate(self, value: Json) -> ValidationResult:
        """Judge a closed value whose parts have been judged."""
        if self._hindrance is not None:
            return ValidationResult(Validity.UNKNOWN, [], self._hindrance)
        if self._is_forbidden:
            return ValidationResult(Validity.INVALID, [((), "The schema allows nothing here")])
        if not self._is_shallow and not self._root.fits_recursion_limit(value):
            return ValidationResult(Validity.UNKNOWN, [], "This is nested too deep to be judged as a whole")
        spender = CURRENT_BUDGET.set(self._root.effort)
        try:
            problems = [
                (tuple(error.absolute_path), _shorten(error.message))
                for validator in self._validators
                for error in validator.iter_errors(value)
            ]
        except BudgetExceededError as error:
            return ValidationResult(Validity.UNKNOWN, [], _shorten(str(error)))
        except Exception as error:  # multipleOf of an infinite number, for one
            return ValidationResult(Validity.UNKNOWN, [], f"This could not be judged: {_shorten(repr(error))}")
        finally:
            CURRENT_BUDGET.reset(spender)
        if problems:
            return ValidationResult(Validity.INVALID, problems)
        return ValidationResult(Validity.VALID if self._is_sure else Validity.UNKNOWN, [])


class SchemaNode:
    """What holds for the values at one place, whatever their type."""

    def __init__(self, root: _Root, schemas: list[Schema], is_sure: bool, hindrance: str | None = None) -> None:
        self._root = root
        self._schemas = schemas
        self._hindrance = hindrance
        self._is_sure = is_sure
        self._types: dict[JsonType, TypedSchemaNode] = {}

    @classmethod
    def of(cls, schema: Schema) -> "SchemaNode":
        """Return the rules of a document; raises SchemaError."""
        root = _Root(schema)
        return cls(root, [root.schema], is_sure=True)

    def of_type(self, type_: JsonType) -> TypedSchemaNode:
        """Return the rules of values of one type."""
        if type_ not in self._types:
            self._types[type_] = TypedSchemaNode(self._root, self._schemas, type_, self._is_sure, self._hindrance)
        return self._types[type_]


def _shorten(problem: str) -> str:
    half = PROBLEM_LIMIT // 2
    return problem if len(problem) <= PROBLEM_LIMIT else f"{problem[:half]} … {problem[-half:]}"


def _below(schema: dict[str, Any], one: set[str], many: set[str], named: set[str]) -> Iterator[Schema]:
    """Yield the schemas that these keywords hold, one level down."""
    for word, value in schema.items():
        if word in one:
            yield value
        elif word in many:
            yield from value
        elif word in named:
            yield from value.values()


def _height(value: Any) -> int:
    """Return how deep objects and arrays are nested."""
    height, level = 0, [value]
    while level := [part for part in level if isinstance(part, dict | list)]:
        height += 1
        level = [part for box in level for part in (box.values() if isinstance(box, dict) else box)]
    return height
