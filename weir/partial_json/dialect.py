"""Dialects of JSON: what the parser accepts beyond RFC 8259, and when it shows numbers."""

from dataclasses import dataclass
from enum import Enum


class SurroundingText(Enum):
    """What may surround the JSON document."""

    PROSE = "prose"
    WHITE_SPACE = "white space"


class ControlCharacters(Enum):
    """How to treat a raw control character, for example a line break, in a string."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class NumberMode(Enum):
    """When a number appears in the value."""

    WHEN_COMPLETE = "when it is whole"
    INCREMENTAL = "as it is written"


@dataclass(frozen=True, slots=True)
class Dialect:
    """A parser's settings. `max_depth` limits how many objects and arrays may be open at once.

    Raises ValueError if `max_depth` is less than 1.
    """

    surroundings: SurroundingText = SurroundingText.PROSE
    controls: ControlCharacters = ControlCharacters.ACCEPTED
    numbers: NumberMode = NumberMode.WHEN_COMPLETE
    max_depth: int = 500

    def __post_init__(self) -> None:
        if self.max_depth < 1:
            raise ValueError("max_depth must be at least 1")


MODEL_ANSWER = Dialect()
"""JSON as models write it: in prose or a Markdown fence, with raw line breaks in strings."""
LIKE_LANGCHAIN = Dialect(numbers=NumberMode.INCREMENTAL)
"""`MODEL_ANSWER` with incomplete numbers shown, as LangChain's parser does."""
STRICT = Dialect(SurroundingText.WHITE_SPACE, ControlCharacters.REFUSED)
"""RFC 8259 only. A byte order mark is accepted."""
