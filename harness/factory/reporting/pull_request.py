"""What the factory shows on its pull requests: one sticky comment, and a check run for each gate.

Properties:
- both are projections of the ledger and decide nothing;
- a gate that was not asked has no check, and a missing check counts as red;
- each answer of a gate is written once;
- a forge that refuses checks is reported and stops nothing else."""

from harness.domain.errors import ForgeError
from harness.domain.events import CheckShown, RuleTextsKept
from harness.domain.issue import CommitSha
from harness.factory.records.gates import Gate, gates_of
from harness.factory.records.history import History
from harness.factory.records.rule_texts import rule_books
from harness.factory.reporting.comments.change import CHANGE_MARKER, change_comment, check_words
from harness.factory.run.effects import write_projection
from harness.factory.run.services import Services
from harness.log import WARNING
from harness.ports.ledger import recorded

CHECKED = "checked"
"""The kind of ledger entry that records that a gate's answer is shown on a head, or could not
be."""


def show_change(services: Services, history: History) -> None:
    """Bring an issue's pull request up to date with the ledger. Does nothing if there is none."""
    head = history.pushed_head
    if history.proposal is None or head is None:
        return
    number = history.proposal.number
    gates = gates_of(history, rule_texts=rule_books(recorded(services.ledger, RuleTextsKept)))
    for gate in gates:
        _check(services, history, head, gate)
    write_projection(
        services,
        lambda: services.writer.upsert_comment(
            number, CHANGE_MARKER, change_comment(history, gates, services.link)
        ),
    )


def _check(services: Services, history: History, head: CommitSha, gate: Gate) -> None:
    # With the entry, so that a gate that is asked again is shown again.
    key = f"{CHECKED}/{history.issue}/{head}/{gate.name}/{gate.entry}"
    if services.ledger.find(key):
        return
    title, summary = check_words(gate, services.link)
    fault = ""
    try:
        write_projection(
            services,
            lambda: services.writer.set_check(
                head,
                gate.name,
                conclusion=gate.conclusion,
                title=title,
                summary=summary,
                annotations=gate.annotations,
            ),
        )
    except ForgeError as error:
        # Only a lasting refusal is recorded; what may pass is tried again on the next tick.
        if error.retryable:
            raise
        fault = str(error)
        services.log.write(
            "check-failed", f"{gate.name}: {fault}", issue=history.issue, level=WARNING
        )
    services.ledger.append(
        CheckShown(head, gate.name, gate.conclusion, fault), key, issue=history.issue
    )
