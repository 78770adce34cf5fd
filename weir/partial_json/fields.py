"""Data types of the incremental JSON parser: fields and their states, the changes of a chunk, the result, errors."""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple, TypeAlias

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
Scalar: TypeAlias = str | int | float | bool | None


class JsonType(Enum):
    """The six types of RFC 8259. A Python int and a float are both numbers."""

    OBJECT = "object"
    ARRAY = "array"
    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    NULL = "null"


CONTAINERS = (JsonType.OBJECT, JsonType.ARRAY)


class State(Enum):
    """How far the field at a path has been written."""

    ABSENT = "absent"
    GROWING = "growing"
    CLOSED = "closed"


class Validity(Enum):
    """Whether a closed field satisfies the schema.

    UNKNOWN: the field is open, has no schema, or is below a keyword that only the enclosing value decides (`anyOf`,
    `if` …).
    """

    UNKNOWN = "unjudged"
    VALID = "valid"
    INVALID = "invalid"


class ChangeType(Enum):
    """How a chunk changed a field. REPLACED: opened in place of an earlier field with the same key."""

    OPENED = "opened"
    REPLACED = "replaced"
    EXTENDED = "grew"
    CLOSED = "closed"
    VALIDATED = "judged"


class ParseStatus(Enum):
    """How a text ended."""

    COMPLETE = "complete"
    TRUNCATED = "truncated"
    FAILED = "failed"


class JsonError(ValueError):
    """Position and cause of the error at which the text stops being JSON.

    `offset` counts characters from 0, `line` and `column` from 1; `cause` is one sentence. The parser stores the error
    as a value; callers may raise it.
    """

    def __init__(self, cause: str, offset: int, line: int, column: int) -> None:
        super().__init__(f"Line {line}, column {column} (character {offset}): {cause}")
        self.cause = cause
        self.offset = offset
        self.line = line
        self.column = column


class JsonSyntaxError(Exception):
    """Raised at an unexpected character, with its index in the text being read. It does not leave the parser."""

    def __init__(self, index: int, cause: str) -> None:
        super().__init__(cause)
        self.index = index
        self.cause = cause


class Field:
    """State of one value in the document, from its first character on. Only the parser writes it.

    `opened`, `closed` and `validated_in_chunk` are chunk numbers from 1; `start` and `end` (exclusive) are offsets in
    the text. All but `opened` and `start` are None until the event happens. `problem` says what the schema does not
    allow, or why the value could not be validated. `replaced`: a later duplicate of its key, or of a key above it,
    replaced it.
    """

    __slots__ = (
        "children",
        "closed",
        "end",
        "key",
        "opened",
        "parent",
        "problem",
        "replaced",
        "start",
        "type",
        "validated_in_chunk",
        "validity",
    )

    def __init__(self, parent: "Field | None", key: str | int, type_: JsonType, opened: int, start: int) -> None:
        self.parent = parent
        self.key = key
        self.type = type_
        self.opened = opened
        self.start = start
        self.closed: int | None = None
        self.end: int | None = None
        self.children: dict[str | int, Field] = {}
        self.replaced = False
        self.validity = Validity.UNKNOWN
        self.validated_in_chunk: int | None = None
        self.problem: str | None = None

    @property
    def keys(self) -> list[str | int]:
        """The keys and indexes that lead from the document to the field."""
        keys: list[str | int] = []
        field = self
        while field.parent is not None:
            keys.append(field.key)
            field = field.parent
        return keys[::-1]

    @property
    def pointer(self) -> str:
        """The field's JSON Pointer (RFC 6901). That of the document is ''."""
        return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in self.keys)

    @property
    def state(self) -> State:
        """GROWING until the field is closed, then CLOSED."""
        return State.GROWING if self.closed is None else State.CLOSED

    def walk(self) -> Iterator["Field"]:
        """Yield the field and all fields below it, in document order."""
        pending = [self]
        while pending:
            field = pending.pop()
            yield field
            pending.extend(reversed(field.children.values()))

    def __repr__(self) -> str:
        return f"<Field {self.pointer!r} {self.type.value} {self.state.value} {self.validity.value}>"


class Fields(Mapping[str, Field]):
    """Live mapping from JSON Pointers to fields, in document order.

    A look-up takes as many steps as the pointer has parts; `len` visits each field.
    """

    def __init__(self, root: Field | None) -> None:
        self._root = root

    def __getitem__(self, pointer: str) -> Field:
        first, *steps = pointer.split("/")
        field = None if first else self._root
        for step in steps:
            if field is None:
                break
            key = step.replace("~1", "/").replace("~0", "~")
            if field.type is JsonType.ARRAY:
                # RFC 6901: digits without a leading zero.
                is_index = key.isascii() and key.isdigit() and str(int(key[:18])) == key
                field = field.children.get(int(key)) if is_index else None
            else:
                field = field.children.get(key)
        if field is None:
            raise KeyError(pointer)
        return field

    def __iter__(self) -> Iterator[str]:
        return (field.pointer for field in self._walk())

    def __len__(self) -> int:
        return sum(1 for _ in self._walk())

    def _walk(self) -> Iterator[Field]:
        return iter(()) if self._root is None else self._root.walk()


class FieldEvent(NamedTuple):
    """One change of one field in one chunk.

    `value` depends on the change. OPENED and REPLACED: the initial value ('' for a string, a whole number or literal,
    None for an object or array). EXTENDED: the characters that a string gained, or a number's new value. Else None.
    A container has no EXTENDED: the events of its children show that it grew.
    """

    change: ChangeType
    field: Field
    chunk: int
    value: Scalar = None


class ParseResult(NamedTuple):
    """How a text ended.

    `open` has the pointers of the unfinished fields, outermost first; `error` is None if the status is COMPLETE.
    `events` are the changes that the end itself made, such as the close of a lone number.
    """

    status: ParseStatus
    open: tuple[str, ...] = ()
    error: JsonError | None = None
    events: tuple[FieldEvent, ...] = ()
