"""The issue for a group of errors. Everything that the app reported is a stranger's text: in a
fence, cut, without what may be a credential or an address of a person."""

import re
from datetime import datetime

from harness.domain.error_groups import ErrorSample
from harness.domain.facts import UNKNOWN
from harness.domain.shortened import count
from harness.factory.records.error_groups import NewGroup
from harness.factory.records.link import UrlFor
from harness.factory.reporting.comments.inert import code, fenced, inline, words_only
from harness.factory.reporting.times import moment

MARKER = "Error group `"
MOST_TITLE = 120
SHOWN_FRAMES, SHOWN_RELEASES = 12, 5
HIDDEN = "(the app's message is not shown: it may hold a credential)"
_ADDRESS = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_USER = re.compile(r"://[^\s/@]{1,200}@")


def marker_of(group: str) -> str:
    """What the body begins with, and by which the issue is found again."""
    # It can be seen: what is hidden in an issue makes it suspect.
    return f"{MARKER}{group}`:"


def error_title(sample: ErrorSample) -> str:
    """The issue's title. It has no message of the app, only the kind of error and its place."""
    return words_only(f"Error of the running app {error_words(sample)}")[:MOST_TITLE].strip()


def error_words(sample: ErrorSample) -> str:
    """The kind of an error and its place, without its message. A stranger's text."""
    calls = [frame.function for frame in sample.frames[-1:] if frame.function]
    where = " in ".join(("", *(calls or ([sample.place] if sample.place else []))))
    return f"{sample.type}{where}"


def error_body(found: NewGroup, sample: ErrorSample, link: UrlFor) -> str:
    """The issue's body, with its marker first."""
    first = min(one.first_at for one in found.releases)
    last = max(one.last_at for one in found.releases)
    facts = [
        f"- Release: {_release(found, link)}",
        f"- Seen: {count(found.count, 'time')} until this was filed, first at {_moment(first)},"
        f" last at {_moment(last)}",
    ]
    others = [code(one.release) for one in found.releases if one.release != found.release]
    if others:
        more = len(others) - SHOWN_RELEASES
        names = ", ".join(others[:SHOWN_RELEASES]) + (f" and {more} more" if more > 0 else "")
        facts.append(f"- Also in: {names}")
    if sample.environment:
        facts.append(f"- Environment: {inline(sample.environment)}")
    return "\n\n".join(
        (
            f"{marker_of(found.group)} the running app reports this error. What stands in the frame"
            " is the app's own text, which may hold words of strangers.",
            fenced(_report(sample)),
            "\n".join(facts),
        )
    )


def _release(found: NewGroup, link: UrlFor) -> str:
    landing = found.landing
    if landing is None:
        name = f"{code(found.release)}, " if found.release else ""
        return f"{name}unknown: no landing of the factory has that commit"
    words = "the revert of" if landing.is_revert else "which landed for"
    return (
        f"[`{landing.commit:.10}`]({link(f'commit/{landing.commit}')}), {words}"
        f" [#{landing.issue}]({link(f'issues/{landing.issue}')})"
    )


def _report(sample: ErrorSample) -> str:
    lines = [": ".join(filter(None, (sample.type, _message(sample.message))))]
    if sample.place:
        lines.append(f"in {sample.place}")
    for frame in sample.frames[-SHOWN_FRAMES:]:
        place = f"{frame.file}, line {frame.line}" if frame.line else frame.file
        lines.append(f"  {', in '.join(filter(None, (place, frame.function)))}")
    # The marker of another group has backticks, so no text of an app can be one.
    return "\n".join(lines).replace("`", "'")


def _message(text: str) -> str:
    """The app's message. Where it may hold a credential, or nobody can look, a sentence instead."""
    from harness.governance.facts.secrets import secrets_in

    found = secrets_in({b"message": text.encode("utf-8", "replace")})
    if found is UNKNOWN or found:
        return HIDDEN
    return _ADDRESS.sub("(an address)", _USER.sub("://", text))


def _moment(text: str) -> str:
    return moment(datetime.fromisoformat(text))
