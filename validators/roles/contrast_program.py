"""`python -m validators.roles.contrast_program`: what runs in the contrastive judge's box, from a
brief to its ballots.

    in   {"brief": {model, instructions, claims, exhibits: [{sense, side, text, picture}]}, "port":
    8090}
    out  {"ballots": [{sense, order, word, answer}, …]}

The box has a port of the model broker of its own, and no browser, app, journey or verdict.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from validators.domain.ballots import ballots_json
from validators.roles.contrast import Brief, Exhibit, ballots
from validators.roles.model import NoAnswer, model_at


def main() -> int:
    """Ask every question and print the ballots. Exit 0 = all were asked; 1 = the model could not be
    reached."""
    given = json.load(sys.stdin)
    try:
        cast = tuple(ballots(_brief(given["brief"]), model_at(given["port"])))
    except NoAnswer as error:
        print(f"the model did not answer: {error}", file=sys.stderr)
        return 1
    print(ballots_json(cast))
    return 0


def _brief(told: dict[str, Any]) -> Brief:
    exhibits = tuple(Exhibit(**exhibit) for exhibit in told["exhibits"])
    return Brief(told["model"], told["instructions"], tuple(told["claims"]), exhibits)


if __name__ == "__main__":
    raise SystemExit(main())
