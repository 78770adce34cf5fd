"""Incremental JSON Schema (2020-12) validation: validates each value when it closes, without visiting its parts again.

A closed value is validated by the schemas that apply to it unconditionally: those that `properties`, `items` and
similar keywords, `allOf` and `$ref` lead to, and the only branch of an `anyOf` or `oneOf` that its type allows. Its
parts have been validated before, so that only its own length, names and type are checked. What only the whole value can
decide (several branches, `if`, `not`, `unevaluatedProperties` …) is validated with all parts when the whole closes.

References lead within the schema only: nothing is fetched. `format` is an annotation, the default of 2020-12.
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
    compile_pattern,
    pattern_is_small,
)

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

# Keywords that lead to schemas for parts of the value or for the value itself, and are followed.
_FOLLOWED = {"properties", "patternProperties", "additionalProperties", "items", "prefixItems", "allOf", "$ref"}
_ANNOTATIONS = {"$defs", "$schema", "$id", "$comment", "title", "description", "default", "examples", "format"}
# Keywords that check only the value's own length, names or type. (uniqueItems reads the parts, but decides nothing
# about them.)
_SHALLOW = {
    "type", "required", "minProperties", "maxProperties", "minItems", "maxItems", "uniqueItems", "propertyNames",
    "dependentRequired", "minLength", "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "multipleOf",
}  # fmt: skip
_UNEVALUATED = {"unevaluatedProperties", "unevaluatedItems"}
# Keywords with one schema, a list of schemas, or schemas by name: for parts of the value, and for the value itself.
_ONE = {"additionalProperties", "items", "contains", "propertyNames", *_UNEVALUATED}
_LIST = {"prefixItems"}
_NAMED = {"properties", "patternProperties", "$defs"}
_IN_PLACE_ONE = {"not", "if", "then", "else"}
_IN_PLACE_LIST = {"allOf", "anyOf", "oneOf"}
_IN_PLACE_NAMED = {"dependentSchemas"}
_UNSUPPORTED = {"$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef"}
_ONLY_AT_THE_ROOT = {"$id", "$schema"}


class SchemaError(ValueError):
    """The schema is not a valid JSON Schema (2020-12), or has a reference to nothing."""


class ValidationResult(NamedTuple):
    """Validity, each problem with the keys that lead to it, and the reason if the value could not be validated."""

    verdict: Validity
    problems: list[tuple[tuple[str | int, ...], str]]
    skipped_reason: str | None = None


class _Root:
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
                f"This is not a JSON Schema: {_shorten(getattr(error, 'message', repr(error)))}"
            ) from error

    def _check(self, schema: Schema) -> None:
        """Check every schema that validation may follow, so that nothing raises while a text is read."""
        if _depth(schema) > MAX_SCHEMA_DEPTH:
            raise SchemaError(f"The schema is nested more than {MAX_SCHEMA_DEPTH} levels deep; use $defs and $ref")
        pending, seen = [schema], set[int]()
        Draft202012Validator.check_schema(schema)
        while pending:
            part = pending.pop()
            if isinstance(part, bool) or id(part) in seen:
                continue
            seen.add(id(part))
            if unsupported := (_UNSUPPORTED if part is schema else _UNSUPPORTED | _ONLY_AT_THE_ROOT) & part.keys():
                raise SchemaError(f"Weir does not support {min(unsupported)} here; use $defs and $ref")
            for pattern in (*part.get("patternProperties", ()), part.get("pattern", "")):
                if not pattern_is_small(pattern):
                    raise SchemaError(f"The pattern {_shorten(pattern)!r} repeats too much, or has the flag x")
                compile_pattern(pattern)
            pending.extend(_subschemas(part, _ONE | _IN_PLACE_ONE, _LIST | _IN_PLACE_LIST, _NAMED | _IN_PLACE_NAMED))
            if "$ref" in part:
                pending.append(self.follow(part["$ref"]))
                Draft202012Validator.check_schema(pending[-1])
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


class TypedSchemaNode:
    """The schemas that apply to a value of one type at one position in the document."""

    def __init__(
        self, root: _Root, schemas: list[Schema], type_: JsonType, is_unconditional: bool, skipped_reason: str | None
    ) -> None:
        self._root = root
        self._type = type_
        self._skipped_reason = skipped_reason
        self._parts: list[dict[str, Any]] = []
        self._validators: list[Any] = []
        self._is_false = False
        self._is_unconditional = is_unconditional
        self._parts_unconditional = is_unconditional
        self._is_shallow = True
        self._seen: set[int] = set()
        self._children: dict[tuple[int, ...], SchemaNode] = {}
        for schema in schemas:
            self._add_schema(schema)

    def _add_schema(self, schema: Schema) -> None:
        if isinstance(schema, bool):
            self._is_false |= not schema
            return
        if id(schema) in self._seen:
            return
        self._seen.add(id(schema))
        if _UNEVALUATED & schema.keys():
            self._add_validator(schema)
            return
        self._parts.append(schema)
        own = {word: value for word, value in schema.items() if word not in _FOLLOWED | _ANNOTATIONS}
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
        self._parts_unconditional &= self._is_shallow

    @property
    def decides_parts(self) -> bool:
        """Whether the validity of this value also decides that of its parts."""
        return self._is_unconditional and not self._parts_unconditional

    def child(self, key: str | int) -> "SchemaNode":
        """Return the schemas for a member or an element."""
        try:
            schemas = list(self._for_key(key))
        except BudgetExceededError as error:
            return SchemaNode(self._root, [], is_unconditional=False, skipped_reason=_shorten(str(error)))
        ids = tuple(map(id, schemas))
        if ids not in self._children:
            self._children[ids] = SchemaNode(self._root, schemas, self._parts_unconditional)
        return self._children[ids]

    def _for_key(self, key: str | int) -> Iterator[Schema]:
        for part in self._parts:
            if isinstance(key, int):
                prefix = part.get("prefixItems", ())
                yield prefix[key] if key < len(prefix) else part.get("items", True)
                continue
            schemas = [part["properties"][key]] if key in part.get("properties", ()) else []
            patterns = part.get("patternProperties", {}).items()
            schemas += [schema for pattern, schema in patterns if self._root.budget.matches(pattern, key)]
            yield from schemas or [part.get("additionalProperties", True)]

    def validate(self, value: Json) -> ValidationResult:
        """Validate a closed value whose parts have been validated."""
        if self._skipped_reason is not None:
            return ValidationResult(Validity.UNKNOWN, [], self._skipped_reason)
        if self._is_false:
            return ValidationResult(Validity.INVALID, [((), "The schema allows nothing here")])
        if not self._is_shallow and not self._root.fits_recursion_limit(value):
            return ValidationResult(Validity.UNKNOWN, [], "This is nested too deeply to be validated as a whole")
        token = CURRENT_BUDGET.set(self._root.budget)
        try:
            problems = [
                (tuple(error.absolute_path), _shorten(error.message))
                for validator in self._validators
                for error in validator.iter_errors(value)
            ]
        except BudgetExceededError as error:
            return ValidationResult(Validity.UNKNOWN, [], _shorten(str(error)))
        except Exception as error:  # for example multipleOf of an infinite number
            return ValidationResult(Validity.UNKNOWN, [], f"This could not be validated: {_shorten(repr(error))}")
        finally:
            CURRENT_BUDGET.reset(token)
        if problems:
            return ValidationResult(Validity.INVALID, problems)
        return ValidationResult(Validity.VALID if self._is_unconditional else Validity.UNKNOWN, [])


class SchemaNode:
    """The schemas that apply to the values at one position in the document, of any type."""

    def __init__(
        self, root: _Root, schemas: list[Schema], is_unconditional: bool, skipped_reason: str | None = None
    ) -> None:
        self._root = root
        self._schemas = schemas
        self._skipped_reason = skipped_reason
        self._is_unconditional = is_unconditional
        self._types: dict[JsonType, TypedSchemaNode] = {}

    @classmethod
    def of(cls, schema: Schema) -> "SchemaNode":
        """Return the schemas for a whole document. Raises SchemaError."""
        root = _Root(schema)
        return cls(root, [root.schema], is_unconditional=True)

    def of_type(self, type_: JsonType) -> TypedSchemaNode:
        """Return the schemas for values of one type."""
        if type_ not in self._types:
            self._types[type_] = TypedSchemaNode(
                self._root, self._schemas, type_, self._is_unconditional, self._skipped_reason
            )
        return self._types[type_]


def _shorten(problem: str) -> str:
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
