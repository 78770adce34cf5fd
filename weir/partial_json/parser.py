"""Incremental JSON parser: the value of an unfinished text so far, and the state of each field in it.

It reads each character once, however the text is cut. After any chunk `PartialJson.value` is the document so far, and
`state(pointer)` says of a JSON Pointer (RFC 6901) whether it is absent, growing or closed. With a schema (JSON Schema
2020-12) a closed field becomes valid or invalid as soon as that can be decided.

How a value grows:

- A value never changes its type and never disappears. A string gains characters and an array elements, only at the end;
  an object gains keys.
- A string appears with its opening quote, an object or array with its bracket, a key together with its value.
- A number appears when the next character shows that it is complete, a literal with its last letter. With
  `NumberMode.INCREMENTAL` a number appears as soon as its characters are one, as in LangChain: 1 becomes 12, and the
  int 1 the float 1.5, while its JSON type stays. Beyond 100 characters it waits until it is complete.
- A duplicate key replaces the earlier one, as in json.loads, when its own value appears. This is a new field at the old
  path (`ChangeType.REPLACED`), and the only case in which a value at a path disappears.
- Incomplete escapes and halves of surrogate pairs are not shown. A lone surrogate stays one, as in json.loads.

NaN and Infinity are refused; 1e999 is infinite, as in json.loads. A byte order mark is skipped. `feed` raises nothing
for invalid text: `error` is set, the value up to it stays, and the text after it is not read.

docs/partial_json.md compares it with other parsers.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import Protocol

from weir.partial_json.checked_schema import Schema
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
from weir.partial_json.preamble import Preamble
from weir.partial_json.scalars import NumberReader, StringReader

MAX_INCREMENTAL_LENGTH = 100
"""Length of a number up to which it is shown incomplete. Parsing it at each chunk costs its whole length."""
_SPACE = re.compile(r"[ \t\r\n]*")
_LITERALS: dict[str, tuple[str, bool | None, JsonType]] = {
    "t": ("true", True, JsonType.BOOLEAN),
    "f": ("false", False, JsonType.BOOLEAN),
    "n": ("null", None, JsonType.NULL),
}
_NUMBER_STARTS = frozenset("-0123456789")


class HasText(Protocol):
    """A message of LangChain, or any other chunk that has its text."""

    @property
    def text(self) -> str: ...


class PartialJson:
    """Incremental JSON parser. Call `feed` with the text in any chunks, then `finish`; or `astream` with a stream.

    >>> parser = PartialJson({"properties": {"depth": {"type": "integer"}}})
    >>> for chunk in ['{"name": "We', 'ir", "depth"', ": 3}"]:
    ...     _ = parser.feed(chunk)
    ...     print(parser.value)
    {'name': 'We'}
    {'name': 'Weir'}
    {'name': 'Weir', 'depth': 3}
    >>> parser.fields["/depth"].validity.name, parser.finish().status.name
    ('VALID', 'COMPLETE')

    `value` is one live object: the same dicts and lists, growing. Read it between two calls of `feed`, do not write to
    it, and copy what must not change. CPython appends to a growing string in place as long as nobody else refers to it;
    a caller that keeps a reference from chunk to chunk causes a copy in each. To follow a long string, take the new
    characters from the events.
    """

    def __init__(self, schema: Schema | None = None, *, dialect: Dialect = MODEL_ANSWER) -> None:
        """`schema` is a JSON Schema (2020-12). Raises SchemaError if it is invalid or has a reference to nothing."""
        self.dialect = dialect
        self.error: JsonError | None = None
        self._document = Document(schema)
        self._preamble = Preamble()
        self._after: list[str] = []
        self._string_reader = StringReader(dialect.controls)
        self._number_reader = NumberReader()
        self._result: ParseResult | None = None
        self._length = 0
        self._chunk_starts: list[int] = []
        self._line_starts = array("Q", [0])
        self._base = 0
        """Offset in the whole text of the chunk being read."""
        self._scalar: Field | None = None
        """The growing string or number in the document, if there is one."""
        self._value_start = 0
        """Offset of the current value."""
        self._literal = ""
        self._matched = 0
        self._read: Callable[[str, int], int]
        self._read = self._prose if dialect.surroundings is SurroundingText.PROSE else self._byte_order_mark

    # Results

    @property
    def value(self) -> Json:
        """The document so far. None if it is null or does not exist yet: `state("")` distinguishes the two."""
        return self._document.value

    @property
    def fields(self) -> Fields:
        """All fields by their JSON Pointers, in document order."""
        return Fields(self._document.root)

    @property
    def chunks(self) -> int:
        """Number of chunks fed."""
        return len(self._chunk_starts)

    @property
    def before(self) -> str:
        """The text before the JSON, with an opening fence."""
        return self._preamble.text

    @property
    def after(self) -> str:
        """The text after the JSON, with a closing fence."""
        return "".join(self._after)

    def state(self, pointer: str) -> State:
        """Return the state of a JSON Pointer."""
        field = self.fields.get(pointer)
        return State.ABSENT if field is None else field.state

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Return the line and column, both from 1, of the character at an offset."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    # Reading

    def feed(self, text: str) -> list[FieldEvent]:
        """Parse the next chunk and return the changes it made. After an error only chunks and lines are counted.

        Raises RuntimeError after `finish`.
        """
        if self._result is not None:
            raise RuntimeError("The text is already finished")
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
        """End the text and return the result."""
        if self._result is None:
            self._document.events = list[FieldEvent]()
            self._result = self._end()
        return self._result

    async def astream(self, chunks: AsyncIterable[str | HasText]) -> AsyncIterator[tuple[Json, Fields]]:
        """Parse a stream of texts or messages; yield the live value and its fields after each chunk that changed them.

        At the end of the stream the text is finished: `finish` then returns how it ended.
        """
        async for chunk in chunks:
            if self.feed(chunk if isinstance(chunk, str) else chunk.text):
                yield self.value, self.fields
        if self.finish().events:
            yield self.value, self.fields

    def _run(self, text: str, base: int) -> None:
        try:
            self._read_all(text, base)
        except JsonSyntaxError as error:
            self._fail(self._base + error.index, error.cause)
        self._update_scalar()

    def _read_all(self, text: str, base: int) -> None:
        self._base = base
        index, end = 0, len(text)
        while index < end:
            index = self._read(text, index)

    def _fail(self, offset: int, cause: str) -> None:
        self.error = JsonError(cause, offset, *self.line_and_column(offset))

    def _end(self) -> ParseResult:
        if self._read == self._prose:
            # A pending bracket, or a lone number or literal, is the JSON after all.
            offset, text = self._preamble.take_rest()
            self._read = self._byte_order_mark
            self._run(text, offset)
        is_root = not self._document.depth
        if self.error is None and self._read == self._number and is_root and self._number_reader.is_complete:
            self._run(" ", self._length)
        if self.error is None and self._read == self._after_json:
            return ParseResult(ParseStatus.COMPLETE, events=tuple(self._document.events))
        status = ParseStatus.TRUNCATED
        if self.error is not None:
            status = ParseStatus.FAILED
        elif self._read in (self._byte_order_mark, self._value) and is_root:
            status = ParseStatus.FAILED
            self._fail(self._length, "There is no JSON in the text.")
        else:
            self._fail(self._length, f"The text ends within {self._unfinished_part()}.")
        return ParseResult(status, self._open_pointers(), self.error, tuple(self._document.events))

    def _open_pointers(self) -> tuple[str, ...]:
        fields = self._document.open_fields
        return tuple(field.pointer for field in (fields if self._scalar is None else [*fields, self._scalar]))

    def _unfinished_part(self) -> str:
        if self._read == self._number:
            return f"a number, where {self._number_reader.expected} may follow"
        if self._read == self._literal_text:
            return f"the literal {self._literal}"
        field = self._scalar or self._document.container
        assert field is not None
        name = f"the {field.type.value} at {field.pointer or 'the root'}"
        return f"a key of {name}" if self._read == self._key_text else name

    # States: each reads from text[index] on as far as it can, and returns the index where the next state continues.

    def _prose(self, text: str, index: int) -> int:
        start = self._preamble.read(text, index)
        if start is None:
            return len(text)
        self._read = self._value
        base = self._base
        offset, pending = self._preamble.take_pending()
        self._read_all(pending, offset)
        self._base = base
        return start

    def _byte_order_mark(self, text: str, index: int) -> int:
        self._read = self._value
        return index + 1 if text[index] == "\ufeff" else index

    def _skip_space(self, text: str, index: int) -> int:
        space = _SPACE.match(text, index)
        assert space is not None
        return space.end()

    def _value(self, text: str, index: int) -> int:
        index = self._skip_space(text, index)
        if index == len(text):
            return index
        char = text[index]
        self._value_start = self._base + index
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
            raise JsonSyntaxError(index, f"Expected a value, not {char!r}.")
        return index + 1

    def _first_element(self, text: str, index: int) -> int:
        index = self._skip_space(text, index)
        if index < len(text):
            if text[index] == "]":
                return self._close(index + 1)
            self._read = self._value
        return index

    def _first_key(self, text: str, index: int) -> int:
        index = self._skip_space(text, index)
        if index < len(text) and text[index] == "}":
            return self._close(index + 1)
        return self._next_key(text, index)

    def _next_key(self, text: str, index: int) -> int:
        index = self._skip_space(text, index)
        if index == len(text):
            return index
        if text[index] != '"':
            raise JsonSyntaxError(index, f"Expected a key in double quotes, not {text[index]!r}.")
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
        index = self._skip_space(text, index)
        if index == len(text):
            return index
        if text[index] != ":":
            raise JsonSyntaxError(index, f"Expected a colon after the key, not {text[index]!r}.")
        self._read = self._value
        return index + 1

    def _string(self, text: str, index: int) -> int:
        index = self._string_reader.read(text, index)
        if self._string_reader.closed:
            self._update_scalar()
            field, self._scalar = self._scalar, None
            assert field is not None
            self._close_scalar(field, index)
        return index

    def _number(self, text: str, index: int) -> int:
        index = self._number_reader.read(text, index)
        if index == len(text):
            return index
        if not self._number_reader.is_complete:
            raise JsonSyntaxError(
                index, f"Unexpected {text[index]!r} in a number; expected {self._number_reader.expected}."
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
                raise JsonSyntaxError(index, f"Unexpected {char!r} in the literal {literal}.")
            matched += 1
            index += 1
        self._matched = matched
        if matched == len(literal):
            _, value, type_ = _LITERALS[literal[0]]
            self._close_scalar(self._add(value, type_), index)
        return index

    def _next(self, text: str, index: int) -> int:
        index = self._skip_space(text, index)
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
        raise JsonSyntaxError(index, f"Expected a comma or {'}' if is_object else ']'} after the value, not {char!r}.")

    def _after_json(self, text: str, index: int) -> int:
        if self.dialect.surroundings is SurroundingText.PROSE:
            self._after.append(text[index:])
            return len(text)
        end = self._skip_space(text, index)
        self._after.append(text[index:end])
        if end < len(text):
            raise JsonSyntaxError(end, f"Expected nothing after the JSON, not {text[end]!r}.")
        return end

    # Changes of the document

    def _add(self, value: Json, type_: JsonType) -> Field:
        return self._document.add(value, type_, self._chunk_of(self._value_start), self._value_start)

    def _chunk_of(self, offset: int) -> int:
        # Nearly always the current chunk: only a number, a literal and a pending bracket can start earlier.
        return self.chunks if offset >= self._chunk_starts[-1] else bisect_right(self._chunk_starts, offset)

    def _open(self, type_: JsonType, index: int) -> None:
        if self._document.depth >= self.dialect.max_depth:
            raise JsonSyntaxError(index, f"The JSON is nested more than {self.dialect.max_depth} levels deep.")
        self._document.open(type_, self._chunk_of(self._value_start), self._value_start)

    def _close(self, index: int) -> int:
        self._document.close(self._base + index)
        self._read = self._next if self._document.depth else self._after_json
        return index

    def _close_scalar(self, field: Field, index: int) -> None:
        self._document.close_scalar(field, self._base + index)
        self._read = self._next if self._document.depth else self._after_json

    def _update_scalar(self) -> None:
        """Update the growing string or number in the document by what the chunk added to it."""
        field = self._scalar
        if field is not None and field.type is JsonType.STRING:
            if pieces := self._string_reader.pieces:
                piece = pieces[0] if len(pieces) == 1 else "".join(pieces)
                pieces.clear()
                self._document.append_to_string(field, piece)
        elif self._read == self._number and self.dialect.numbers is NumberMode.INCREMENTAL:
            reader = self._number_reader
            if reader.length > MAX_INCREMENTAL_LENGTH or (value := reader.prefix_value) is None:
                return
            if field is None:
                self._scalar = self._add(value, JsonType.NUMBER)
            else:
                self._document.update_number(field, value)
