"""Text and JSON that every database takes.

PostgreSQL refuses the character NUL, no database takes half of a surrogate pair, and JSON has no NaN. Each such
character becomes U+FFFD, as CommonMark has it for NUL; each number that is not finite becomes null.
"""

import math
import re
from typing import Any

_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")


def replace_unstorable(text: str) -> str:
    """Return a text with U+FFFD for every character that cannot be kept."""
    return _UNKEEPABLE.sub("\ufffd", text)


def sanitize_json(value: Any) -> Any:
    """Return JSON-ready data that can be kept, its texts and keys cleaned."""
    match value:
        case str():
            return replace_unstorable(value)
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {replace_unstorable(str(key)): sanitize_json(item) for key, item in value.items()}
        case list() | tuple():
            return [sanitize_json(item) for item in value]
        case _:
            return value
