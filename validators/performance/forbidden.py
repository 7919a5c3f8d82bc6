"""What was heard on the wire and the console, beside what must never be heard there."""

from __future__ import annotations

from dataclasses import dataclass
from operator import eq, ge, gt, le, lt
from urllib.parse import unquote, urlsplit

from validators.domain.journeys.journey import Forbidden, Never
from validators.ports.browser import Stage

ANY = "any"
_COMPARE = {">=": ge, "<=": le, "==": eq, ">": gt, "<": lt}


@dataclass(frozen=True, slots=True)
class Occurrence:
    """What was heard; empty when nothing was. `page`: it is the status of a page that somebody
    opened."""

    told: str
    page: bool = False


def occurrence(never: Never, stage: Stage) -> Occurrence:
    """What breaks this rule: the status of a page, or else the first of it. A text on a page is not
    heard but read."""
    if never.kind is not Forbidden.HTTP_STATUS:
        return Occurrence(_overheard(never, stage))
    compare, limit = _COMPARE[never.value[:-3].strip()], int(never.value[-3:])
    found = [
        Occurrence(f"{status} {path}", page)
        for status, path, page in stage.statuses
        if compare(status, limit)
    ]
    return next((one for one in found if one.page), found[0] if found else Occurrence(""))


def _overheard(never: Never, stage: Stage) -> str:
    match never.kind:
        case Forbidden.CONSOLE:
            return next((told for level, told in stage.console if level == never.value), "")
        case Forbidden.REQUEST:
            return next((path for path in stage.asked if is_path(path, never.value)), "")
        case Forbidden.OTHER_HOST:
            return next(
                (address for address in stage.refused if never.value in (ANY, host(address))), ""
            )
        case _:
            return ""


def is_path(asked: str, rule: str) -> bool:
    """Whether a path that was asked is the one of a rule, its query aside; or begins so, where the
    rule ends with `*`."""
    path = unquote(asked.partition("?")[0])
    return path.startswith(rule[:-1]) if rule.endswith("*") else path == rule


def host(address: str) -> str:
    """The host in an address, or in the `host:port` of a request for a tunnel."""
    try:
        return urlsplit(address if "//" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""
