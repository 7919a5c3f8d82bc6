"""The errors that the intake has received, by group."""

from typing import Protocol

from harness.domain.error_groups import ErrorGroup, ErrorSample


class ErrorGroups(Protocol):
    """What apps reported. Every method raises PortError where the store fails."""

    def groups(self) -> tuple[ErrorGroup, ...]:
        """Each group once for each of its releases, in the order in which they came first."""
        ...

    def sample(self, group: str) -> ErrorSample | None:
        """The first error of a group, of any release. None for a group that is not there."""
        ...
