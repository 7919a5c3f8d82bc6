"""HTTP calls of a journey: the request with its values, and looks at the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import unquote, urlencode

from validators.domain.errors import ExpressionInvalid, Unable
from validators.domain.event_stream import EVENT_STREAM, events_in
from validators.domain.evidence import Trouble
from validators.domain.journeys.calls import (
    Answer,
    AnswerIs,
    Call,
    HeaderClaim,
    JsonClaim,
    JsonShape,
    Method,
    RememberAnswer,
    Request,
    agrees,
    json_value,
)
from validators.domain.journeys.claim import Claim, Match
from validators.domain.journeys.values import Values
from validators.domain.journeys.wording import matches, ordered, path_matches, well_formed
from validators.domain.json_values import MISSING, at, is_of_type, read_json, text_of
from validators.domain.shortened import cut
from validators.domain.socket_messages import messages_text
from validators.performance.comparing import described
from validators.performance.file_looks import made
from validators.performance.look_result import LookResult

JSON, FORM, TEXT = (
    "application/json",
    "application/x-www-form-urlencoded",
    "text/plain; charset=utf-8",
)
_FILE_NAME = re.compile(r"filename\*\s*=\s*utf-8'[^';]{0,20}'([^;\s]{1,400})", re.IGNORECASE)
LONGEST_DISPOSITION = 1_000
SHOWN = 120
"""Characters of a value that are shown where it is not as expected."""


def request_of(step: Call, values: Values) -> Request:
    """The request of a step with the values of this moment. Raises ExpressionInvalid, or Unable for
    a path that is none of the app's."""
    path = values.text(step.path)
    if not path.startswith("/") or path.startswith("//") or "\\" in path:
        raise Unable(Trouble.NO_VALUE, f"{path!r} is no path of the app")
    if step.query:
        asked = urlencode([(name, values.text(value)) for name, value in step.query])
        path += ("&" if "?" in path else "?") + asked
    headers = [(name, values.text(value)) for name, value in step.headers]
    kind, content = _body(step, values)
    if kind and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", kind))
    if wrong := [name for name, value in headers if not _sendable(value)]:
        raise Unable(Trouble.NO_VALUE, f"header {wrong[0]}: its value cannot be sent")
    return Request(step.method, path, tuple(headers), content, step.follow, step.events)


def _body(step: Call, values: Values) -> tuple[str, bytes]:
    if step.files:
        return _multipart(step, values)
    if step.json is not None:
        return JSON, json.dumps(json_value(step.json, values), ensure_ascii=False).encode()
    if step.form is not None:
        return FORM, urlencode([(name, values.text(one)) for name, one in step.form]).encode()
    return (TEXT, values.text(step.text).encode()) if step.text is not None else ("", b"")


def _multipart(step: Call, values: Values) -> tuple[str, bytes]:
    """The fields and the files as one form (RFC 7578)."""
    parts = [
        (f'name="{_quoted(name)}"', values.text(one).encode()) for name, one in step.form or ()
    ]
    for name, file in step.files:
        own = made(file, values)
        head = f'name="{_quoted(name)}"; filename="{_quoted(own.name)}"\r\nContent-Type: {own.kind}'
        parts.append((head, own.content))
    # Derived from what is sent, so that equal draws send equal bytes.
    boundary = sha256(b"".join(content for _, content in parts)).hexdigest()[:32]
    sent = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode()
        + content
        + b"\r\n"
        for head, content in parts
    )
    return f"multipart/form-data; boundary={boundary}", sent + f"--{boundary}--\r\n".encode()


def _quoted(name: str) -> str:
    """A name as browsers write it (https://html.spec.whatwg.org/#multipart-form-data)."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _sendable(value: str) -> bool:
    return value.isprintable() and all(ord(char) < 256 for char in value)


def answer_kept(step: RememberAnswer, values: Values) -> None:
    """Keep a value of an answer as a name. Raises Unable when it is not there, ExpressionInvalid
    when there is no such answer."""
    answer = _answer(step.of, values)
    if step.pointer is None:
        value = header_text(answer, step.header)
        if value is None:
            raise Unable(Trouble.MISSING, f"the answer has no header {step.header}")
    else:
        pointer = values.text(step.pointer)
        value = at(_document(answer), pointer)
        if value is MISSING or isinstance(value, dict | list):
            raise Unable(Trouble.MISSING, f"the answer has no text or number at {pointer!r}")
    values.names[step.name] = well_formed(text_of(value))
    number = isinstance(value, int | float) and not isinstance(value, bool)
    (values.numbers.add if number else values.numbers.discard)(step.name)


def header_text(answer: Answer, name: str) -> str | None:
    """The value of a header; of `Location` without the app's own origin."""
    value = answer.header(name)
    if value is not None and name.lower() == "location":
        own = value == answer.origin or value.startswith(f"{answer.origin}/")
        value = value.removeprefix(answer.origin) or "/" if own else value
    return value


def file_name(answer: Answer) -> str:
    """The name under which a browser would keep the answer (RFC 6266); empty if it has none."""
    value = (answer.header("Content-Disposition") or "")[:LONGEST_DISPOSITION]
    if found := _FILE_NAME.search(value):
        return unquote(found[1])
    # The library is slow to import, and few answers are files.
    from email.message import Message

    message = Message()
    message["Content-Disposition"] = value
    return message.get_filename() or ""


def answer_look_result(look: AnswerIs, values: Values) -> LookResult:
    """The result of a look at an answer: of several claims, what is shown are those that do not
    hold. Raises ExpressionInvalid for an answer that has not come, or a value that nothing set."""
    answer = _answer(look.of, values)
    return _whole(tuple(_results(look, answer, values)))


def document_look_result(content: bytes, claims: Sequence[JsonClaim], values: Values) -> LookResult:
    """The same of the JSON value that a command printed. Raises ExpressionInvalid."""
    try:
        document = read_json(content)
    except ValueError as error:
        return LookResult(False, "a JSON value", f"the output is no JSON: {error}")
    return _whole(tuple(_at_pointers(document, claims, values)))


def _whole(found: Sequence[LookResult]) -> LookResult:
    shown = [one for one in found if not one.holds] or found
    return LookResult(
        len(shown) == len(found) and all(one.holds for one in found),
        "; ".join(one.expected for one in shown),
        "; ".join(one.observed for one in shown),
    )


def _results(look: AnswerIs, answer: Answer, values: Values) -> Iterator[LookResult]:
    if look.status:
        yield _compared("status", str(answer.status), look.status, values)
    for header in look.headers:
        yield _header(header, answer, values)
    if look.path:
        holds = _all(answer.path, look.path, values, by=path_matches)
        yield LookResult(holds, f"path {described(look.path, values)}", answer.path)
    if look.name:
        yield _compared("file name", file_name(answer), look.name, values)
    if look.size:
        yield _compared("bytes", str(len(answer.content)), look.size, values)
    if look.text:
        text = _text(answer)
        yield (
            _compared("text", text, look.text, values)
            if text is not None
            else LookResult(False, "text", f"{len(answer.content)} bytes that are no text in UTF-8")
        )
    if look.json or look.schema:
        yield from _of_document(look, answer, values)


def _of_document(look: AnswerIs, answer: Answer, values: Values) -> Iterator[LookResult]:
    try:
        document = _document(answer)
    except Unable as no_json:
        yield LookResult(False, "a JSON value", str(no_json))
        return
    yield from _at_pointers(document, look.json, values)
    if look.schema:
        wrong = _against(document, look.schema)
        yield LookResult(not wrong, "as the schema has it", wrong or "as the schema has it")


def _at_pointers(
    document: Any, claims: Sequence[JsonClaim], values: Values
) -> Iterator[LookResult]:
    for claim in claims:
        pointer = values.text(claim.pointer)
        value = at(document, pointer)
        for expected, holds in _claimed(claim, value, values):
            place = repr(pointer)
            yield LookResult(holds, f"{place} {expected}", f"{place} is {_shown(value)}")


def _claimed(claim: JsonClaim, value: Any, values: Values) -> Iterator[tuple[str, bool]]:
    """Each part of a claim in words, and whether it holds."""
    if claim.equals is not None:
        wanted = json_value(claim.equals, values)
        yield f"equals {_shown(wanted)}", agrees(value, claim.equals, values, whole=True)
    if claim.contains is not None:
        wanted = json_value(claim.contains, values)
        yield f"contains {_shown(wanted)}", _holds(value, claim.contains, values)
    if claim.not_contains is not None:
        wanted = json_value(claim.not_contains, values)
        holds = value is not MISSING and not _holds(value, claim.not_contains, values)
        yield f"not_contains {_shown(wanted)}", holds
    if claim.kind is not None:
        yield f"is {claim.kind}", is_of_type(value, claim.kind)
    if claim.count:
        counted = isinstance(value, dict | list)
        number = str(len(value)) if counted else ""
        holds = counted and _all(number, claim.count, values)
        yield f"count {described(claim.count, values)}", holds
    if claim.claims:
        scalar = isinstance(value, str | int | float) and not isinstance(value, bool)
        holds = scalar and _all(text_of(value), claim.claims, values)
        yield described(claim.claims, values), holds
    if claim.each:
        holds = isinstance(value, list) and bool(value)
        yield "each as claimed", holds and all(_is(one, claim.each, values) for one in value)
    if claim.order is not None:
        by = f" by {claim.by}" if claim.by else ""
        keys = [at(one, claim.by) for one in value] if isinstance(value, list) else []
        scalars = all(isinstance(key, str | int | float) for key in keys)
        holds = scalars and ordered([text_of(key) for key in keys], claim.order)
        yield f"sorted {claim.order}{by}", holds


def _holds(value: Any, shape: JsonShape, values: Values) -> bool:
    """Whether a text has these words, an array such an entry, an object these members."""
    if isinstance(value, list):
        return any(agrees(one, shape, values, whole=False) for one in value)
    if isinstance(value, str):
        return matches(value, Match.CONTAINS, text_of(json_value(shape, values)))
    return agrees(value, shape, values, whole=False)


def _is(entry: Any, claims: Sequence[JsonClaim], values: Values) -> bool:
    return all(
        holds
        for claim in claims
        for _, holds in _claimed(claim, at(entry, values.text(claim.pointer)), values)
    )


def _header(claim: HeaderClaim, answer: Answer, values: Values) -> LookResult:
    value = header_text(answer, claim.name)
    if claim.absent:
        return LookResult(value is None, f"no header {claim.name}", value or "")
    if value is None:
        expected = f"header {claim.name} {described(claim.claims, values)}"
        return LookResult(False, expected, f"no header {claim.name}")
    by = path_matches if claim.name.lower() == "location" else matches
    holds = _all(value, claim.claims, values, by=by)
    return LookResult(holds, f"header {claim.name} {described(claim.claims, values)}", value)


def _compared(what: str, text: str, claims: Sequence[Claim], values: Values) -> LookResult:
    return LookResult(
        _all(text, claims, values), f"{what} {described(claims, values)}", f"{what} {text}"
    )


def _all(text: str, claims: Sequence[Claim], values: Values, *, by: Any = matches) -> bool:
    return all(
        by(text, claim.match, *(values.text(template) for template in claim.wanted))
        for claim in claims
    )


def _answer(name: str, values: Values) -> Answer:
    if name not in values.answers:
        what = f"no answer {name!r}" if name else "no answer"
        raise ExpressionInvalid(f"{what} has come at this point of the journey")
    return values.answers[name]


def _text(answer: Answer) -> str | None:
    try:
        if answer.request.method is Method.SOCKET:
            return messages_text(answer.content)
        return answer.content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _document(answer: Answer) -> Any:
    """The JSON value of an answer; of an event stream, its events. Raises Unable."""
    try:
        if (answer.header("Content-Type") or "").lower().startswith(EVENT_STREAM):
            return events_in(answer.content)
        return read_json(answer.content)
    except ValueError as error:
        raise Unable(Trouble.MISSING, f"the answer is no JSON: {error}") from None


def _shown(value: Any) -> str:
    return cut(repr(value) if value is MISSING else json.dumps(value, ensure_ascii=False), SHOWN)


def _against(document: Any, schema: str) -> str:
    """What the schema has otherwise, and where; empty if nothing."""
    # The library is slow to import, and few journeys have a schema.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    # The reader takes no reference to another document, so nothing is fetched.
    checker = Draft202012Validator(json.loads(schema))
    error = best_match(checker.iter_errors(document))
    return f"at {error.json_path}: {error.message}" if error else ""
