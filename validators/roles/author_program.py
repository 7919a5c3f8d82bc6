"""`python -m validators.roles.author_program`: what runs in the author's box, from a brief to what
was written.

    in   {"brief": {model, number, kind, title, body, files, language, instructions, returned,
    held}, "port": 8090}
    out  {"journeys": [{"yaml": "…", "passes": false}, …], "reason": "", "declined": false}

The box holds no key: the model is reached through the broker's socket, which this box sees as a
port of 127.0.0.1."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from validators.roles.author import Ask, AuthorAnswer, Brief, ReturnedJourney, author_answer
from validators.roles.model import NoAnswer, model_at


def main() -> int:
    """Hold the conversation and print its result. Exit 0 = it was held; 1 = the model could not be
    reached."""
    given = json.load(sys.stdin)
    try:
        outcome = author_answer(brief(given["brief"]), ask=_model(given["port"]), check=_complaints)
    except NoAnswer as error:
        print(f"the model did not answer: {error}", file=sys.stderr)
        return 1
    print(document(outcome))
    return 0


def brief(given: Mapping[str, Any]) -> Brief:
    """The brief in a launcher's document."""
    return Brief(
        **{**given, "returned": tuple(ReturnedJourney(**one) for one in given["returned"])}
    )


def document(outcome: AuthorAnswer) -> str:
    """What the launcher reads."""
    return json.dumps(asdict(outcome), ensure_ascii=False)


def _model(port: int) -> Ask:
    ask = model_at(port)
    return lambda request: {"content": ask(request)}


def _complaints(text: str) -> tuple[str, ...]:
    from validators.language.check import complaints

    return complaints(text)


if __name__ == "__main__":
    raise SystemExit(main())
