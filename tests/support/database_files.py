"""Conversations as files."""

import json
from typing import Any


def file(messages: int = 2, **changes: Any) -> dict[str, Any]:
    """A valid file whose conversation goes straight on."""
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


def data(value: Any) -> bytes:
    return json.dumps(value).encode()
