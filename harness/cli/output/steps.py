"""The lines of a journey that is tried, each as it comes; on a terminal below them the step that is
underway, and for how long."""

from typing import TYPE_CHECKING, Self

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from harness.cli.output.terminal import console

if TYPE_CHECKING:
    from harness.cli.output.printable_console import PrintableConsole

UNDERWAY = "  ... "
"""The judge's program begins a line with this that is only true until the next one."""
_COLOURS = {"  ok ": "green", "  NO ": "red"}


class StepLines:
    """Prints on standard output. A line of a journey or a page shows as text, whatever is in it."""

    def __init__(self, *, quiet: bool = False, out: "PrintableConsole | None" = None) -> None:
        self._console = out or console(quiet=quiet)
        self.live = self._console.is_interactive and not quiet
        self._underway = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )

    def __enter__(self) -> Self:
        # Elsewhere than on a terminal a line that moves would fill a log with its pictures.
        if self.live:
            self._underway.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self._underway.stop()

    def show(self, line: str) -> None:
        """Print a line; one that begins with UNDERWAY takes the place of the last one of its
        kind."""
        for task in self._underway.task_ids:
            self._underway.remove_task(task)
        if line.startswith(UNDERWAY):
            self._underway.add_task(line.removeprefix(UNDERWAY), total=None)
        if self.live:
            # Or the next line is printed above the step that was underway.
            self._underway.refresh()
        if not line.startswith(UNDERWAY):
            self._console.out(line, style=_COLOURS.get(line[:5]), highlight=False)
