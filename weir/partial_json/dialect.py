"""What counts as JSON, and what of it is shown early."""

from dataclasses import dataclass
from enum import Enum


class SurroundingText(Enum):
    """What may stand around the JSON."""

    PROSE = "prose"
    WHITE_SPACE = "white space"


class ControlCharacters(Enum):
    """What to do with a raw control character (a line break, say) in a string."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class NumberMode(Enum):
    """When a number appears."""

    WHEN_COMPLETE = "when it is whole"
    INCREMENTAL = "as it is written"


@dataclass(frozen=True, slots=True)
class Dialect:
    """`max_depth` (from 1) bounds how many objects and arrays may be open at once; ValueError if it is less."""

    surroundings: SurroundingText = SurroundingText.PROSE
    controls: ControlCharacters = ControlCharacters.ACCEPTED
    numbers: NumberMode = NumberMode.WHEN_COMPLETE
    max_depth: int = 500

    def __post_init__(self) -> None:
        if self.max_depth < 1:
            raise ValueError("max_depth must be at least 1")


MODEL_ANSWER = Dialect()
"""JSON as models write it: with prose or a fence around it and raw line breaks in strings."""
LIKE_LANGCHAIN = Dialect(numbers=NumberMode.INCREMENTAL)
"""The same, with numbers shown as LangChain shows them."""
STRICT = Dialect(SurroundingText.WHITE_SPACE, ControlCharacters.REFUSED)
"""RFC 8259 and nothing else (but for a byte order mark)."""
