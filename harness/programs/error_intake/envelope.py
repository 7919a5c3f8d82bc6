"""Reads a Sentry envelope (develop.sentry.dev, "Envelopes"): a line of headers, then items, each a
line of headers and a payload. Only the payloads of events are parsed; the rest is passed over."""

import json
from collections.abc import Iterator
from typing import Any

from harness.domain.plain import JsonObject
from harness.programs.error_intake.refused import Refused

MOST_ITEMS, MOST_HEADER, MOST_EVENT = 100, 16_000, 1_000_000


def events_in(envelope: bytes) -> tuple[JsonObject, ...]:
    """The events of an envelope. Raises Refused for what is none."""
    end = _end_of_line(envelope, 0)
    json_object(envelope[:end])
    return tuple(json_object(payload) for payload in _event_payloads(envelope, end + 1))


def json_object(text: bytes) -> JsonObject:
    """One JSON object. Raises Refused for anything else: for other bytes, for too deep a nest, for
    a number that is too long."""
    try:
        found: Any = json.loads(text)
    # ValueError is the parent of the errors of JSON, of UTF-8, and of too long a number.
    except (ValueError, RecursionError):
        raise Refused(400, "expected a JSON object") from None
    if not isinstance(found, dict):
        raise Refused(400, "expected a JSON object")
    return found


def _event_payloads(envelope: bytes, start: int) -> Iterator[bytes]:
    items = total = 0
    while start < len(envelope):
        # Envelopes may end with empty lines.
        if envelope[start : start + 1] == b"\n":
            start += 1
            continue
        if (items := items + 1) > MOST_ITEMS:
            raise Refused(400, f"expected at most {MOST_ITEMS} items")
        end = _end_of_line(envelope, start)
        header = json_object(envelope[start:end])
        payload, start = _payload(envelope, end + 1, header.get("length"))
        if header.get("type") == "event":
            # All of them together: SDKs send one in an envelope.
            if (total := total + len(payload)) > MOST_EVENT:
                raise Refused(413, f"expected events of at most {MOST_EVENT} bytes together")
            yield payload


def _payload(envelope: bytes, start: int, length: object) -> tuple[bytes, int]:
    """The payload that begins there, and where the next item begins. Without a length it ends with
    its line."""
    if length is None:
        end = envelope.find(b"\n", start)
        end = len(envelope) if end < 0 else end
    elif type(length) is int and 0 <= length <= len(envelope) - start:
        end = start + length
    else:
        raise Refused(400, "expected the length of an item's payload")
    return envelope[start:end], end + 1


def _end_of_line(envelope: bytes, start: int) -> int:
    end = envelope.find(b"\n", start, start + MOST_HEADER + 1)
    if end >= 0:
        return end
    if len(envelope) - start > MOST_HEADER:
        raise Refused(400, f"expected a line of headers of at most {MOST_HEADER} bytes")
    return len(envelope)
