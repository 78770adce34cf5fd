"""Sanitizer: replaces what a database cannot store in text and JSON.

PostgreSQL rejects the character NUL, no database stores half of a surrogate pair, and JSON has no NaN. Each such
character becomes U+FFFD, which CommonMark also requires for NUL; each number that is not finite becomes null.
"""

import math
import re
from typing import Any

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def replace_unstorable(text: str) -> str:
    """Return a text with U+FFFD in place of every character that cannot be stored."""
    return _UNSTORABLE.sub("\ufffd", text)


def sanitize_json(value: Any) -> Any:
    """Return JSON-ready data that can be stored, with all its texts, keys and numbers sanitized."""
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
