"""The vocabulary of partial JSON: values, a field's states, what changed in a chunk, and how a text ended."""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple, TypeAlias

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
Scalar: TypeAlias = str | int | float | bool | None


class JsonType(Enum):
    """The six types of RFC 8259; a Python int and a float are both numbers."""

    OBJECT = "object"
    ARRAY = "array"
    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    NULL = "null"


CONTAINERS = (JsonType.OBJECT, JsonType.ARRAY)


class State(Enum):
    """How far a path is."""

    ABSENT = "absent"
    GROWING = "growing"
    CLOSED = "closed"


class Validity(Enum):
    """What the schema says of a closed field.

    UNJUDGED is open, has no schema, or stands below a keyword that only the enclosing value decides (`anyOf`, `if` …).
    """

    UNKNOWN = "unjudged"
    VALID = "valid"
    INVALID = "invalid"


class ChangeType(Enum):
    """What a chunk did to a field. REPLACED is OPENED in the place of an earlier field with the same key."""

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
    """The text is not JSON from here on.

    `offset` counts characters from 0, `line` and `column` from 1; `cause` is one sentence. It is a value that the
    parser keeps, and an exception for whoever wants to raise it.
    """

    def __init__(self, cause: str, offset: int, line: int, column: int) -> None:
        super().__init__(f"Line {line}, column {column} (character {offset}): {cause}")
        self.cause = cause
        self.offset = offset
        self.line = line
        self.column = column


class JsonSyntaxError(Exception):
    """A character that cannot be there, by its index in the text being read."""

    def __init__(self, index: int, cause: str) -> None:
        super().__init__(cause)
        self.index = index
        self.cause = cause


class Field:
    """One value in the document, from its first character on. Only the parser writes it.

    `opened`, `closed` and `judged` are numbers of chunks (from 1), `start` and `end` offsets in the text (`end` is
    exclusive); all but `opened` and `start` are None until it happens. `problem` says what the schema does not allow,
    or why it could not be judged. `replaced` says that a later duplicate of its key, or of a key above, took its place.
    """

    __slots__ = (
        "children",
        "closed",
        "end",
        "judged",
        "key",
        "opened",
        "parent",
        "problem",
        "replaced",
        "start",
        "type",
        "verdict",
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
        self.verdict = Validity.UNKNOWN
        self.judged: int | None = None
        self.problem: str | None = None

    @property
    def keys(self) -> list[str | int]:
        """What leads from the document to the field."""
        keys: list[str | int] = []
        field = self
        while field.parent is not None:
            keys.append(field.key)
            field = field.parent
        return keys[::-1]

    @property
    def pointer(self) -> str:
        """The JSON Pointer (RFC 6901) of the field; the document itself is ''."""
        return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in self.keys)

    @property
    def state(self) -> State:
        """GROWING or CLOSED."""
        return State.GROWING if self.closed is None else State.CLOSED

    def walk(self) -> Iterator["Field"]:
        """Yield the field and all below it, in the order of the document."""
        waiting = [self]
        while waiting:
            field = waiting.pop()
            yield field
            waiting.extend(reversed(field.children.values()))

    def __repr__(self) -> str:
        return f"<Field {self.pointer!r} {self.type.value} {self.state.value} {self.verdict.value}>"


class Fields(Mapping[str, Field]):
    """All fields by their JSON Pointers, in the order of the document; a live view.

    Looking one up takes as many steps as its pointer has; counting them takes as many as there are fields.
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

    `value` is, for OPENED and REPLACED, what the field begins with ('' for a string, the whole of a number or literal,
    None for an object or array: see the field's type); for GREW the characters that a string gained or a number's new
    value; else None. A container has no GREW: its children's events say it.
    """

    change: ChangeType
    field: Field
    chunk: int
    value: Scalar = None


class ParseResult(NamedTuple):
    """How a text ended.

    `open` holds the pointers that were not finished, outermost first; `error` is None if COMPLETE. `events` are what
    the end itself changed: it shows that a number was whole.
    """

    status: ParseStatus
    open: tuple[str, ...] = ()
    error: JsonError | None = None
    events: tuple[FieldEvent, ...] = ()
