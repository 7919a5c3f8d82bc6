"""The most tokens that a request can cost, before a provider has counted any."""

import base64
import re
import struct

from harness.domain.plain import JsonObject
from harness.programs.broker.prices import Tokens
from harness.programs.broker.sse import dumps

# Tokens that a provider adds when tools are offered; price lists name 300 to 700.
_PREAMBLE = 2_000
# Tokens of the largest image, however few bytes it is compressed to. Anthropic scales it down to
# 4,784. On OpenAI's wire 12 million pixels were counted as 14,364, and Qwen's may be 16,384; of
# gpt-4o-mini each of eight tiles counts as 5,667, beside 2,833.
_MOST_OF_ANTHROPIC, _MOST, _MOST_OF_MINI = 5_000, 20_000, 50_000
_INLINE = re.compile(rb'"data:image/(?:png;base64,([A-Za-z0-9+/]{32}))?')
# Where an image's size is known: the dearest patch of 32 by 32 pixels, and the dearest tiles.
_PER_PATCH, _TILES = 3, 1_500


def worst(body: JsonObject, *, output: int, is_cached: bool = False) -> Tokens:
    """The most tokens that a request can cost.

    A token is at least a byte, but an image packs many into few. `is_cached`: tokens may be written
    to a cache though nobody asked.
    """
    text = dumps(body).encode("utf-8", "backslashreplace")
    tokens = len(text) + _PREAMBLE + _MOST_OF_ANTHROPIC * text.count(b'"image"')
    # Each image on OpenAI's wire begins so, or it is refused.
    if images := _INLINE.findall(text):
        is_mini = "4o-mini" in str(body.get("model"))
        tokens += sum(_MOST_OF_MINI if is_mini else _of_image(begin) for begin in images)
    if not is_cached and b'"cache_control"' not in text:
        return Tokens(input=tokens, output=output)
    # Looked for in the text: a sandbox that only writes of it reserves more, never less.
    if b'"1h"' in text:
        return Tokens(cache_write_1h=tokens, output=output)
    return Tokens(cache_write=tokens, output=output)


def _of_image(begin: bytes) -> int:
    """The most tokens of an image, by the beginning of a PNG in base64; empty for any other."""
    head = base64.b64decode(begin)
    if head[:8] != b"\x89PNG\r\n\x1a\n" or head[12:16] != b"IHDR":
        return _MOST
    width, height = struct.unpack(">II", head[16:24])
    patches: int = -(-width // 32) * -(-height // 32)
    return min(_MOST, _TILES + _PER_PATCH * patches)
