"""The messages of a web socket, as a look reads them: JSON where they are some, else text."""

from __future__ import annotations

import json
from typing import Any

from validators.domain.json_values import read_json

Message = Any
"""A JSON value; a text for what is no JSON."""


def message_of(content: bytes, *, text: bool) -> Message:
    """A message as it came. One that is neither text nor JSON is `(12 bytes)`. Raises
    UnicodeDecodeError for a text that is no UTF-8."""
    try:
        return read_json(content)
    except UnicodeDecodeError:
        if text:
            raise
        return f"({len(content)} bytes)"
    except ValueError:
        return content.decode()


def messages_text(content: bytes) -> str:
    """The messages of an answer as text, one below the other. Raises ValueError."""
    messages = json.loads(content)
    if not isinstance(messages, list):
        return content.decode()
    return "\n".join(
        one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in messages
    )
