"""What an export is: files by their paths, and a list of what the format cannot say.

A forge's format can express less than the rules. What it can express exactly is exported; the rest
is listed with the reason, never bent until it fits: an owner who is asked about the wrong files
stops reading."""

from dataclasses import dataclass

MADE_BY = (
    "Made by `factory rules export {format}`: edit the governance files instead, and export again."
)


@dataclass(frozen=True, slots=True)
class Omission:
    """Something that the rules state and the format cannot. `rule` is an id, or empty where it is
    the whole format's."""

    rule: str
    what: str
    because: str

    def __str__(self) -> str:
        return f"{f'{self.rule}: ' if self.rule else ''}{self.what}: {self.because}"


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One file of an export: its path from the root of the repository, and its text."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Exported:
    """The files of one format, in a fixed order, and what was left out of them."""

    files: tuple[ExportedFile, ...]
    left: tuple[Omission, ...] = ()
