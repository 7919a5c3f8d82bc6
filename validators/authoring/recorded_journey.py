"""Writes the journey that was recorded. What the language has no words for, and what a recording
cannot know, stands there as `<fill in: …>`, which `check` names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from validators.authoring.draft_text import drawn, missing, plain, printable, value_name, yaml_text
from validators.authoring.recorded_element import Called
from validators.domain.journeys.wording import folded, whole_words
from validators.language.check import complaints
from validators.language.steps import CHARACTERS, PRESSABLE
from validators.language.tree import FILL_IN

LONGEST_VALUE, LONGEST_LINE = 2_000, 200
# How the recorder writes the keys that are held.
HELD = ((2, "Control"), (8, "Shift"), (1, "Alt"), (4, "Meta"))
# Their page is loaded again, or another one.
BROWSER_KEYS = (
    "F5",
    "F11",
    "F12",
    "Control+r",
    "Control+Shift+R",
    "Alt+ArrowLeft",
    "Alt+ArrowRight",
)
VALUED = ("fill", "select", "check", "uncheck")
FAKE_PATH = "C:\\fakepath\\"
TO_FILL_IN = "still to be filled in"


@dataclass(frozen=True, slots=True)
class Asked:
    """A window of the browser's own, and how it was answered."""

    kind: str
    message: str
    accepted: bool = False
    typed: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a person did or looked at, in the recorder's words: `click`, `assertText`.

    `url` is of a navigation, or of another window in which it was done. `secret`: it was typed into
    a field that hides it."""

    name: str
    element: Called | None = None
    selector: str = ""
    text: str = ""
    url: str = ""
    key: str = ""
    held: int = 0
    clicks: int = 1
    right: bool = False
    substring: bool = False
    checked: bool = False
    secret: bool = False
    asked: tuple[Asked, ...] = ()
    downloads: bool = False

    @property
    def by_person(self) -> bool:
        """Whether it is more than what a window does as it opens."""
        return self.name not in ("openPage", "closePage", "navigate", "reload")

    @property
    def chord(self) -> str:
        """The key with those that were held, as in `Control+a`."""
        held = (word for bit, word in HELD if self.held & bit)
        return "+".join((*held, "Space" if self.key == " " else self.key))

    @property
    def looks(self) -> bool:
        return self.name.startswith("assert")


@dataclass(slots=True)
class Writer:
    """Writes actions as lines of a journey; `lets` are the values that were put in, by name."""

    origin: str
    lets: dict[str, str] = field(default_factory=dict)
    files: int = 0

    def lines(self, actions: Sequence[Action]) -> list[list[str]]:
        """For each action the lines of its steps, which are none where it is no step."""
        return [
            [] if _is_part(action, actions[at + 1 :]) else list(self._lines(action))
            for at, action in enumerate(actions)
        ]

    def look(self, action: Action) -> tuple[str, str] | None:
        """What was looked at as an expectation, and one that is plainly false at the same place."""
        match action.name, action.element:
            case "assertVisible", Called() as element:
                not_so = f"visible: {{{self._element(element, false=True)}}}"
                return f"visible: {{{self._element(element)}}}", not_so
            case "assertText", element if action.text.strip():
                words, not_so = self._shown(action.text), self._shown(action.text, false=True)
                if element is None or not element.holds_words:
                    return f"text: {words}", f"text: {not_so}"
                where, how = self._element(element), "contains" if action.substring else "equals"
                return f"text: {{{where}, {how}: {words}}}", f"text: {{{where}, {how}: {not_so}}}"
            case "assertValue", Called() as element if not action.secret:
                where = self._element(element)
                words, not_so = self._shown(action.text), self._shown(action.text, false=True)
                return (
                    f"value: {{{where}, equals: {words}}}",
                    f"value: {{{where}, equals: {not_so}}}",
                )
            case "assertChecked", Called() as element:
                where, states = self._element(element), ("unchecked", "checked")
                so, not_so = states[action.checked], states[not action.checked]
                return f"state: {{{where}, is: {so}}}", f"state: {{{where}, is: {not_so}}}"
            case _:
                return None

    def _lines(self, action: Action) -> Iterator[str]:
        if action.looks:
            found = self.look(action)
            yield from (f"- expect: {{{found[0]}}}",) if found else self._missing(action)
            return
        for asked in action.asked:
            yield f"- dialog: {{{_dialog(asked)}}}"
        step = self._step(action)
        yield from (f"- {step}",) if step else self._missing(action)

    def _missing(self, action: Action) -> Iterator[str]:
        """A comment with what was recorded, and a step that has to be filled in."""
        element = f"{{{self._element(action.element)}}}" if action.element else action.selector
        what = " ".join(one for one in (_called(action), element, action.url) if one)
        yield f"# recorded was: {_line(what)}"
        yield f"- click: {{words: {yaml_text(missing('what was done here, see the comment'))}}}"

    def _step(self, action: Action) -> str | None:
        if action.name == "navigate":
            return self._opened(action.url)
        if action.name in ("reload", "back"):
            return action.name
        if action.name == "press" and (
            action.element is None or action.element.keys[0][0] == "words"
        ):
            return f"press: {self._key(action)}"
        if action.element is None or action.right:
            return None
        where = self._element(action.element)
        match action.name:
            case "click" if action.downloads:
                self.files += 1
                name = "file" if self.files == 1 else f"file_{self.files}"
                return f"download: {{{where}, as: {name}}}"
            case "click" if action.clicks == 1 and not action.held:
                return f"click: {{{where}}}"
            case "hover" | "check" | "uncheck":
                return f"{action.name}: {{{where}}}"
            case "fill" if action.text.startswith(FAKE_PATH):
                name = _literal(action.text.removeprefix(FAKE_PATH), "the name of the file")
                content = yaml_text(missing("what stands in the file"))
                return f"upload: {{{where}, file: {{name: {name}, text: {content}}}}}"
            case "fill" if not action.text:
                return f"clear: {{{where}}}"
            case "fill" if len(action.text) <= LONGEST_VALUE:
                return f"fill: {{{where}, value: {self._put_in(action)}}}"
            case "select":
                picked = action.element.picked
                words = picked[0] if len(picked) == 1 else ""
                option = _literal(words, "the words of one option")
                return f"select: {{{where}, option: {option}}}"
            case "press":
                return f"press: {{key: {self._key(action)}, {where}}}"
            case _:
                return None

    def _key(self, action: Action) -> str:
        """A key that a journey may press."""
        return yaml_text(
            action.chord
            if action.key in PRESSABLE
            or (len(action.key) == 1 and action.key in (*CHARACTERS, " "))
            else missing(f"a key in place of {action.key}")
        )

    def _element(self, element: Called, *, false: bool = False) -> str:
        """The keys of an element; where it stands, a value that was put in is mentioned by name."""
        keys = [
            f"{key}: {yaml_text(f'not {words}' if false else words) if key != 'role' else words}"
            for key, words in element.keys
        ]
        if element.within:
            ((key, words),) = element.within.keys
            keys.append(f"in: {{{key}: {self._shown(words)}}}")
        if element.at:
            keys.append(f"at: {element.at}")
        return ", ".join(keys)

    def _shown(self, words: str, *, false: bool = False) -> str:
        """Words of the page, with the names of what was put in; or something else in its place."""
        shown = folded(words)[:LONGEST_VALUE]
        if not shown:
            return yaml_text("something" if false else "")
        if not plain(shown):
            return yaml_text(missing("words that were there"))
        names = {
            folded(value): name
            for name, value in self.lets.items()
            if value.strip() and not value.startswith(FILL_IN)
        }
        if not names:
            return yaml_text(f"not {shown}" if false else shown)
        longest_first = sorted(names, key=len, reverse=True)
        # One pass: what was put in its place must not be searched again.
        pattern = re.compile("|".join(whole_words(value).pattern for value in longest_first))
        wrong = false

        def hole(found: re.Match[str]) -> str:
            nonlocal wrong
            name, wrong_here = names[folded(found[0])], wrong
            wrong = False
            return drawn(name, like=self.lets[name])[1] if wrong_here else f"{{{{ {name} }}}}"

        shown = pattern.sub(hole, shown)
        return yaml_text(f"not {shown}" if wrong else shown)

    def _put_in(self, action: Action) -> str:
        """A name for what was typed, so that an expectation can mention it."""
        label = action.element.keys[-1][1] if action.element else ""
        value = action.text
        if action.secret or (value.strip() and not plain(value)):
            value = missing(f"what is typed here{': it was hidden' if action.secret else ''}")
        taken = {name for name, other in self.lets.items() if other != value}
        name = value_name(label, taken=taken)
        self.lets[name] = value
        return yaml_text(f"{{{{ {name} }}}}")

    def _opened(self, url: str) -> str | None:
        found = urlsplit(url)
        if f"{found.scheme}://{found.netloc}" != self.origin:
            return None
        path = (found.path or "/") + (f"?{found.query}" if found.query else "")
        good = plain(path) and path[:2] != "//" and "\\" not in path
        return f"open: {yaml_text(path)}" if good else None


def journey_of(actions: Sequence[Action], *, origin: str, name: str) -> str:
    """The text of a journey that does what was recorded. `check` accepts it, or names each place
    that is to be filled in."""
    text = _written(actions, origin=origin, name=name, complete=True)
    if all(TO_FILL_IN in one for one in complaints(text)):
        return text
    # Only what a person saw can be looked for: the lint's reasons stand in this question.
    return _written(actions, origin=origin, name=name, complete=False)


def _written(actions: Sequence[Action], *, origin: str, name: str, complete: bool) -> str:
    writer = Writer(origin)
    # What was looked at in the end is what must be seen; before, it is a step.
    end = len(actions)
    while end and actions[end - 1].looks and _sayable(actions[end - 1]):
        end -= 1
    steps = [line for lines in writer.lines(actions[:end]) for line in lines]
    if not next((line for line in steps if line.startswith("-")), "").startswith("- open"):
        steps.insert(0, "- open: /")
    looks = [look for one in actions[end:] if (look := writer.look(one))]
    guessed = [name for name, value in writer.lets.items() if not value.startswith(FILL_IN)]
    if complete and guessed and not any("{{" in look for look, _ in looks):
        looks.insert(
            0, (f'text: "{{{{ {guessed[0]} }}}}"    # a guess', f"text: {drawn(guessed[0])[1]}")
        )
    if not complete or not looks:
        seen, false = "words that must be there because of what was done", "words that must not be"
        looks.insert(0, (f"text: {yaml_text(missing(seen))}", f"text: {yaml_text(missing(false))}"))
    # One that depends on what was put in says the most.
    control = next((false for look, false in looks if "{{" in look), looks[0][1])
    lines = [
        "# Recorded. Complete each <fill in: …>, and take out what was done by chance.",
        f"journey: {name}",
        "promise: issue",
        *(("let:",) if writer.lets else ()),
        *(_let(name, value) for name, value in writer.lets.items()),
        "steps:",
        *(f"  {line}" for line in steps if line),
        "expect:    # what must then be seen: not before the change, and after it",
        *(f"  - {look}" for look, _ in looks),
        "  # - after_reload: same    # take it in where it must be kept",
        "twin:    # the negative control: the same look, plainly false",
        "  expect:",
        f"    - {control}",
    ]
    return "\n".join(lines) + "\n"


def _sayable(action: Action) -> bool:
    return Writer("").look(action) is not None


def _let(name: str, value: str) -> str:
    hint = (
        ""
        if value.startswith(FILL_IN)
        else f"    # where any will do: {yaml_text(drawn(name, like=value)[0])}"
    )
    return f"  {name}: {yaml_text(value)}{hint}"


def _is_part(action: Action, after: Sequence[Action]) -> bool:
    """Whether an action is only a part of a later one: the click into a field that is then filled,
    the keys by which its text is edited or that lead to it; the click that sending a form makes."""
    then = next((one for one in after if one.name != "press"), None)
    match action.name:
        case "openPage" | "closePage":
            return True
        # What comes of it is an action of its own.
        case "press" if action.chord in BROWSER_KEYS:
            return True
        case "click" if action.clicks == 0:
            return True
        case "click" if then and not action.asked and not action.downloads:
            return then.selector == action.selector and then.name in VALUED
        case "press" if then and action.key == "Tab":
            return then.name in (*VALUED, "click")
        case "press" if then:
            return (
                then.name == "fill" and then.selector == action.selector and action.key != "Enter"
            )
        case _:
            return False


def _called(action: Action) -> str:
    match action:
        case Action(name="click", clicks=2):
            return "a double click on"
        case Action(name="click", right=True):
            return "a click with the right button on"
        case Action(name="click") if action.held:
            return "a click with a key held on"
        case _:
            return action.name


def _dialog(asked: Asked) -> str:
    says = f"says: {_literal(folded(asked.message), 'the words of the dialog')}, "
    if asked.kind == "beforeunload":
        says = "kind: beforeunload, "
    if asked.kind == "prompt" and asked.accepted and asked.typed.strip():
        return f"{says}type: {_literal(asked.typed, 'what is typed into it')}"
    return f"{says}answer: {'accept' if asked.accepted or asked.kind == 'alert' else 'dismiss'}"


def _literal(words: str, what: str) -> str:
    """Words of the page as a text that means just these words; where it would not, a place."""
    return yaml_text(words if plain(words) else missing(what))


def _line(words: str) -> str:
    """Words of a page on one line."""
    return printable(re.sub(r"\s+", " ", words))[:LONGEST_LINE]
