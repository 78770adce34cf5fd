"""Files of the format `weir-conversation`."""

import json
from typing import Any


def conversation_file(messages: int = 2, **changes: Any) -> dict[str, Any]:
    """Return a valid file: a conversation with a single branch of `messages` messages."""
    return {
        "format": "weir-conversation",
        "version": 1,
        "exported_at": 1.0,
        "conversation": {
            "title": "Title",
            "titled_by_hand": True,
            "created_at": 1.0,
            "updated_at": 2.0,
            "leaf": messages or None,
        },
        "messages": [
            {
                "id": number,
                "parent": number - 1 or None,
                "role": "human" if number % 2 else "ai",
                "text": str(number),
                "status": "done",
                "details": {},
                "created_at": 1.0,
                "updated_at": 2.0,
            }
            for number in range(1, messages + 1)
        ],
    } | changes


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()
