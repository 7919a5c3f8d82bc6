"""What can be wrong with a journey or a plan, as values and as one exception each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing a person must change in a journey. `line` counts from 1; 0 means the whole
    document."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}" if self.line else self.message


class ValidatorsError(Exception):
    """Everything this program refuses by name."""


class JourneyInvalid(ValidatorsError):
    """A journey that cannot be read or may not be sealed; carries every problem found, in line
    order."""

    def __init__(self, problems: tuple[Problem, ...], *, file: str = "journey") -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        self.file = file
        super().__init__("\n".join(f"{file}: {problem}" for problem in self.problems))


class DocumentInvalid(ValidatorsError):
    """A plan or an evidence document that does not have its promised shape."""


class ExpressionInvalid(ValidatorsError):
    """A `{{ … }}` that is not in the closed set of generated values and names."""


class Unable(ValidatorsError):
    """A step could not be done or a look not taken. `trouble` is a value of
    `validators.domain.evidence.Trouble`."""

    def __init__(self, trouble: str, message: str) -> None:
        self.trouble = trouble
        super().__init__(message)
