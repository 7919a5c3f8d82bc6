"""Traversal of a journey: its templates, its claims, and the texts that its steps state."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from validators.domain.journeys.calls import AnswerIs, Call, RememberAnswer
from validators.domain.journeys.claim import Claim, ListClaim, templates
from validators.domain.journeys.commands import ExitIs, FileLeft, OutputHas, Run
from validators.domain.journeys.journey import (
    Absent,
    Block,
    Clear,
    Click,
    CountIs,
    Expect,
    Fill,
    Journey,
    Look,
    Open,
    PathIs,
    Press,
    Remember,
    RowHas,
    Select,
    Step,
    TextIs,
    Tick,
    TitleIs,
    ValueIs,
    Visible,
)
from validators.domain.journeys.looks import (
    ColumnHas,
    DescriptionIs,
    FileHas,
    FilePart,
    Focused,
    HeadersAre,
    ItemsAre,
    LeadsTo,
    OptionsAre,
    ParameterIs,
    RowsAre,
    StateIs,
    StatusIs,
    TreeIs,
)
from validators.domain.journeys.steps import (
    Dialog,
    Download,
    Hover,
    Type,
    Upload,
)
from validators.domain.journeys.target import Target
from validators.domain.journeys.values import Template, slug
from validators.domain.journeys.wording import matches


def looks(blocks: Iterable[Block]) -> tuple[Look, ...]:
    """Every look of every block, in order."""
    return tuple(look for block in blocks for look in block.looks)


def positive(look: Look) -> bool:
    """False for a look that a blank or unfinished page satisfies."""
    match look:
        case Absent():
            return False
        case AnswerIs():
            return look.positive
        case FileLeft(there=False):
            return False
        # A command that does nothing ends with 0 and prints nothing.
        case ExitIs():
            return not all(_holds_of("0", claim) for claim in look.claims)
        case OutputHas(has=None, json=json):
            return not all(claim.negative for claim in (*claims_of(look), *json))
        case CountIs() | RowsAre() | TitleIs():
            nothing = "" if isinstance(look, TitleIs) else "0"
            return not all(_holds_of(nothing, claim) for claim in look.claims)
        case ItemsAre(lists=listed, order=order):
            return order is not None or not all(claim.negative for claim in listed)
        case ParameterIs(lists=listed, claims=claims):
            none = all(claim.negative for claim in listed)
            return not (none and all(_holds_of("0", claim) for claim in claims))
        # Both fail for a table without rows.
        case ColumnHas(each=each, order=order) if each or order:
            return True
        case (
            TextIs()
            | ValueIs()
            | PathIs()
            | DescriptionIs()
            | LeadsTo()
            | ColumnHas()
            | HeadersAre()
            | OptionsAre()
        ):
            return not all(claim.negative for claim in claims_of(look))
        case _:
            return True


def _holds_of(nothing: str, claim: Claim) -> bool:
    """Whether the claim holds for this text. False if that depends on a value that is drawn."""
    if any(template.holes for template in claim.wanted):
        return False
    return matches(nothing, claim.match, *(template.source for template in claim.wanted))


def claims_of(look: Look) -> tuple[Claim | ListClaim, ...]:
    """Every claim of a look."""
    match look:
        case (
            TextIs()
            | ValueIs()
            | CountIs()
            | PathIs()
            | TitleIs()
            | RowsAre()
            | DescriptionIs()
            | LeadsTo()
            | StatusIs()
            | ExitIs()
        ):
            return look.claims
        case OutputHas(claims=claims, lists=listed):
            return (*claims, *listed)
        case OptionsAre(lists=lists) | HeadersAre(lists=lists) | ItemsAre(lists=lists):
            return lists
        case ParameterIs(lists=lists, claims=claims):
            return (*lists, *claims)
        case ColumnHas(lists=lists, each=each):
            return (*lists, *each)
        case RowHas(named=named):
            return tuple(claim for cell in named for claim in cell.claims)
        case _:
            return ()


def headers_of(look: Look) -> tuple[Template, ...]:
    """The headers of the columns that a look is about."""
    match look:
        case ColumnHas(header=header):
            return (header,)
        case RowHas(named=named):
            return tuple(cell.header for cell in named)
        case ParameterIs(name=name):
            return (name,)
        case _:
            return ()


def _shown_headers(look: Look) -> tuple[Template, ...]:
    """The headers of columns; the name of a parameter stands in an address alone."""
    return () if isinstance(look, ParameterIs) else headers_of(look)


def target_of(part: Step | Look) -> Target | None:
    """The element that a step acts on or a look is about, if it names one."""
    match part:
        case (
            Fill()
            | Click()
            | Select()
            | Tick()
            | Clear()
            | Remember()
            | ValueIs()
            | Visible()
            | Absent()
            | CountIs()
        ):
            return part.target
        case (
            Hover()
            | Upload()
            | Focused()
            | OptionsAre()
            | ItemsAre()
            | StateIs()
            | DescriptionIs()
            | LeadsTo()
        ):
            return part.target
        case ParameterIs(target=target):
            return target
        case Press(target=target) | Download(target=target) | TextIs(target=target):
            return target
        case RowHas() | ColumnHas() | HeadersAre() | RowsAre() | TreeIs():
            return part.within
        case _:
            return None


def target_templates(target: Target | None, *, shown: bool = False) -> Iterator[Template]:
    """Every template by which an element is named; `shown`: only those that stand on its page."""
    while target is not None:
        leads_to = None if shown else target.leads_to
        named = (target.name, target.label, target.words, target.under, target.beside, leads_to)
        yield from (template for template in named if template)
        target = target.within


def values_of(part: Step | Look) -> tuple[Template, ...]:
    """The values that a step puts in or a look compares with, without the names of elements."""
    match part:
        case Open(path=value) | Fill(value=value) | Select(option=value) | Type(value=value):
            return (value,)
        case Upload(files=files):
            return tuple(template for file in files for template in file.templates)
        case Run():
            return part.templates
        case OutputHas(has=FileHas() as has):
            return has.values
        case OutputHas(json=json) if json:
            return tuple(template for claim in json for template in claim.templates())
        case FileLeft(path=name, has=has):
            return (name, *(has.values if has else ()))
        case Download(path=path):
            return (path,) if path else ()
        case Call() | AnswerIs():
            return tuple(part.templates())
        case RememberAnswer(pointer=pointer):
            return (pointer,) if pointer else ()
        case Dialog(message=message, text=text):
            return tuple(template for template in (message, text) if template)
        case FileHas(values=values):
            return values
        case RowHas(cells=cells) if cells:
            return cells
        case TreeIs(patterns=patterns):
            return tuple(template for pattern in patterns for template in pattern.templates())
        case _:
            return tuple(templates(claims_of(part))) if isinstance(part, Look) else ()


def templates_of(part: Step | Look) -> tuple[Template, ...]:
    """Every template of a step or look."""
    if isinstance(part, Expect):
        return tuple(template for look in part.looks for template in templates_of(look))
    headers = headers_of(part) if isinstance(part, Look) else ()
    return (*values_of(part), *headers, *target_templates(target_of(part)))


def field_of(step: Step) -> str | None:
    """The slug of `filled.<slug>` for what the step puts in; None if it puts nothing in."""
    if not isinstance(step, Fill | Select | Tick | Upload):
        return None
    named = step.target.label or step.target.name
    return slug(named.source) if named else None


def stated(steps: Iterable[Step]) -> tuple[str, ...]:
    """The literal texts of steps: what is typed, picked or in a file, and the names of what is
    clicked."""
    texts: list[str] = []
    for step in steps:
        if isinstance(step, Fill | Select | Type):
            texts += [value.source for value in values_of(step) if not value.holes]
        # The text of a file has many cells, and a page shows them one by one.
        if isinstance(step, Upload | Run):
            # The tool's own name is not something that is put in.
            put_in = values_of(step)[1 if isinstance(step, Run) else 0 :]
            texts += [piece for value in put_in for piece in re.split(r"[\n,;\t]", value.literal)]
        if isinstance(step, Call):
            files = tuple(step.file_templates())
            sent = [one for one in values_of(step) if one is not step.path and one not in files]
            texts += [value.source for value in sent if not value.holes]
            texts += [piece for one in files for piece in re.split(r"[\n,;\t]", one.literal)]
        if isinstance(step, Click):
            texts += [
                template.source for template in target_templates(step.target) if not template.holes
            ]
    return tuple(dict.fromkeys(text.strip() for text in texts if text.strip()))


def required(journey: Journey) -> tuple[Template, ...]:
    """The texts that must stand on a page for the positive expectations of the journey to hold,
    with the names of elements."""
    wanted = [
        look
        for look in (*journey.looks_on_the_way, *looks(journey.expect))
        if positive(look) and not _about_a_file_itself(look)
    ]
    read = (template for look in wanted for template in _read(look))
    names = (
        template
        for look in wanted
        for template in (*_shown_headers(look), *target_templates(target_of(look), shown=True))
    )
    return tuple(dict.fromkeys((*read, *names)))


def _read(look: Look) -> Iterator[Template]:
    """What must stand on a page for the look to hold."""
    # A number of elements, a status and an address stand on no page.
    if isinstance(look, CountIs | RowsAre | PathIs | StatusIs | LeadsTo | ParameterIs | ExitIs):
        return
    if isinstance(look, AnswerIs):
        yield from look.read()
    yield from (template for claim in claims_of(look) for template in claim.read)
    if isinstance(look, FileHas | TreeIs) or (isinstance(look, RowHas) and look.cells):
        yield from values_of(look)
    if isinstance(look, OutputHas | FileLeft) and look.has:
        yield from look.has.values
    if isinstance(look, OutputHas):
        yield from (template for claim in look.json for template in claim.read())


def counts_in_a_file(look: Look) -> bool:
    """Whether a look counts the lines or rows of a file or of what a command printed."""
    has = look.has if isinstance(look, OutputHas | FileLeft) else look
    return (
        isinstance(has, FileHas) and has.part in (FilePart.LINES, FilePart.ROWS) and not has.exact
    )


def _about_a_file_itself(look: Look) -> bool:
    """Whether the look is about the name or the length of a file, which stand on no page."""
    return counts_in_a_file(look) or (isinstance(look, FileHas) and look.part is FilePart.NAME)


def runs(steps: Iterable[Step]) -> tuple[Run, ...]:
    """Every command among the steps."""
    return tuple(step for step in steps if isinstance(step, Run))
