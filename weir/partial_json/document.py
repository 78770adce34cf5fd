"""JSON document under construction: its value, its fields, and the changes that the current chunk made."""

from typing import Any, NamedTuple

from weir.partial_json.checked_schema import Schema
from weir.partial_json.fields import ChangeType, Field, FieldEvent, Json, JsonType, Scalar, Validity
from weir.partial_json.incremental_schema import SchemaNode, TypedSchemaNode


class _Frame(NamedTuple):
    """An open object or array."""

    box: Any
    field: Field | None
    schema: TypedSchemaNode | None


class Document:
    """Value tree under construction. It knows no syntax: the reader calls `add`, `open`, `append_to_string`, `close` ….

    Each call takes constant time in the size of the document, with two exceptions: a schema's keywords that only a
    whole value decides, and a duplicate key, which visits the fields that it replaces.
    """

    def __init__(self, schema: Schema | None) -> None:
        """Raises SchemaError if the schema is invalid or has a reference to nothing."""
        self.chunk = 0
        self.events: list[FieldEvent] = []
        self.root: Field | None = None
        self.key = ""
        self._schema_node = None if schema is None else SchemaNode.of(schema)
        # The document is the only element of a list, so that the root needs no special case.
        self._values: list[Json] = []
        self._frames = [_Frame(self._values, None, None)]

    @property
    def value(self) -> Json:
        """The document so far: one live object, which grows."""
        return self._values[0] if self._values else None

    @property
    def depth(self) -> int:
        """Number of open objects and arrays."""
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
        """Add a new value to the innermost container; in an object, under the current `key`."""
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
                for replaced in parent.children[key].walk():
                    replaced.replaced = True
            parent.children[key] = field
        self._emit(change, field, None if isinstance(value, dict | list) else value)
        return field

    def open(self, type_: JsonType, opened: int, start: int) -> None:
        """Open an object or array. Values added next go into it."""
        box: Json = {} if type_ is JsonType.OBJECT else []
        field = self.add(box, type_, opened, start)
        self._frames.append(_Frame(box, field, self._schema_of(field)))

    def append_to_string(self, field: Field, piece: str) -> None:
        """Append to the growing string in the innermost container."""
        box = self._frames[-1].box
        # CPython appends in place if nobody else refers to the string, so drop the document's reference first.
        text = box[field.key]
        box[field.key] = ""
        text += piece
        box[field.key] = text
        self._emit(ChangeType.EXTENDED, field, piece)

    def update_number(self, field: Field, value: int | float) -> None:
        """Set the growing number in the innermost container to its present value."""
        box = self._frames[-1].box
        if repr(box[field.key]) != repr(value):
            box[field.key] = value
            self._emit(ChangeType.EXTENDED, field, value)

    def close(self, end: int) -> None:
        """Close the innermost container."""
        box, field, schema = self._frames.pop()
        assert field is not None
        self._close_field(field, end, box, schema)

    def close_scalar(self, field: Field, end: int) -> None:
        """Close a string, number or literal in the innermost container."""
        self._close_field(field, end, self._frames[-1].box[field.key], self._schema_of(field))

    def _emit(self, change: ChangeType, field: Field, value: Scalar = None) -> None:
        self.events.append(FieldEvent(change, field, self.chunk, value))

    def _schema_of(self, field: Field) -> TypedSchemaNode | None:
        if self._schema_node is None:
            return None
        outer = self._frames[-1].schema
        return (self._schema_node if outer is None else outer.child(field.key)).of_type(field.type)

    def _close_field(self, field: Field, end: int, value: Json, schema: TypedSchemaNode | None) -> None:
        field.closed = self.chunk
        field.end = end
        self._emit(ChangeType.CLOSED, field)
        if schema is None:
            return
        result = schema.validate(value)
        for keys, problem in result.problems:
            descendant = field
            for key in keys:
                descendant = descendant.children[key]
            self._mark_invalid(descendant, problem, field)
        invalid = next((part for part in field.children.values() if part.validity is Validity.INVALID), None)
        if invalid is not None:
            self._mark_invalid(invalid, None, field)
        elif unknown := next(
            (part for part in field.children.values() if part.validity is not Validity.VALID and part.problem), None
        ):
            field.problem = result.skipped_reason or f"The value at {unknown.pointer} in it could not be validated"
        elif result.verdict is Validity.VALID:
            for part in field.walk() if schema.decides_parts else (field,):
                self._set_validity(part, Validity.VALID)
        elif not result.problems:
            field.problem = result.skipped_reason

    def _mark_invalid(self, field: Field, problem: str | None, top: Field) -> None:
        """Mark a field invalid, and the fields around it up to `top`, the value that was validated."""
        if problem is not None:
            field.problem = problem if field.problem is None else f"{field.problem}; {problem}"
            self._set_validity(field, Validity.INVALID)
        while field is not top:
            parent = field.parent
            assert parent is not None
            if parent.problem is None:
                parent.problem = f"The value at {field.pointer} in it is not valid"
            self._set_validity(parent, Validity.INVALID)
            field = parent

    def _set_validity(self, field: Field, verdict: Validity) -> None:
        if field.validity is Validity.UNKNOWN:
            field.validity = verdict
            field.validated_in_chunk = self.chunk
            if verdict is Validity.VALID:
                field.problem = None
            self._emit(ChangeType.VALIDATED, field)
