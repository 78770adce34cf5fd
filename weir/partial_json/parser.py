"""JSON that is still being written: the value so far, and how far each part of it is.

Each character is read once, whatever the chunks. After any chunk `PartialJson.value` is the document so far, and
`state(pointer)` says of a JSON Pointer (RFC 6901) whether it is absent, growing or closed. With a schema (JSON Schema
2020-12) a closed field is valid or invalid as soon as that can be known.

How a value grows:

- A value never changes its type and never disappears. A string only gains characters at its end, an array elements at
  its end, an object keys.
- A string appears with its opening quote, an object or array with its bracket, a key together with its value.
- A number appears when the character after it shows that it is whole, a literal with its last letter. With
  `Numbers.EARLY` a number appears as soon as its characters are one, as LangChain shows it; then 1 becomes 12, and the
  int 1 the float 1.5, while its JSON type stays. Beyond 100 characters it waits until it is whole.
- A later duplicate of a key takes the earlier one's place, as in json.loads, when its own value appears. This is a new
  field in the old one's place (`Change.REPLACED`), and the one case in which what stood at a path goes.
- Half an escape is not shown, nor half a surrogate pair. A lone surrogate stays one, as json.loads has it.

NaN and Infinity are refused; 1e999 is infinite, as json.loads has it. A byte order mark is passed over. No exception
leaves `feed`: an error is kept in `error`, with the value up to it, and the text after it is not read.

How this differs from other parsers: docs/partial_json.md.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable

from weir.partial_json.dialect import MODEL_ANSWER, Dialect, NumberMode, SurroundingText
from weir.partial_json.document import Document
from weir.partial_json.fields import (
    Field,
    FieldEvent,
    Fields,
    Json,
    JsonError,
    JsonSyntaxError,
    JsonType,
    ParseResult,
    ParseStatus,
    State,
)
from weir.partial_json.incremental_schema import Schema
from weir.partial_json.preamble import Preamble
from weir.partial_json.scalars import NumberReader, StringReader

EARLY_LIMIT = 100
_SPACE = re.compile(r"[ \t\r\n]*")
_LITERALS: dict[str, tuple[str, bool | None, JsonType]] = {
    "t": ("true", True, JsonType.BOOLEAN),
    "f": ("false", False, JsonType.BOOLEAN),
    "n": ("null", None, JsonType.NULL),
}
_NUMBER_STARTS = frozenset("-0123456789")


class PartialJson:
    """Feed it text in any pieces.

    `value` is one live object: the same dicts and lists, growing. Read it between two calls of `feed`; do not write to
    it, and copy what must stay as it is. A growing string is made longer in place as long as nobody else holds it
    (CPython does so for `+=`); whoever keeps it from chunk to chunk pays for a copy of it in each. To follow a long
    string take the new characters from the events.
    """

    def __init__(self, dialect: Dialect = MODEL_ANSWER, schema: Schema | None = None) -> None:
        """Raise SchemaError if the schema is none, or refers to what it does not hold."""
        self.dialect = dialect
        self.error: JsonError | None = None
        self._document = Document(schema)
        self._preamble = Preamble()
        self._after: list[str] = []
        self._string_reader = StringReader(dialect.controls)
        self._number_reader = NumberReader()
        self._ending: ParseResult | None = None
        self._length = 0
        self._chunk_starts: list[int] = []
        self._line_starts = array("Q", [0])
        # Where in the text what is being read begins.
        self._base = 0
        # The string or early number in the works, and where a number or literal began.
        self._scalar: Field | None = None
        self._begun = 0
        self._literal = ""
        self._matched = 0
        self._read: Callable[[str, int], int]
        self._read = self._prose if dialect.surroundings is SurroundingText.PROSE else self._mark

    # What is known

    @property
    def value(self) -> Json:
        """The document so far; None also while there is none (`state("")` tells which)."""
        return self._document.value

    @property
    def fields(self) -> Fields:
        """All fields by their JSON Pointers, in the order of the document."""
        return Fields(self._document.root)

    @property
    def chunks(self) -> int:
        """How many chunks have been fed."""
        return len(self._chunk_starts)

    @property
    def before(self) -> str:
        """The text before the JSON, an opening fence included."""
        return self._preamble.text

    @property
    def after(self) -> str:
        """The text after the JSON, a closing fence included."""
        return "".join(self._after)

    def state(self, pointer: str) -> State:
        """Return the state of a JSON Pointer."""
        field = self.fields.get(pointer)
        return State.ABSENT if field is None else field.state

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column, both from 1, of a character of the text."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    # Reading

    def feed(self, text: str) -> list[FieldEvent]:
        """Take the next chunk and return what it changed. What follows an error is only counted.

        Raises RuntimeError after `finish`.
        """
        if self._ending is not None:
            raise RuntimeError("The text has been finished")
        self._chunk_starts.append(self._length)
        self._document.chunk = self.chunks
        self._document.events = events = list[FieldEvent]()
        end = text.find("\n")
        while end >= 0:
            self._line_starts.append(self._length + end + 1)
            end = text.find("\n", end + 1)
        start, self._length = self._length, self._length + len(text)
        if self.error is None:
            self._run(text, start)
        return events

    def finish(self) -> ParseResult:
        """Say that the text has ended, and learn how."""
        if self._ending is None:
            self._document.events = list[FieldEvent]()
            self._ending = self._end()
        return self._ending

    def _run(self, text: str, base: int) -> None:
        try:
            self._read_all(text, base)
        except JsonSyntaxError as fault:
            self._fail(self._base + fault.index, fault.cause)
        self._show_scalar()

    def _read_all(self, text: str, base: int) -> None:
        self._base = base
        index, end = 0, len(text)
        while index < end:
            index = self._read(text, index)

    def _fail(self, offset: int, cause: str) -> None:
        self.error = JsonError(cause, offset, *self.place(offset))

    def _end(self) -> ParseResult:
        if self._read == self._prose:
            # A bracket that awaited what follows, or a lone number or literal, is the JSON after all.
            offset, text = self._preamble.take_rest()
            self._read = self._mark
            self._run(text, offset)
        is_root = not self._document.depth
        if self.error is None and self._read == self._number and is_root and self._number_reader.is_whole:
            self._run(" ", self._length)
        if self.error is None and self._read == self._rest:
            return ParseResult(ParseStatus.COMPLETE, events=tuple(self._document.events))
        outcome = ParseStatus.TRUNCATED
        if self.error is not None:
            outcome = ParseStatus.FAILED
        elif self._read in (self._mark, self._value) and is_root:
            outcome = ParseStatus.FAILED
            self._fail(self._length, "There is no JSON in the text.")
        else:
            self._fail(self._length, f"The text ends within {self._where()}.")
        return ParseResult(outcome, self._open_pointers(), self.error, tuple(self._document.events))

    def _open_pointers(self) -> tuple[str, ...]:
        fields = self._document.open_fields
        return tuple(field.pointer for field in (fields if self._scalar is None else [*fields, self._scalar]))

    def _where(self) -> str:
        if self._read == self._number:
            return f"a number, where {self._number_reader.expected} may follow"
        if self._read == self._literal_text:
            return f"the literal {self._literal}"
        field = self._scalar or self._document.container
        assert field is not None
        name = f"the {field.type.value} at {field.pointer or 'the root'}"
        return f"a key of {name}" if self._read == self._key_text else name

    # The states: each takes text[index:], reads what it can, and returns the index where the next one goes on.

    def _prose(self, text: str, index: int) -> int:
        begins = self._preamble.read(text, index)
        if begins is None:
            return len(text)
        self._read = self._value
        base = self._base
        offset, pending = self._preamble.take_pending()
        self._read_all(pending, offset)
        self._base = base
        return begins

    def _mark(self, text: str, index: int) -> int:
        self._read = self._value
        return index + 1 if text[index] == "\ufeff" else index

    def _skip(self, text: str, index: int) -> int:
        space = _SPACE.match(text, index)
        assert space is not None
        return space.end()

    def _value(self, text: str, index: int) -> int:
        index = self._skip(text, index)
        if index == len(text):
            return index
        char = text[index]
        self._begun = self._base + index
        if char == '"':
            self._scalar = self._add("", JsonType.STRING)
            self._string_reader.start()
            self._read = self._string
        elif char == "{":
            self._open(JsonType.OBJECT, index)
            self._read = self._first_key
        elif char == "[":
            self._open(JsonType.ARRAY, index)
            self._read = self._first_element
        elif char in _NUMBER_STARTS:
            self._number_reader.start()
            self._read = self._number
            return index
        elif char in _LITERALS:
            self._literal, self._matched = _LITERALS[char][0], 0
            self._read = self._literal_text
            return index
        else:
            raise JsonSyntaxError(index, f"A value must stand here, not {char!r}.")
        return index + 1

    def _first_element(self, text: str, index: int) -> int:
        index = self._skip(text, index)
        if index < len(text):
            if text[index] == "]":
                return self._close(index + 1)
            self._read = self._value
        return index

    def _first_key(self, text: str, index: int) -> int:
        index = self._skip(text, index)
        if index < len(text) and text[index] == "}":
            return self._close(index + 1)
        return self._next_key(text, index)

    def _next_key(self, text: str, index: int) -> int:
        index = self._skip(text, index)
        if index == len(text):
            return index
        if text[index] != '"':
            raise JsonSyntaxError(index, f"A key in double quotes must stand here, not {text[index]!r}.")
        self._string_reader.start()
        self._read = self._key_text
        return index + 1

    def _key_text(self, text: str, index: int) -> int:
        index = self._string_reader.read(text, index)
        if self._string_reader.closed:
            self._document.key = "".join(self._string_reader.pieces)
            self._read = self._colon
        return index

    def _colon(self, text: str, index: int) -> int:
        index = self._skip(text, index)
        if index == len(text):
            return index
        if text[index] != ":":
            raise JsonSyntaxError(index, f"A colon must follow the key, not {text[index]!r}.")
        self._read = self._value
        return index + 1

    def _string(self, text: str, index: int) -> int:
        index = self._string_reader.read(text, index)
        if self._string_reader.closed:
            self._show_scalar()
            field, self._scalar = self._scalar, None
            assert field is not None
            self._close_scalar(field, index)
        return index

    def _number(self, text: str, index: int) -> int:
        index = self._number_reader.read(text, index)
        if index == len(text):
            return index
        if not self._number_reader.is_whole:
            raise JsonSyntaxError(
                index, f"In a number {self._number_reader.expected} must follow, not {text[index]!r}."
            )
        try:
            value = self._number_reader.value
        except ValueError:
            raise JsonSyntaxError(index, "The integer has more digits than Python reads.") from None
        field, self._scalar = self._scalar, None
        if field is None:
            field = self._add(value, JsonType.NUMBER)
        else:
            self._document.update_number(field, value)
        self._close_scalar(field, index)
        return index

    def _literal_text(self, text: str, index: int) -> int:
        literal, matched = self._literal, self._matched
        for char in text[index : index + len(literal) - matched]:
            if char != literal[matched]:
                raise JsonSyntaxError(index, f"{literal} was begun, and {char!r} does not go on with it.")
            matched += 1
            index += 1
        self._matched = matched
        if matched == len(literal):
            _, value, type_ = _LITERALS[literal[0]]
            self._close_scalar(self._add(value, type_), index)
        return index

    def _next(self, text: str, index: int) -> int:
        index = self._skip(text, index)
        if index == len(text):
            return index
        char = text[index]
        container = self._document.container
        assert container is not None
        is_object = container.type is JsonType.OBJECT
        if char == ",":
            self._read = self._next_key if is_object else self._value
            return index + 1
        if char == ("}" if is_object else "]"):
            return self._close(index + 1)
        raise JsonSyntaxError(index, f"A comma or {'}' if is_object else ']'} must follow the value, not {char!r}.")

    def _rest(self, text: str, index: int) -> int:
        if self.dialect.surroundings is SurroundingText.PROSE:
            self._after.append(text[index:])
            return len(text)
        end = self._skip(text, index)
        self._after.append(text[index:end])
        if end < len(text):
            raise JsonSyntaxError(end, f"The JSON has ended, and {text[end]!r} follows.")
        return end

    # What the states do to the document

    def _add(self, value: Json, type_: JsonType) -> Field:
        return self._document.add(value, type_, self._chunk_of(self._begun), self._begun)

    def _chunk_of(self, offset: int) -> int:
        # Nearly always it is the present chunk; only a number, a literal and a held back bracket began earlier.
        return self.chunks if offset >= self._chunk_starts[-1] else bisect_right(self._chunk_starts, offset)

    def _open(self, type_: JsonType, index: int) -> None:
        if self._document.depth >= self.dialect.max_depth:
            raise JsonSyntaxError(index, f"The JSON is nested more than {self.dialect.max_depth} deep.")
        self._document.open(type_, self._chunk_of(self._begun), self._begun)

    def _close(self, index: int) -> int:
        self._document.close(self._base + index)
        self._read = self._next if self._document.depth else self._rest
        return index

    def _close_scalar(self, field: Field, index: int) -> None:
        self._document.close_scalar(field, self._base + index)
        self._read = self._next if self._document.depth else self._rest

    def _show_scalar(self) -> None:
        """Let the value show what the chunk added to the string or early number in the works."""
        field = self._scalar
        if field is not None and field.type is JsonType.STRING:
            if pieces := self._string_reader.pieces:
                piece = pieces[0] if len(pieces) == 1 else "".join(pieces)
                pieces.clear()
                self._document.append_to_string(field, piece)
        elif self._read == self._number and self.dialect.numbers is NumberMode.INCREMENTAL:
            reader = self._number_reader
            if reader.length > EARLY_LIMIT or (value := reader.begun) is None:
                return
            if field is None:
                self._scalar = self._add(value, JsonType.NUMBER)
            else:
                self._document.update_number(field, value)


def loads(text: str, dialect: Dialect = MODEL_ANSWER) -> Json:
    """Return the value of a finished text; raises JsonError, also for a truncated one."""
    parser = PartialJson(dialect)
    parser.feed(text)
    ending = parser.finish()
    if ending.error is not None:
        raise ending.error
    return parser.value
