"""A question that only a program can answer: a script of the repository, at base, asked about the
change."""

from dataclasses import dataclass

from harness.domain.facts import UNKNOWN, ChangeFacts, ScriptFact
from harness.domain.governance import CheckAnswer
from harness.governance.checks.answers import unknown
from harness.governance.checks.arguments import Names, Path

LONGEST_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Exec:
    """A script of the base, run in a sandbox over the change's files, which it may read and not
    write.

    It holds with exit code 0 and refuses with 1. Any other end is no answer: a script that crashed,
    was stopped by its limit or is not there has not said yes. This check runs nothing: the run is a
    fact like others."""

    script: Path
    arguments: Names = ()
    seconds: int = 60

    def __post_init__(self) -> None:
        """Raises ValueError for a limit that is none."""
        if not 1 <= self.seconds <= LONGEST_SECONDS:
            raise ValueError(f"`seconds` is from 1 to {LONGEST_SECONDS}, and not {self.seconds}")

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """What the run of exactly this script with these arguments said."""
        ran = (
            None
            if facts.scripts is UNKNOWN
            else next((run for run in facts.scripts if self.is_run(run)), None)
        )
        if ran is None:
            return unknown(f"what {self.script} finds in the change")
        if ran.exit_code in (0, 1):
            said = f"{self.script} {'holds' if ran.exit_code == 0 else 'refuses the change'}"
            return CheckAnswer(
                ran.exit_code == 0,
                ": ".join((said, *ran.said[-1:])) if ran.exit_code else said,
                ran.said,
            )
        end = (
            f"ended with exit code {ran.exit_code}"
            if ran.exit_code is not None
            else "".join(ran.said[-1:])
        )
        return CheckAnswer(
            UNKNOWN,
            f"{self.script} gave no answer ({end}); 0 holds, 1 refuses, and unknown means no",
            ran.said,
        )

    def is_run(self, ran: ScriptFact) -> bool:
        """Whether this fact is the answer to this question."""
        return (ran.script, ran.arguments) == (self.script, self.arguments)
