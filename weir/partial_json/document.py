"""The document that a parser builds: its value, its fields, and what the present chunk changed."""

from typing import Any, NamedTuple

from weir.partial_json.fields import ChangeType, Field, FieldEvent, Json, JsonType, Scalar, Validity
from weir.partial_json.incremental_schema import Schema, SchemaNode, TypedSchemaNode


class _Frame(NamedTuple):
    """An open object or array."""

    box: Any
    field: Field | None
    rules: TypedSchemaNode | None


class Document:
    """Knows no syntax: the parser says what begins, grows and closes. No call takes time in proportion to the document.

    (But for a schema's keywords that only a whole value decides, and for what a duplicate key replaces.)
    """

    def __init__(self, schema: Schema | None) -> None:
        """Raise SchemaError if the schema is none, or refers to what it does not hold."""
        self.chunk = 0
        self.events: list[FieldEvent] = []
        self.root: Field | None = None
        self.key = ""
        self._rules = None if schema is None else SchemaNode.of(schema)
        # The document stands in a list of its own, so that the root is an element like any other.
        self._values: list[Json] = []
        self._frames = [_Frame(self._values, None, None)]

    @property
    def value(self) -> Json:
        """The document so far: one live object."""
        return self._values[0] if self._values else None

    @property
    def depth(self) -> int:
        """How many objects and arrays are open."""
        return len(self._frames) - 1

    @property
    def container(self) -> Field | None:
        """The innermost open object or array."""
        return self._frames[-1].field

    @property
    def open_fields(self) -> list[Field]:
        """The open objects and arrays, outermost first."""
        return [frame.field for frame in self._frames if frame.field is not None]

    def add(self, value: Json, type_: JsonType, opened: int, start: int) -> Field:
        """Put a new value into the innermost container; into an object under `key`."""
        box, parent, _ = self._frames[-1]
        change = ChangeType.OPENED
        key: str | int
        if type(box) is dict:
            key = self.key
            if key in box:
                change = ChangeType.REPLACED
            box[key] = value
        else:
            key = len(box)
            box.append(value)
        field = Field(parent, key, type_, opened, start)
        if parent is None:
            self.root = field
        else:
            if change is ChangeType.REPLACED:
                for gone in parent.children[key].walk():
                    gone.replaced = True
            parent.children[key] = field
        self._emit(change, field, None if isinstance(value, dict | list) else value)
        return field

    def open(self, type_: JsonType, opened: int, start: int) -> None:
        """Begin an object or array; what is added next goes into it."""
        box: Json = {} if type_ is JsonType.OBJECT else []
        field = self.add(box, type_, opened, start)
        self._frames.append(_Frame(box, field, self._rules_of(field)))

    def append_to_string(self, field: Field, piece: str) -> None:
        """Add to the innermost container's growing string."""
        box = self._frames[-1].box
        # With the document's own reference gone, CPython makes the string longer in place.
        text = box[field.key]
        box[field.key] = ""
        text += piece
        box[field.key] = text
        self._emit(ChangeType.EXTENDED, field, piece)

    def update_number(self, field: Field, value: int | float) -> None:
        """Give the innermost container's growing number what it is now."""
        box = self._frames[-1].box
        if repr(box[field.key]) != repr(value):
            box[field.key] = value
            self._emit(ChangeType.EXTENDED, field, value)

    def close(self, end: int) -> None:
        """Close the innermost container."""
        box, field, rules = self._frames.pop()
        assert field is not None
        self._closed(field, end, box, rules)

    def close_scalar(self, field: Field, end: int) -> None:
        """Close a string, number or literal in the innermost container."""
        self._closed(field, end, self._frames[-1].box[field.key], self._rules_of(field))

    def _emit(self, change: ChangeType, field: Field, value: Scalar = None) -> None:
        self.events.append(FieldEvent(change, field, self.chunk, value))

    def _rules_of(self, field: Field) -> TypedSchemaNode | None:
        if self._rules is None:
            return None
        above = self._frames[-1].rules
        return (self._rules if above is None else above.child(field.key)).of_type(field.type)

    def _closed(self, field: Field, end: int, value: Json, rules: TypedSchemaNode | None) -> None:
        field.closed = self.chunk
        field.end = end
        self._emit(ChangeType.CLOSED, field)
        if rules is None:
            return
        found = rules.validate(value)
        for keys, problem in found.problems:
            below = field
            for key in keys:
                below = below.children[key]
            self._mark_invalid(below, problem, field)
        bad = next((part for part in field.children.values() if part.verdict is Validity.INVALID), None)
        if bad is not None:
            self._mark_invalid(bad, None, field)
        elif unknown := next(
            (part for part in field.children.values() if part.verdict is not Validity.VALID and part.problem), None
        ):
            field.problem = found.skipped_reason or f"The value at {unknown.pointer} in it could not be judged"
        elif found.verdict is Validity.VALID:
            for part in field.walk() if rules.decides_parts else (field,):
                self._set_validity(part, Validity.VALID)
        elif not found.problems:
            field.problem = found.skipped_reason

    def _mark_invalid(self, field: Field, problem: str | None, top: Field) -> None:
        """Find a field invalid, and so all around it up to the value that has been judged."""
        if problem is not None:
            field.problem = problem if field.problem is None else f"{field.problem}; {problem}"
            self._set_validity(field, Validity.INVALID)
        while field is not top:
            above = field.parent
            assert above is not None
            if above.problem is None:
                above.problem = f"The value at {field.pointer} in it is not valid"
            self._set_validity(above, Validity.INVALID)
            field = above

    def _set_validity(self, field: Field, verdict: Validity) -> None:
        if field.verdict is Validity.UNKNOWN:
            field.verdict = verdict
            field.judged = self.chunk
            if verdict is Validity.VALID:
                field.problem = None
            self._emit(ChangeType.VALIDATED, field)
