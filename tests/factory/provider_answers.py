"""What a model's provider answers to the real loop: the answers of a run that goes well, refusals, and
caps to meet them under."""

from decimal import Decimal

from tests.agents.conftest import Answer, message
from tests.factory.world import ACCEPT

CAP = Decimal("0.60")
CAPS = b"\n[budget]\nusd_per_run = 0.60\nusd_per_issue = 0.60\ncalls_per_session = 12\n"


def call(name, **given):
    return {"type": "tool_use", "id": f"toolu_{name}", "name": name, "input": given}


def calls(*blocks, **usage):
    return message(*blocks, stop_reason="tool_use", **usage)


def refused(status, kind="overloaded_error", message="Overloaded", **headers):
    return Answer(
        {"type": "error", "error": {"type": kind, "message": message}},
        status,
        {name.replace("_", "-"): value for name, value in headers.items()},
    )


ACCEPTED = calls(call("answer", **ACCEPT))
EDIT = calls(call("run", command="echo FIXED = True >> tidebook/store.py"))
DONE = calls(call("finish", summary="did it"))


def configured(world, more: bytes) -> None:
    """The example's configuration, with this in place of its caps."""
    before, _, after = world.toml.partition(b"[budget]")
    world.push_to_main(**{"factory.toml": before + after[after.index(b"[seal]") :] + more})
