"""Incremental JSON Schema (2020-12) validation: validates each value when it closes, without visiting its parts again.

A closed value is validated by the schemas that apply to it unconditionally: those that `properties`, `items` and
similar keywords, `allOf` and `$ref` lead to, and the only branch of an `anyOf` or `oneOf` that its type allows. Its
parts have been validated before, so that only its own length, names and type are checked. What only the whole value can
decide (several branches, `if`, `not`, `unevaluatedProperties` …) is validated with all parts when the whole closes.

References lead within the schema only: nothing is fetched. `format` is an annotation, the default of 2020-12.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from weir.partial_json.checked_schema import UNEVALUATED, CheckedSchema, Schema, shorten
from weir.partial_json.fields import Json, JsonType, Validity
from weir.partial_json.schema_budget import CURRENT_BUDGET, BudgetExceededError

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


class ValidationResult(NamedTuple):
    """Validity, each problem with the keys that lead to it, and the reason if the value could not be validated."""

    verdict: Validity
    problems: list[tuple[tuple[str | int, ...], str]]
    skipped_reason: str | None = None


class TypedSchemaNode:
    """The schemas that apply to a value of one type at one position in the document."""

    def __init__(
        self,
        root: CheckedSchema,
        schemas: list[Schema],
        type_: JsonType,
        is_unconditional: bool,
        skipped_reason: str | None,
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
        if UNEVALUATED & schema.keys():
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
            return SchemaNode(self._root, [], is_unconditional=False, skipped_reason=shorten(str(error)))
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
                (tuple(error.absolute_path), shorten(error.message))
                for validator in self._validators
                for error in validator.iter_errors(value)
            ]
        except BudgetExceededError as error:
            return ValidationResult(Validity.UNKNOWN, [], shorten(str(error)))
        except Exception as error:  # for example multipleOf of an infinite number
            return ValidationResult(Validity.UNKNOWN, [], f"This could not be validated: {shorten(repr(error))}")
        finally:
            CURRENT_BUDGET.reset(token)
        if problems:
            return ValidationResult(Validity.INVALID, problems)
        return ValidationResult(Validity.VALID if self._is_unconditional else Validity.UNKNOWN, [])


class SchemaNode:
    """The schemas that apply to the values at one position in the document, of any type."""

    def __init__(
        self, root: CheckedSchema, schemas: list[Schema], is_unconditional: bool, skipped_reason: str | None = None
    ) -> None:
        self._root = root
        self._schemas = schemas
        self._skipped_reason = skipped_reason
        self._is_unconditional = is_unconditional
        self._types: dict[JsonType, TypedSchemaNode] = {}

    @classmethod
    def of(cls, schema: Schema) -> "SchemaNode":
        """Return the schemas for a whole document. Raises SchemaError."""
        root = CheckedSchema(schema)
        return cls(root, [root.schema], is_unconditional=True)

    def of_type(self, type_: JsonType) -> TypedSchemaNode:
        """Return the schemas for values of one type."""
        if type_ not in self._types:
            self._types[type_] = TypedSchemaNode(
                self._root, self._schemas, type_, self._is_unconditional, self._skipped_reason
            )
        return self._types[type_]
