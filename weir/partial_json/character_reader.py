"""Character reader: reads JSON into a document, character by character, however the text is cut.

Its state decides what the next character means.
"""

import re
from collections.abc import Callable

from weir.partial_json.dialect import Dialect, NumberMode, SurroundingText
from weir.partial_json.document import Document
from weir.partial_json.fields import Field, Json, JsonSyntaxError, JsonType
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


class CharacterReader:
    """Reads the JSON of a text and what follows it. It begins with the JSON: the preamble is read before."""

    def __init__(self, document: Document, dialect: Dialect, chunk_of: Callable[[int], int]) -> None:
        """`chunk_of` returns the number of the chunk that has the character at an offset."""
        self.after: list[str] = []
        """The text after the JSON, in pieces."""
        self.base = 0
        """Offset in the whole text of the text being read."""
        self._document = document
        self._dialect = dialect
        self._chunk_of = chunk_of
        self._string_reader = StringReader(dialect.controls)
        self._number_reader = NumberReader()
        self._scalar: Field | None = None
        """The growing string or number in the document, if there is one."""
        self._value_start = 0
        """Offset of the current value."""
        self._literal = ""
        self._matched = 0
        self._read: Callable[[str, int], int] = self._byte_order_mark

    def read(self, text: str, base: int) -> None:
        """Read the next text, which begins at an offset of the whole. Raises JsonSyntaxError with an index in it."""
        self.base = base
        index, end = 0, len(text)
        while index < end:
            index = self._read(text, index)

    # What has been read

    @property
    def is_complete(self) -> bool:
        """Whether the JSON has ended."""
        return self._read == self._after_json

    @property
    def is_empty(self) -> bool:
        """Whether no JSON has begun."""
        return self._read in (self._byte_order_mark, self._value) and not self._document.depth

    @property
    def ends_with_number(self) -> bool:
        """Whether the text so far is a number, which is complete if nothing more comes."""
        return self._read == self._number and not self._document.depth and self._number_reader.is_complete

    def open_pointers(self) -> tuple[str, ...]:
        """Return the JSON Pointers of the fields that are open."""
        fields = self._document.open_fields
        return tuple(field.pointer for field in (fields if self._scalar is None else [*fields, self._scalar]))

    def unfinished_part(self) -> str:
        """Name what the text ends within, for people."""
        if self._read == self._number:
            return f"a number, where {self._number_reader.expected} may follow"
        if self._read == self._literal_text:
            return f"the literal {self._literal}"
        field = self._scalar or self._document.container
        assert field is not None
        name = f"the {field.type.value} at {field.pointer or 'the root'}"
        return f"a key of {name}" if self._read == self._key_text else name

    # States: each reads from text[index] on as far as it can, and returns the index where the next state continues.

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
        self._value_start = self.base + index
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
            self.update_scalar()
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
        if self._dialect.surroundings is SurroundingText.PROSE:
            self.after.append(text[index:])
            return len(text)
        end = self._skip_space(text, index)
        self.after.append(text[index:end])
        if end < len(text):
            raise JsonSyntaxError(end, f"Expected nothing after the JSON, not {text[end]!r}.")
        return end

    # Changes of the document

    def _add(self, value: Json, type_: JsonType) -> Field:
        return self._document.add(value, type_, self._chunk_of(self._value_start), self._value_start)

    def _open(self, type_: JsonType, index: int) -> None:
        if self._document.depth >= self._dialect.max_depth:
            raise JsonSyntaxError(index, f"The JSON is nested more than {self._dialect.max_depth} levels deep.")
        self._document.open(type_, self._chunk_of(self._value_start), self._value_start)

    def _close(self, index: int) -> int:
        self._document.close(self.base + index)
        self._read = self._next if self._document.depth else self._after_json
        return index

    def _close_scalar(self, field: Field, index: int) -> None:
        self._document.close_scalar(field, self.base + index)
        self._read = self._next if self._document.depth else self._after_json

    def update_scalar(self) -> None:
        """Update the growing string or number in the document by what the chunk added to it."""
        field = self._scalar
        if field is not None and field.type is JsonType.STRING:
            if pieces := self._string_reader.pieces:
                piece = pieces[0] if len(pieces) == 1 else "".join(pieces)
                pieces.clear()
                self._document.append_to_string(field, piece)
        elif self._read == self._number and self._dialect.numbers is NumberMode.INCREMENTAL:
            reader = self._number_reader
            if reader.length > MAX_INCREMENTAL_LENGTH or (value := reader.prefix_value) is None:
                return
            if field is None:
                self._scalar = self._add(value, JsonType.NUMBER)
            else:
                self._document.update_number(field, value)
