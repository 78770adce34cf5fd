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

from array import array
from bisect import bisect_right
from collections.abc import AsyncIterable, AsyncIterator
from typing import Protocol

from weir.partial_json.character_reader import CharacterReader
from weir.partial_json.checked_schema import Schema
from weir.partial_json.dialect import MODEL_ANSWER, Dialect, SurroundingText
from weir.partial_json.document import Document
from weir.partial_json.fields import (
    FieldEvent,
    Fields,
    Json,
    JsonError,
    JsonSyntaxError,
    ParseResult,
    ParseStatus,
    State,
)
from weir.partial_json.preamble import Preamble


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
        self._reader = CharacterReader(self._document, dialect, self._chunk_of)
        self._preamble = Preamble()
        self._is_before_json = dialect.surroundings is SurroundingText.PROSE
        self._result: ParseResult | None = None
        self._length = 0
        self._chunk_starts: list[int] = []
        self._line_starts = array("Q", [0])

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
        return "".join(self._reader.after)

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
            if self._is_before_json:
                self._read_preamble(text, base)
            else:
                self._reader.read(text, base)
        except JsonSyntaxError as error:
            self._fail(self._reader.base + error.index, error.cause)
        self._reader.update_scalar()

    def _read_preamble(self, text: str, base: int) -> None:
        start = self._preamble.read(text, 0)
        if start is None:
            return
        self._is_before_json = False
        offset, pending = self._preamble.take_pending()
        self._reader.read(pending, offset)
        self._reader.read(text[start:], base + start)

    def _chunk_of(self, offset: int) -> int:
        # Nearly always the current chunk: only a number, a literal and a pending bracket can start earlier.
        return self.chunks if offset >= self._chunk_starts[-1] else bisect_right(self._chunk_starts, offset)

    def _fail(self, offset: int, cause: str) -> None:
        self.error = JsonError(cause, offset, *self.line_and_column(offset))

    def _end(self) -> ParseResult:
        if self._is_before_json:
            # A pending bracket, or a lone number or literal, is the JSON after all.
            self._is_before_json = False
            offset, text = self._preamble.take_rest()
            self._run(text, offset)
        if self.error is None and self._reader.ends_with_number:
            self._run(" ", self._length)
        if self.error is None and self._reader.is_complete:
            return ParseResult(ParseStatus.COMPLETE, events=tuple(self._document.events))
        status = ParseStatus.TRUNCATED
        if self.error is not None:
            status = ParseStatus.FAILED
        elif self._reader.is_empty:
            status = ParseStatus.FAILED
            self._fail(self._length, "There is no JSON in the text.")
        else:
            self._fail(self._length, f"The text ends within {self._reader.unfinished_part()}.")
        return ParseResult(status, self._reader.open_pointers(), self.error, tuple(self._document.events))
