"""Allow-lists, written as grammars.

A null counts as absent. A field that is not named is refused, and the refusal names its path.
"""

from collections.abc import Callable, Mapping
from typing import Any

from harness.programs.broker.refusal import forbidden

Check = Callable[[Any, str], None]
"""Checks one value at one path. Raises Refusal when it may not be forwarded."""


def one_of(*values: str) -> Check:
    def check(value: Any, path: str) -> None:
        if value not in values:
            raise forbidden(path, f"{value!r:.80} is not forwarded; expected {' or '.join(values)}")

    return check


def kind_of(*kinds: type) -> Check:
    def check(value: Any, path: str) -> None:
        if type(value) not in kinds:
            raise forbidden(
                path,
                f"expected {' or '.join(kind.__name__ for kind in kinds)}, found {_shown(value)}",
            )

    return check


def only(allowed: bool | int) -> Check:
    """One value and no other."""

    def check(value: Any, path: str) -> None:
        if type(value) is not type(allowed) or value != allowed:
            raise forbidden(path, f"{_shown(value)} is not forwarded; expected {allowed}")

    return check


def closed(fields: Mapping[str, Check], *, required: tuple[str, ...] = ()) -> Check:
    """An object with these fields and no others."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise forbidden(path or "body", f"expected an object, found {_shown(value)}")
        for name, part in value.items():
            if name not in fields:
                raise forbidden(
                    _under(path, name),
                    f"is not forwarded; forwarded here: {', '.join(sorted(fields))}",
                )
            if part is not None:
                fields[name](part, _under(path, name))
        for name in required:
            if value.get(name) is None:
                raise forbidden(_under(path, name), "is required")

    return check


def each(item: Check) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, list):
            raise forbidden(path, f"expected a list, found {_shown(value)}")
        for index, part in enumerate(value):
            item(part, f"{path}[{index}]")

    return check


def text_or(other: Check) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, str):
            other(value, path)

    return check


def by(key: str, kinds: Mapping[str, Check], *, usual: str | None = None) -> Check:
    """An object whose field `key` chooses the grammar; `usual` is the choice when the field is
    absent."""
    choose = one_of(*kinds)

    def check(value: Any, path: str) -> None:
        name = (value.get(key) if isinstance(value, dict) else None) or usual
        choose(name, f"{path}.{key}")
        kinds[str(name)](value, path)

    return check


def by_type(kinds: Mapping[str, Check]) -> Check:
    """An object whose `type` chooses the grammar."""
    return by("type", kinds)


def inline_image(value: Any, path: str) -> None:
    """An image that is in the request itself. Any other would be fetched by the provider."""
    kind, comma, _ = value.partition(";base64,") if isinstance(value, str) else ("", "", "")
    if not comma or kind not in _IMAGES:
        raise forbidden(
            path,
            "expected an image inline, data:image/png;base64,… (or jpeg, gif, webp), found"
            f" {_shown(value)}",
        )


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: Any) -> str:
    return "null" if value is None else f"{type(value).__name__} {value!r:.40}"


STRING, NUMBER, WHOLE, FLAG, OBJECT = (
    kind_of(str),
    kind_of(int, float),
    kind_of(int),
    kind_of(bool),
    kind_of(dict),
)
CACHE_OPTIONS = closed({"mode": one_of("implicit", "explicit"), "ttl": one_of("30m")})
BREAKPOINT = {"prompt_cache_breakpoint": closed({"mode": one_of("explicit"), "ttl": one_of("30m")})}
"""What the OpenAI wire caches. A longer time to live has its own price, which we do not know."""
_IMAGES = frozenset(f"data:image/{kind}" for kind in ("png", "jpeg", "gif", "webp"))
