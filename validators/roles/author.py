"""The author writes journeys for one issue: a model submits them, a checker answers each.

`python -m validators.roles.author` runs it in its sandbox:

    in   {"brief": {model, number, kind, title, body, files, language, instructions,
          returned, held, app}, "port": 8090}
    out  {"journeys": [{"yaml": "…", "passes": false}, …], "reason": "", "declined": false}

Properties:
- The sandbox holds no key: it reaches the model through one port of the broker.
- Everything that a model sends is bounded before it is read: journeys in number and length, and
  rounds of the conversation.
- Text that a model sends beside a journey is never taken for one."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from validators.roles.app_view import NO_VIEW, AppView, CommandHelp, PathAnswer, app_text
from validators.roles.model import NoAnswer, model_at, system_blocks

ROUNDS = 4
MAX_TOKENS = 8000
MAX_JOURNEYS = 4
# Of one journey: five times a long one, and still parsed in a second. YAML that is nested 30,000
# deep takes minutes.
MAX_CHARACTERS = 8000
SUBMIT = "submit_journey"
FAILS, PASSES = "fails", "passes"
TOOL = {
    "name": SUBMIT,
    "description": "Submit one complete journey, as YAML in the journey language.",
    "input_schema": {
        "type": "object",
        "properties": {
            "yaml": {"type": "string", "description": "The whole journey document."},
            "today": {
                "type": "string",
                "enum": [FAILS, PASSES],
                "description": (
                    "What it does on the application of today: `fails` shows what the issue asks"
                    " for; `passes` guards what works today and must go on working. Left out:"
                    " `passes` for a chore, else `fails`."
                ),
            },
        },
        "required": ["yaml"],
        "additionalProperties": False,
    },
}

Ask = Callable[[Mapping[str, Any]], Mapping[str, Any]]
Check = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class SubmittedJourney:
    """One journey as the model sent it: its text, and whether it should pass on base already."""

    yaml: str
    passes: bool


@dataclass(frozen=True, slots=True)
class ReturnedJourney:
    """A journey of this author that did not hold on base, and why, in fixed words."""

    yaml: str
    why: str


@dataclass(frozen=True, slots=True)
class AuthorBrief:
    """All that an author may know. `files`: the governance files by name. `language`: the page of
    the journey language. `returned`: its own journeys that it may write once more. `held`: how many
    of its other journeys hold. `app`: what the app of today shows of itself."""

    model: str
    number: int
    kind: str
    title: str
    body: str
    files: Mapping[str, str]
    language: str
    instructions: str
    returned: tuple[ReturnedJourney, ...] = ()
    held: int = 0
    app: AppView = NO_VIEW


@dataclass(frozen=True, slots=True)
class AuthorAnswer:
    """The journeys, or none and the reason in one line. `declined`: the model never sent one."""

    journeys: tuple[SubmittedJourney, ...]
    reason: str = ""
    declined: bool = False


def author_answer(brief: AuthorBrief, *, ask: Ask, check: Check) -> AuthorAnswer:
    """The journeys for an issue, each accepted by `check`, or none with the reason."""
    messages, most = list(_opening(brief)), MAX_JOURNEYS - brief.held
    for number in range(ROUNDS):
        answer = ask({**_request(brief), "messages": messages})
        calls = [block for block in answer["content"] if block["type"] == "tool_use"]
        if not calls:
            reason = _words(answer) or "the author answered without a journey"
            return AuthorAnswer((), reason, declined=number == 0)
        complaints = _all_complaints(calls, check, most=most)
        if not any(complaints):
            return AuthorAnswer(tuple(_submitted(call["input"], brief.kind) for call in calls))
        results = [_result(call, some) for call, some in zip(calls, complaints, strict=True)]
        messages += [
            {"role": "assistant", "content": answer["content"]},
            {"role": "user", "content": results},
        ]
    return AuthorAnswer((), f"no journey that the checker accepts came in {ROUNDS} rounds")


def issue_text(brief: AuthorBrief) -> str:
    """The issue as a JSON value between two lines that its text cannot forge: they carry a
    nonce. Beside it, in the same way, what the app shows of itself."""
    nonce = secrets.token_hex(8)
    issue = {"number": brief.number, "kind": brief.kind, "title": brief.title, "body": brief.body}
    text = json.dumps(issue, ensure_ascii=False, indent=1)
    app = app_text(brief.app, nonce=nonce)
    return f"<issue-{nonce}>\n{text}\n</issue-{nonce}>\n\n{app}Write its journeys."


def _opening(brief: AuthorBrief) -> tuple[Mapping[str, Any], ...]:
    """The first messages: the issue; the second time also the author's own journeys, with what each
    has shown."""
    first = {"role": "user", "content": issue_text(brief)}
    if not brief.returned:
        return (first,)
    # The model sees its journeys as calls that it made, and each reason as the call's result.
    calls = [
        {
            "type": "tool_use",
            "id": f"returned_{number}",
            "name": SUBMIT,
            "input": {"yaml": one.yaml},
        }
        for number, one in enumerate(brief.returned)
    ]
    results = [_result(call, [one.why]) for call, one in zip(calls, brief.returned, strict=True)]
    words = {
        "type": "text",
        "text": "Send these again, corrected, and only these; leave out what cannot be mended.",
    }
    return (
        first,
        {"role": "assistant", "content": calls},
        {"role": "user", "content": [*results, words]},
    )


def _request(brief: AuthorBrief) -> dict[str, Any]:
    task = f"{brief.language}\n\n# Your task\n\n{brief.instructions}{brief.app.task}"
    return {
        "model": brief.model,
        "max_tokens": MAX_TOKENS,
        "system": system_blocks(brief.files, task),
        "tools": [TOOL],
    }


def _all_complaints(
    calls: Sequence[Mapping[str, Any]], check: Check, *, most: int
) -> list[tuple[str, ...]]:
    """The complaints about each call. Of too many calls none is read."""
    if len(calls) > most:
        too_many = f"{len(calls)} journeys at once; at most {most}, those that settle the issue"
        return [(too_many,)] * len(calls)
    return [_complaints(call, check) for call in calls]


def _complaints(call: Mapping[str, Any], check: Check) -> tuple[str, ...]:
    given = call["input"] if isinstance(call["input"], Mapping) else {}
    text, today = given.get("yaml"), given.get("today", FAILS)
    if call["name"] != SUBMIT or not isinstance(text, str) or today not in (FAILS, PASSES):
        expected = f"yaml, the whole journey as text, and perhaps today: {FAILS} or {PASSES}"
        return (f"call {SUBMIT} with {expected}",)
    if len(text) > MAX_CHARACTERS:
        return (f"a journey of {len(text)} characters; at most {MAX_CHARACTERS}",)
    return tuple(check(text))


def _submitted(given: Mapping[str, Any], kind: str) -> SubmittedJourney:
    """The journey of an accepted call. A chore changes nothing that a person can see, so each of
    its journeys should pass today."""
    return SubmittedJourney(given["yaml"], kind == "chore" or given.get("today") == PASSES)


def _result(call: Mapping[str, Any], complaints: Sequence[str]) -> dict[str, Any]:
    accepted = f"accepted; send it again with the others (at most {MAX_JOURNEYS} journeys)"
    return {
        "type": "tool_result",
        "tool_use_id": call["id"],
        "content": "\n".join(complaints) or accepted,
        "is_error": bool(complaints),
    }


def _words(answer: Mapping[str, Any]) -> str:
    text = " ".join(block["text"] for block in answer["content"] if block["type"] == "text")
    return " ".join(text.split())[:300]


def main() -> int:
    """Hold the conversation and print its result. Exit 0: it was held. Exit 1: the model did not
    answer."""
    given = json.load(sys.stdin)
    try:
        answer = author_answer(brief(given["brief"]), ask=_model(given["port"]), check=_checked)
    except NoAnswer as error:
        print(f"the model did not answer: {error}", file=sys.stderr)
        return 1
    print(document(answer))
    return 0


def brief(given: Mapping[str, Any]) -> AuthorBrief:
    """The brief in the launcher's document."""
    returned = tuple(ReturnedJourney(**one) for one in given["returned"])
    app = AppView(
        tuple(PathAnswer(**one) for one in given["app"]["answers"]),
        tuple(CommandHelp(**one) for one in given["app"]["commands"]),
        given["app"]["pages"],
    )
    return AuthorBrief(**{**given, "returned": returned, "app": app})


def document(answer: AuthorAnswer) -> str:
    """The JSON text that the launcher reads."""
    return json.dumps(asdict(answer), ensure_ascii=False)


def _model(port: int) -> Ask:
    ask = model_at(port)
    return lambda request: {"content": ask(request)}


def _checked(text: str) -> tuple[str, ...]:
    # The checker is loaded late: the launcher imports this module for its types only.
    from validators.language.check import complaints

    return complaints(text)


if __name__ == "__main__":
    raise SystemExit(main())
