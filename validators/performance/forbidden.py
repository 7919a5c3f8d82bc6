"""Finds what must never happen in the recorded requests, answers and console messages."""

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
    """Something forbidden that happened; the text is empty if nothing did. `page`: it is the status
    of a page that somebody opened."""

    text: str
    page: bool = False


def is_known(never: Never, stage: Stage) -> bool:
    """Whether all that could break this rule was recorded."""
    asked = (Forbidden.HTTP_STATUS, Forbidden.REQUEST, Forbidden.OTHER_HOST)
    return never.kind not in asked or not stage.unrecorded


def occurrence(never: Never, stage: Stage) -> Occurrence:
    """What breaks this rule: preferably the status of a page, else the first occurrence.

    Texts on pages are not recorded; `journey_run` reads them at each step."""
    if never.kind is not Forbidden.HTTP_STATUS:
        return Occurrence(_first(never, stage))
    compare, limit = _COMPARE[never.value[:-3].strip()], int(never.value[-3:])
    found = [
        Occurrence(f"{status} {path}", page)
        for status, path, page in stage.statuses
        if compare(status, limit)
    ]
    return next((one for one in found if one.page), found[0] if found else Occurrence(""))


def _first(never: Never, stage: Stage) -> str:
    match never.kind:
        case Forbidden.CONSOLE:
            return next((text for level, text in stage.console if level == never.value), "")
        case Forbidden.REQUEST:
            return next((path for path in stage.requests if is_path(path, never.value)), "")
        case Forbidden.OTHER_HOST:
            refused = stage.refused_requests
            return next((one for one in refused if never.value in (ANY, host(one))), "")
        case _:
            return ""


def is_path(asked: str, rule: str) -> bool:
    """Whether a requested path, without its query, is the path of a rule; or begins with it, if the
    rule ends with `*`."""
    path = unquote(asked.partition("?")[0])
    return path.startswith(rule[:-1]) if rule.endswith("*") else path == rule


def host(address: str) -> str:
    """The host in an address, or in the `host:port` of a CONNECT request; empty if there is
    none."""
    try:
        return urlsplit(address if "//" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""
