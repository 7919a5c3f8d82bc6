"""A judge of the tests, started as the real one is: it passes or fails as its first argument says,
and signs that for real.

    python -I -S judge.py PACKAGES KEY OUTCOMES VERB …     OUTCOMES: passed, or failed, one for each
    round, the last for ever

Only the harness's own eyes tell whether a verdict is one, so this signs by the specification (DSSE,
in-toto), and by nothing of ours."""

import base64
import json
import sys
from itertools import pairwise
from pathlib import Path

TYPE = "application/vnd.in-toto+json"


def main() -> None:
    packages, key, outcomes, verb, *rest = sys.argv[1:]
    named = dict(pairwise(rest))
    request = json.loads(Path(named["--request"]).read_text())
    if verb == "store":
        print(
            json.dumps({"journeys": 1, "standing": 0, "declined": False, "digest": digest(request)})
        )
        return
    out = Path(named["--out"])
    if verb == "author":
        say(
            out / "authored.json",
            {
                "outcome": "sealed",
                "reason": "red on base",
                "journeys": 1,
                "digest": digest(request),
                "red_on_base": True,
                "standing": 0,
            },
        )
        return
    results = outcomes.split(",")
    outcome = results[min(request["round"], len(results)) - 1]
    sys.path.append(packages)
    findings = (
        []
        if outcome == "passed"
        else [{"promise": "issue", "words": "it should work", "observed": "it did not"}]
    )
    say(out / "public.json", {"findings": findings, "checks_passed": 1, "checks": 1})
    say(out / "verdict.json", envelope(predicate(request, outcome), Path(key)))


def digest(request: dict) -> str:
    return f"sha256:{request['issue']['number']:064x}"


def predicate(request: dict, outcome: str) -> dict:
    binds = {
        "base": request["base"]["commit"],
        "head": request["head"]["commit"],
        "candidate": request["candidate"]["commit"],
        "tree": request["candidate"]["tree"],
        "journeys": digest(request),
        "governance": request["governance"]["digest"],
    }
    return {
        "outcome": outcome,
        "reason": f"its journey {outcome}",
        "issue": request["issue"]["number"],
        "run": request["run"],
        "round": request["round"],
        "binds": binds,
        "journeys": {"sealed": 1, "executed": 1, "passed": int(outcome == "passed")},
        "controls": {
            "twins": 1,
            "twins_failed": 1,
            "saboteurs": 4,
            "caught": 4,
            "red_on_base": True,
        },
        "box": {"form": request["sandbox"]["form"], "unheld": []},
        "seed": 1,
        "signer": "same-account",
        "evidence": {"merkle_root": f"sha256:{'2' * 64}"},
    }


def envelope(said: dict, key: Path) -> dict:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "https://lights-out-factory.dev/verdict/v1",
        "predicate": said,
        "subject": [
            {
                "name": "candidate",
                "digest": {
                    "gitCommit": said["binds"]["candidate"],
                    "gitTree": said["binds"]["tree"],
                },
            }
        ],
    }
    payload = json.dumps(statement).encode()
    signed = b"DSSEv1 %d %s %d %s" % (len(TYPE), TYPE.encode(), len(payload), payload)
    signature = load_pem_private_key(key.read_bytes(), None).sign(signed)
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": TYPE,
        "signatures": [
            {
                "keyid": key.with_suffix(".id").read_text(),
                "sig": base64.b64encode(signature).decode(),
            }
        ],
    }


def say(path: Path, said: dict) -> None:
    path.write_text(json.dumps(said))


if __name__ == "__main__":
    main()
