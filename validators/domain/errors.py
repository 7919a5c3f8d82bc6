"""What can be wrong with a journey or a plan."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that the writer of a journey must change. `line` counts from 1; 0: the whole
    document."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}" if self.line else self.message


class ValidatorsError(Exception):
    """The base of all errors that the validators raise on purpose."""


class JourneyInvalid(ValidatorsError):
    """A journey cannot be read or may not be sealed. Carries every problem, in line order."""

    def __init__(self, problems: tuple[Problem, ...], *, file: str = "journey") -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        self.file = file
        super().__init__("\n".join(f"{file}: {problem}" for problem in self.problems))


class DocumentInvalid(ValidatorsError):
    """A JSON document, such as a plan or evidence, does not have its promised shape."""


class ExpressionInvalid(ValidatorsError):
    """A `{{ … }}` is not in the language, or names a value that nothing has set."""


class Unable(ValidatorsError):
    """A step could not be done or a look could not be taken. `trouble` is a value of
    `validators.domain.evidence.Trouble`."""

    def __init__(self, trouble: str, message: str) -> None:
        self.trouble = trouble
        super().__init__(message)
