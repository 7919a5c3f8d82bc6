"""Issue forms in GitHub's format (`.github/ISSUE_TEMPLATE`).

Forms are read from the default branch, so writers of the repository wrote them. They are still
treated as untrusted: no YAML tags, and limits on sizes and counts. An invalid form is left out, and
reported with its file and key.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.domain.plain import JsonObject
from harness.programs.local_forge.git import commits
from harness.programs.local_forge.git.objects import BareRepository
from harness.programs.local_forge.pages.strangers_text import is_safe_link

FOLDER = ".github/ISSUE_TEMPLATE"
MOST_BYTES, MOST_FORMS, MOST_ELEMENTS, MOST_OPTIONS = 64 * 1024, 20, 50, 100
# 20,000 brackets in a row took the YAML reader 15 seconds.
MOST_BRACKETS = 1_000
_ENDINGS = (".yml", ".yaml")
_SETTINGS = ("config.yml", "config.yaml")
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


class Malformed(ValueError):
    """A document that is not a valid form; the message names the key and what was expected."""


@dataclass(frozen=True, slots=True)
class Prose:
    """`markdown`: text to read, not part of the issue."""

    text: str


@dataclass(frozen=True, slots=True)
class FormField:
    """What every question has. `id` is unique in its form."""

    id: str
    label: str
    description: str
    required: bool


@dataclass(frozen=True, slots=True)
class Input(FormField):
    """`input`: one line."""

    placeholder: str
    value: str


@dataclass(frozen=True, slots=True)
class TextArea(FormField):
    """`textarea`: several lines; with `render`, the answer becomes a code block in that
    language."""

    placeholder: str
    value: str
    render: str


@dataclass(frozen=True, slots=True)
class Dropdown(FormField):
    """`dropdown`: one of the options, or several with `multiple`. `default` is an index from 0."""

    options: tuple[str, ...]
    multiple: bool
    default: int | None


@dataclass(frozen=True, slots=True)
class Tick:
    """One checkbox of `checkboxes`."""

    label: str
    required: bool


@dataclass(frozen=True, slots=True)
class Checkboxes(FormField):
    """`checkboxes`: a list of checkboxes, some required."""

    ticks: tuple[Tick, ...]


Element = Prose | Input | TextArea | Dropdown | Checkboxes


@dataclass(frozen=True, slots=True)
class IssueForm:
    """One form. Its `labels` are added to the issue, as far as the repository has them."""

    file: str
    name: str
    description: str
    title: str
    labels: tuple[str, ...]
    elements: tuple[Element, ...]


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact link of `config.yml`."""

    name: str
    about: str
    url: str


@dataclass(frozen=True, slots=True)
class Templates:
    """The content of the folder. `mistakes` describe the documents that cannot be used,
    one line each."""

    forms: tuple[IssueForm, ...] = ()
    contacts: tuple[Contact, ...] = ()
    blank: bool = True
    mistakes: tuple[str, ...] = ()

    def form(self, file: str) -> IssueForm | None:
        """The form in that file; None where there is none."""
        return next((form for form in self.forms if form.file == file), None)


def templates(git: BareRepository, commit: str | None) -> Templates:
    """The issue forms at a commit. Without a commit or a folder, only blank issues."""
    folder = commits.entry_at(git, commit, FOLDER) if commit else None
    if folder is None or folder.kind != "tree":
        return Templates()
    forms, mistakes, settings = [], [], Templates()
    for file, content in _documents(git, folder.sha):
        try:
            document = _loaded(content)
            if file in _SETTINGS:
                settings = _settings(document)
            else:
                forms.append(form_from(file, document))
        except Malformed as wrong:
            mistakes.append(f"{FOLDER}/{file}: {wrong}")
    # Without any form or contact, a blank issue is the only way to file one.
    blank = settings.blank or not (forms or settings.contacts)
    return Templates(tuple(forms), settings.contacts, blank, tuple(mistakes))


def form_from(file: str, document: object) -> IssueForm:
    """The form in a parsed document. Raises Malformed."""
    top = _mapping(document, "the document")
    elements = _list(top.get("body"), "body", most=MOST_ELEMENTS)
    found = tuple(_element(one, f"body[{place}]", place) for place, one in enumerate(elements))
    ids = [one.id for one in found if isinstance(one, FormField)]
    if not ids:
        raise Malformed(
            "body asks nothing: expected at least one input, textarea, dropdown or checkboxes"
        )
    if twice := next((one for one in ids if ids.count(one) > 1), None):
        raise Malformed(f"the id {twice} is there twice: each must be unique")
    return IssueForm(
        file,
        _text(top, "name", needed=True),
        _text(top, "description"),
        _text(top, "title"),
        _labels(top.get("labels")),
        found,
    )


def _documents(git: BareRepository, folder: str) -> Iterator[tuple[str, bytes]]:
    entries = [
        one
        for one in commits.tree(git, folder)
        if one.kind == "blob" and one.path.endswith(_ENDINGS)
    ]
    for entry in entries[:MOST_FORMS]:
        if (entry.size or 0) <= MOST_BYTES:
            yield entry.path, git.raw("cat-file", "blob", entry.sha)


def _loaded(content: bytes) -> object:
    # Imported here: most pages have no form, and the forge starts faster without it.
    import yaml

    # Before parsing: deep nesting is what makes the YAML reader slow.
    if content.count(b"[") + content.count(b"{") > MOST_BRACKETS:
        raise Malformed(f"holds more than {MOST_BRACKETS:,} brackets")
    try:
        return yaml.safe_load(content.decode())
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        raise Malformed(
            f"line {line + 1}: is no YAML" if line is not None else "is no YAML"
        ) from None


def _settings(document: object) -> Templates:
    top = _mapping(document, "the document")
    links = _list(top.get("contact_links") or [], "contact_links", most=MOST_FORMS)
    return Templates(
        contacts=tuple(_contact(one, f"contact_links[{place}]") for place, one in enumerate(links)),
        blank=_flag(top, "blank_issues_enabled", default=True),
    )


def _contact(given: object, at: str) -> Contact:
    link = _mapping(given, at)
    url = _text(link, "url", at=at, needed=True)
    if not is_safe_link(url) or not url.startswith(("http://", "https://")):
        raise Malformed(f"{at}.url must be an http or https address")
    return Contact(_text(link, "name", at=at, needed=True), _text(link, "about", at=at), url)


def _element(given: object, at: str, place: int) -> Element:
    element = _mapping(given, at)
    attributes, under = _mapping(element.get("attributes"), f"{at}.attributes"), f"{at}.attributes"
    kind = element.get("type")
    if kind == "markdown":
        return Prose(_text(attributes, "value", at=under, needed=True))
    rules = _mapping(element.get("validations") or {}, f"{at}.validations")
    common = (
        _id(element.get("id"), at, place),
        _text(attributes, "label", at=under, needed=True),
        _text(attributes, "description", at=under),
        _flag(rules, "required", at=f"{at}.validations", default=False),
    )
    match kind:
        case "input":
            return Input(
                *common,
                _text(attributes, "placeholder", at=under),
                _text(attributes, "value", at=under),
            )
        case "textarea":
            words = (
                _text(attributes, name, at=under) for name in ("placeholder", "value", "render")
            )
            return TextArea(*common, *words)
        case "dropdown":
            return _dropdown(common, attributes, under)
        case "checkboxes":
            return Checkboxes(*common, _ticks(attributes.get("options"), f"{under}.options"))
        case _:
            raise Malformed(f"{at}.type must be markdown, input, textarea, dropdown or checkboxes")


def _dropdown(common: tuple[str, str, str, bool], attributes: JsonObject, at: str) -> Dropdown:
    given = _list(attributes.get("options"), f"{at}.options", most=MOST_OPTIONS)
    options = tuple(_word(one, f"{at}.options[{place}]") for place, one in enumerate(given))
    if len(set(options)) != len(options) or not options:
        raise Malformed(f"{at}.options must be at least one, each different from the others")
    default = attributes.get("default")
    if default is not None and (
        isinstance(default, bool)
        or not isinstance(default, int)
        or default not in range(len(options))
    ):
        raise Malformed(
            f"{at}.default must be the place of an option, from 0 to {len(options) - 1}"
        )
    return Dropdown(*common, options, _flag(attributes, "multiple", at=at, default=False), default)


def _ticks(given: object, at: str) -> tuple[Tick, ...]:
    found = [
        _mapping(one, f"{at}[{place}]")
        for place, one in enumerate(_list(given, at, most=MOST_OPTIONS))
    ]
    ticks = tuple(
        Tick(
            _text(one, "label", at=f"{at}[{place}]", needed=True),
            _flag(one, "required", at=f"{at}[{place}]", default=False),
        )
        for place, one in enumerate(found)
    )
    if not ticks:
        raise Malformed(f"{at} must be at least one checkbox")
    return ticks


def _id(given: object, at: str, place: int) -> str:
    if given is None:
        return f"field-{place}"
    if not isinstance(given, str) or not _ID.fullmatch(given):
        raise Malformed(f"{at}.id must be letters, digits, hyphens and underscores")
    return given


def _labels(given: object) -> tuple[str, ...]:
    listed = (
        given.split(",")
        if isinstance(given, str)
        else _list(given or [], "labels", most=MOST_OPTIONS)
    )
    return tuple(_word(one, f"labels[{place}]").strip() for place, one in enumerate(listed))


def _mapping(given: object, at: str) -> JsonObject:
    if not isinstance(given, dict):
        raise Malformed(f"{at} must be a mapping")
    return given


def _list(given: object, at: str, *, most: int) -> Sequence[object]:
    if not isinstance(given, list) or len(given) > most:
        raise Malformed(f"{at} must be a list of at most {most}")
    return given


def _text(under: JsonObject, key: str, *, at: str = "", needed: bool = False) -> str:
    given, name = under.get(key), f"{at}.{key}" if at else key
    if given is None and not needed:
        return ""
    if given is None:
        raise Malformed(f"{name} is missing")
    text = _word(given, name)
    if needed and not text.strip():
        raise Malformed(f"{name} must not be empty")
    return text


def _word(given: object, at: str) -> str:
    """Text, or a number as text. YAML reads an unquoted `yes` or `no` as a boolean,
    which is refused."""
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise Malformed(f"{at} must be text; put it in quotes")
    return str(given)


def _flag(under: JsonObject, key: str, *, at: str = "", default: bool) -> bool:
    given = under.get(key, default)
    if not isinstance(given, bool):
        raise Malformed(f"{at + '.' if at else ''}{key} must be true or false")
    return given
