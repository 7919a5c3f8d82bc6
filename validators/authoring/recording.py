"""`record`: write down, as a journey, what a person does in a browser with a window.

Playwright's recorder names each element, as its code generator does. What the journey language has
no words for becomes a comment that names it. Nothing is judged here: the browser is the person's
own, without a sandbox of ours."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from validators.domain.journeys.values import slug
from validators.domain.stops import UsageError
from validators.language.steps import CHARACTERS, PRESSABLE
from validators.language.targets import FILL_IN, NAMED, WORDED

if TYPE_CHECKING:
    from playwright.async_api import Page

Person = Callable[["Page"], Awaitable[None]]
"""Acts on the page, and returns when it is done."""

WINDOWS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
MOST_ACTIONS, LONGEST = 200, 200
# How the recorder writes the keys that are held.
HELD = ((2, "Control"), (8, "Shift"), (1, "Alt"), (4, "Meta"))
INTO = ("fill", "check", "uncheck", "select", "setInputFiles")
SETTLE_SECONDS = 0.5


@dataclass(slots=True)
class Actions:
    """What the recorder has told so far; a later form of an action takes the place of the last."""

    done: list[dict[str, Any]] = field(default_factory=list)

    def action_added(self, _page: object, _data: object, code: str) -> None:
        """Playwright calls it with the action as one line of JSON."""
        if len(self.done) < MOST_ACTIONS:
            self.done.append(json.loads(code.splitlines()[0]))

    def action_updated(self, page: object, data: object, code: str) -> None:
        """The last action goes on: another letter was typed."""
        self.done[-1:] = []
        self.action_added(page, data, code)

    def signal_added(self, _page: object, data: Mapping[str, Any], _code: str) -> None:
        """What the last action caused: a dialog, a download, another window."""
        if self.done:
            signal = data.get("signal", data)
            self.done[-1].setdefault("caused", []).append(str(signal.get("name", "")))


def journey_of(actions: Iterable[Mapping[str, Any]], *, origin: str, name: str) -> str:
    """The text of a journey that does what was recorded, with what the recording cannot know as
    places to be filled in."""
    lets: dict[str, str] = {}
    steps = [line for action in actions for line in _lines(action, lets, origin)]
    if not any(line.startswith("- open") for line in steps):
        steps.insert(0, "- open: /")
    seen = json.dumps(
        f"{{{{ {next(iter(lets))} }}}}" if lets else f"{FILL_IN}words that must be there>"
    )
    lines = [
        "# Recorded. Complete each <fill in: …>, and take out what was done by chance.",
        '# Where any value would do, draw it: `"{{ any.name }}"`, `"{{ any.int(2, 8) }}"`.',
        f"journey: {name}",
        "promise: issue",
        *(("let:",) if lets else ()),
        *(f"  {key}: {_text(value)}" for key, value in lets.items()),
        "steps:",
        *(f"  {line}" for line in steps),
        "expect:    # what must then be seen: not before the change, and after it",
        f"  - text: {seen}",
        "  - after_reload: same",
        "twin:    # the negative control: the same look, plainly false",
        "  expect:",
        f'    - text: "{FILL_IN}words that must not be there>"'
        if not lets
        else "    - text: nobody",
    ]
    return "\n".join(lines) + "\n"


def _lines(action: Mapping[str, Any], lets: dict[str, str], origin: str) -> Iterator[str]:
    """The steps of one action, or a comment that names it; nothing for what is none of a person's
    doing."""
    kind = str(action.get("name", ""))
    fake = kind == "fill" and str(action.get("text", "")).startswith("C:\\fakepath\\")
    # A form that is sent by Enter clicks its own button, and an upload fills its field.
    if (
        kind in ("openPage", "closePage")
        or fake
        or (kind == "click" and not action.get("clickCount"))
    ):
        return
    for caused in action.get("caused", ()):
        if caused in ("dialog", "download", "popup"):
            yield f"# the next step caused a {caused}: see `{caused}` in the journey language"
    step = _step(kind, action, lets, origin)
    if step:
        yield f"- {step}"
        return
    what = action.get("selector") or action.get("url") or ""
    yield "# not in the journey language: " + _line(f"{kind} {what}")


def _step(kind: str, action: Mapping[str, Any], lets: dict[str, str], origin: str) -> str | None:
    if kind == "navigate":
        return _opened(str(action.get("url", "")), origin)
    where = _element(action.get("locator"), into=kind in INTO)
    if where is None:
        return None
    match kind:
        case "click" if action.get("button") == "left" and not action.get("modifiers"):
            return f"click: {{{where}}}"
        case "hover" | "check" | "uncheck":
            return f"{kind}: {{{where}}}"
        case "fill" if not action.get("text"):
            return f"clear: {{{where}}}"
        case "fill":
            return f"fill: {{{where}, value: {_put_in(action, lets)}}}"
        case "select" if len(action.get("options", ())) == 1:
            # The recorder has the option's value, and a journey its words.
            return f"select: {{{where}, option: {_text(str(action['options'][0]))}}}"
        case "press" if key := _key(action):
            return f"press: {{key: {_text(key)}, {where}}}"
        case "setInputFiles":
            names = [Path(str(one)).name for one in action.get("files", ())]
            content = json.dumps(f"{FILL_IN}what stands in it>")
            files = ", ".join(f"{{name: {_text(one)}, text: {content}}}" for one in names)
            return f"upload: {{{where}, files: [{files}]}}" if names else None
        case "assertVisible":
            return f"expect: {{visible: {{{where}}}}}"
        case "assertText":
            claim = "contains" if action.get("substring") else "equals"
            return f"expect: {{text: {{{where}, {claim}: {_text(str(action['text']))}}}}}"
        case "assertValue":
            return f"expect: {{value: {{{where}, equals: {_text(str(action['value']))}}}}}"
        case _:
            return None


def _element(locator: Any, *, into: bool) -> str | None:
    """The recorder's locator as a journey names an element; None where it has no words for it."""
    chain: list[Mapping[str, Any]] = []
    while isinstance(locator, Mapping):
        chain.append(locator)
        locator = locator.get("next")
    at = ""
    if chain and chain[-1].get("kind") in ("first", "last", "nth"):
        place = chain.pop()
        number = str(place.get("body"))
        at = f", at: {place['kind'] if place['kind'] != 'nth' else int(number) + 1}"
    if not chain:
        return None
    last = _named(chain.pop(), into=into)
    within = _within(chain)
    if last is None or within is None:
        return None
    return last + (f", in: {{{within}}}" if within else "") + at


def _within(chain: list[Mapping[str, Any]]) -> str | None:
    """What stands around: a named element, or a row or an item by the words in it; empty for
    nothing, None where there are no words for it."""
    match [(one.get("kind"), str(one.get("body")), one.get("options", {})) for one in chain]:
        case []:
            return ""
        case [("role", role, _), ("has-text", words, _)] if role in WORDED:
            return f"{role}: {_text(words)}"
        case [("role", _, _)]:
            return _named(chain[0], into=False)
        case _:
            return None


def _named(locator: Mapping[str, Any], *, into: bool) -> str | None:
    kind, body = locator.get("kind"), str(locator.get("body"))
    name = locator.get("options", {}).get("name")
    match kind:
        case "label" | "placeholder":
            return f"label: {_text(body)}"
        case "role" if isinstance(name, str) and into and body != "button":
            return f"label: {_text(name)}"
        case "role" if isinstance(name, str) and body in NAMED:
            return f"{body}: {_text(name)}"
        case "role":
            return f"role: {body}" + (f", name: {_text(name)}" if isinstance(name, str) else "")
        case "text":
            return f"words: {_text(body)}"
        case _:
            return None


def _opened(url: str, origin: str) -> str | None:
    found = urlsplit(url)
    if f"{found.scheme}://{found.netloc}" != origin:
        return None
    return f"open: {_text((found.path or '/') + (f'?{found.query}' if found.query else ''))}"


def _put_in(action: Mapping[str, Any], lets: dict[str, str]) -> str:
    """A name for what was typed, so that an expectation can mention it."""
    locator: Any = action.get("locator")
    while isinstance(locator.get("next"), Mapping):
        locator = locator["next"]
    label = locator.get("options", {}).get("name") or locator.get("body")
    name = slug(str(label)) or "value"
    name = name if re.match("[a-z]", name) and name not in ("any", "filled") else f"the_{name}"
    value = str(action["text"])[:LONGEST]
    while lets.get(name, value) != value:
        name += "_again"
    lets[name] = value
    return json.dumps(f"{{{{ {name} }}}}")


def _key(action: Mapping[str, Any]) -> str:
    """A key that a journey may press; empty for another one."""
    held = [word for bit, word in HELD if int(action.get("modifiers", 0)) & bit]
    key = str(action.get("key", ""))
    key = "Space" if key == " " else key
    known = key in PRESSABLE or (len(key) == 1 and key in CHARACTERS)
    return "+".join((*held, key)) if known else ""


def _text(words: str) -> str:
    return json.dumps(_line(words).replace("{{", "{ {"), ensure_ascii=False)


def _line(words: str) -> str:
    """Words of a page on one line."""
    return "".join(one if one.isprintable() else " " for one in words)[:LONGEST]


async def recorded(
    origin: str, *, executable: str, person: Person | None = None
) -> tuple[dict[str, Any], ...]:
    """The actions of a person in a window, until they close it; of `person`, in a browser without
    one, until it returns. Raises playwright's Error when the browser cannot be started."""
    from playwright.async_api import async_playwright

    actions = Actions()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable, chromium_sandbox=True, headless=person is not None
        )
        context = await browser.new_context(no_viewport=person is None)
        # What Playwright's own clients of the recorder call; the public interface has none.
        await context._impl_obj._start_recording({"language": "jsonl"}, actions)
        page = await context.new_page()
        await page.goto(origin)
        if person is None:
            await page.wait_for_event("close", timeout=0)
        else:
            await person(page)
            # The last action comes a moment after it was done.
            await asyncio.sleep(SETTLE_SECONDS)
        await browser.close()
    return tuple(actions.done)


def window_browser(environment: Mapping[str, str] = os.environ) -> str:
    """The browser with a window. Raises UsageError that names what is lacking."""
    if not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        raise UsageError(
            "record needs a screen: neither DISPLAY nor WAYLAND_DISPLAY is set; use it at a"
            " desktop, or draft the journey with `factory journeys new`"
        )
    if os.geteuid() == 0:
        raise UsageError("record opens a browser, which does not run as root: use your own account")
    found = next((path for path in WINDOWS if os.access(path, os.X_OK)), "")
    if not found:
        raise UsageError(
            f"record needs a browser with a window, one of {', '.join(WINDOWS)}: install chromium"
        )
    return found
