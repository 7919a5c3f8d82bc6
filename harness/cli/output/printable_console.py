"""A console that prints no character which controls the terminal. Rich is imported with it, so
import it only where something is printed."""

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from harness.domain.shortened import printable


class PrintableConsole(Console):
    """Prints every text as `printable` has it. What moves its lines is its own."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """The parts of something that is printed, or of a part of it."""
        for part in super().render(renderable, options):
            yield part if part.control else part._replace(text=printable(part.text))
