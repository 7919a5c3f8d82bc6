"""The commands of one run: asks the launcher to run each, and injects the faults of a run that has
one.

What leaves for the sandbox is the command line, its input and files, and what is typed. What the
journey expects stays here. The faults, by injector:

- `drop-row` and `swap-text` alter what was printed, and the files that were left;
- `error-500` alters the exit code;
- `stale` lets nothing be kept: a command whose result nobody looks at is not run when it carries a
  value at stake, and of the others no file has changed;
- `frozen` runs each command with another input than the journey's: the values of another draw, and
  where nothing is drawn the tool alone. What comes of that is what a tool shows that does not look
  at its input."""

from __future__ import annotations

import asyncio
import json
import random
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from validators.domain.errors import DocumentInvalid, ExpressionInvalid, Unable
from validators.domain.evidence import FaultFacts, FaultInjector, Trouble
from validators.domain.journeys.command_result import CommandResult, Stream, shown_text
from validators.domain.journeys.commands import ExitIs, FileLeft, OutputHas, Run
from validators.domain.journeys.data_at_stake import Stakes, stakes
from validators.domain.journeys.journey import Block, Expect, Journey, Look
from validators.domain.journeys.values import Draw, Filled, Named, Template, Values
from validators.domain.journeys.walk import looks, positive, runs
from validators.domain.journeys.wording import folded
from validators.performance.command_json import (
    LONGEST_ANSWER,
    Answer,
    CommandAnswer,
    CommandCall,
    Ended,
    call_line,
    read_answer,
)
from validators.performance.file_looks import made

if TYPE_CHECKING:
    from validators.browser.network.mutations import Mutation

USUAL_SECONDS = 20.0
# A command is killed when its time is over, and its files are still to be read.
ANSWER_SECONDS = 10.0
MOST_DRAWS, DRAWS_APART = 60, 7_000_003
PLAIN = "text/plain"
SIZES = ((80, 24), (100, 30), (120, 40), (132, 43))
LONGEST_TRANSCRIPT, LONGEST_SHOWN, MOST_SCREENS = 1 << 18, 16_000, 30


@dataclass(slots=True)
class RunCommands:
    """The commands of one run, over the launcher's `port`. `factor` scales time limits to this
    machine.

    `terminal`: a command gets one where the journey promises that it makes no difference. `other`
    has the values of another draw."""

    journey: Journey
    port: int
    factor: float = 1.0
    terminal: tuple[int, int] | None = None
    injector: FaultInjector | None = None
    other: Values | None = None
    changed: int = 0
    touched: bool = False
    reached: bool = False
    ran: bool = False
    printed: list[str] = field(default_factory=list)
    screens: list[dict[str, object]] = field(default_factory=list)
    _left: dict[str, bytes | None] = field(default_factory=dict)

    async def run(self, step: Run, values: Values) -> CommandResult:
        """Run the step's tool. Raises Unable or ExpressionInvalid."""
        call = self._call(step, values)
        if self.injector is FaultInjector.FROZEN:
            asked, call = call, self._blind(step, values, call)
            self.changed += call != asked
        at_stake = stakes(self.journey, values)
        if self.injector is FaultInjector.STALE and self._withheld(step, call, at_stake):
            result = CommandResult(0, left=self._before(call))
        else:
            result = _result(await self._asked(call), step, call)
            result = self._altered(step, result, at_stake, before=self._before(call))
        self.ran = True
        self._left = dict(result.left)
        self._print(call, result)
        return result

    def facts(self, values: Values) -> FaultFacts:
        """What the injected faults have done so far."""
        put_in = bool(stakes(self.journey, values).data)
        return FaultFacts(self.changed, self.touched, put_in=put_in, reached=self.reached)

    @property
    def transcript(self) -> str:
        """What a person would have seen in a terminal, cut to LONGEST_TRANSCRIPT."""
        text = "".join(self.printed)
        return text if len(text) <= LONGEST_TRANSCRIPT else text[:LONGEST_TRANSCRIPT] + "\n[…]\n"

    @property
    def _looks(self) -> tuple[Look, ...]:
        """The journey's own looks, at its end and between its steps."""
        return (*self.journey.looks_on_the_way, *looks(self.journey.expect))

    def _call(self, step: Run, values: Values) -> CommandCall:
        asked = step.seconds or USUAL_SECONDS
        given = step.input
        return CommandCall(
            argv=tuple(values.text(word) for word in step.argv),
            seconds=asked * self.factor,
            input=values.text(given).encode() if given is not None else None,
            files=tuple(made(file, values) for file in step.files),
            terminal=step.terminal or self.terminal,
            apart=step.terminal is None,
            typed=tuple(
                Answer(values.text(one.text), values.text(one.after) if one.after else "")
                for one in step.typed
            ),
            collect=tuple(dict.fromkeys(self._paths(values))),
        )

    def _paths(self, values: Values) -> Iterator[str]:
        """The files that the journey looks at, as far as their names are known."""
        control = self.journey.negative_control
        for look in (*self._looks, *looks(control.expect if control else ())):
            if isinstance(look, FileLeft):
                try:
                    yield values.text(look.path)
                except ExpressionInvalid:
                    continue

    def _blind(self, step: Run, values: Values, call: CommandCall) -> CommandCall:
        commands = runs(self.journey.all_steps)
        drawn = [one for command in commands for one in command.templates if one.holes]
        if not drawn:
            return replace(call, argv=call.argv[:1], input=None, files=(), typed=())
        if self.other is None:
            return call
        # What a page has shown is known of this run alone.
        known = Values(
            self.other.draw, {**values.names, **self.other.names}, values.fields, values.files
        )
        return replace(self._call(step, known), collect=call.collect)

    def _before(self, call: CommandCall) -> dict[str, bytes | None]:
        """The files that are looked at, as the command found them."""
        given = {file.name: file.content for file in call.files}
        return {name: given.get(name, self._left.get(name)) for name in call.collect}

    def _withheld(self, step: Run, call: CommandCall, at_stake: Stakes) -> bool:
        if self._about(step):
            return False
        if not at_stake.data & set(_carried(call)):
            return False
        self.changed += 1
        self.touched = self.reached = True
        return True

    def _about(self, step: Run) -> tuple[ExitIs | OutputHas, ...]:
        """The looks at how this command ended and what it printed. Without a name, they are about
        the last one before them."""
        last: Run | None = None
        found: list[ExitIs | OutputHas] = []
        for part in (*self.journey.steps, *self.journey.expect):
            if isinstance(part, Run):
                last = part
            for look in part.looks if isinstance(part, Expect | Block) else ():
                its = isinstance(look, ExitIs | OutputHas) and (
                    look.command == step.name if look.command else last is step
                )
                found += [look] if its else []  # type: ignore[list-item]
        return tuple(found)

    def _altered(
        self,
        step: Run,
        result: CommandResult,
        at_stake: Stakes,
        *,
        before: dict[str, bytes | None],
    ) -> CommandResult:
        own = self._about(step)
        match self.injector:
            case FaultInjector.ERROR_500:
                self.changed += 1
                self.touched |= any(isinstance(look, ExitIs) for look in own)
                return replace(result, exit_code=1 if result.exit_code == 0 else 0)
            case FaultInjector.STALE:
                return self._unwritten(result, before)
            case FaultInjector.DROP_ROW | FaultInjector.SWAP_TEXT:
                streams = {look.stream for look in own if isinstance(look, OutputHas)}
                return self._mutated(result, streams, at_stake)
            case _:
                return result

    def _unwritten(self, result: CommandResult, before: dict[str, bytes | None]) -> CommandResult:
        """The result of a tool that writes no file."""
        wanted = [look for look in self._looks if isinstance(look, FileLeft) and positive(look)]
        if before != dict(result.left):
            self.changed += 1
            self.touched |= bool(wanted)
            self.reached |= bool(wanted)
        return replace(result, left=before)

    def _mutated(
        self, result: CommandResult, streams: set[Stream], at_stake: Stakes
    ) -> CommandResult:
        def altered(content: bytes) -> bytes:
            mutation = _mutation(self.injector, content, at_stake)
            self.changed += mutation.content != content
            self.touched |= mutation.touched
            self.reached |= mutation.reached
            return mutation.content

        output, errors = result.output, result.errors
        if Stream.OUTPUT in streams:
            output = altered(shown_text(output).encode())
        if Stream.ERRORS in streams:
            errors = altered(shown_text(errors).encode())
        left = {
            name: altered(content) if content is not None else None
            for name, content in result.left.items()
        }
        return replace(result, output=output, errors=errors, left=left)

    async def _asked(self, call: CommandCall) -> CommandAnswer:
        """The launcher's answer. Raises Unable if it does not come."""
        if not self.port:
            raise Unable(Trouble.BROKEN, "no commands can be run here")
        line = call_line(call).encode()
        try:
            async with asyncio.timeout(call.seconds + ANSWER_SECONDS * self.factor):
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", self.port, limit=LONGEST_ANSWER
                )
                try:
                    writer.write(line)
                    await writer.drain()
                    answer = read_answer((await reader.readuntil(b"\n")).decode())
                finally:
                    writer.close()
        except TimeoutError:
            raise Unable(Trouble.TIMED_OUT, "the command did not end in time") from None
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise Unable(Trouble.BROKEN, f"the command could not be asked for: {error}") from None
        except (DocumentInvalid, UnicodeDecodeError) as error:
            raise Unable(Trouble.BROKEN, f"the answer about a command: {error}") from None
        if answer.ended is Ended.NOT_RUN:
            raise Unable(Trouble.BROKEN, f"the command could not be run: {answer.reason}")
        return answer

    def _print(self, call: CommandCall, result: CommandResult) -> None:
        files = "".join(
            f"[file {name}]\n{_shown(content)}\n" if content is not None else f"[no file {name}]\n"
            for name, content in result.left.items()
        )
        given = f"[input]\n{_shown(call.input)}\n" if call.input else ""
        code = "not ended" if result.exit_code is None else f"exit {result.exit_code}"
        errors = f"[errors]\n{_shown(result.errors)}\n" if result.errors else ""
        began = f"$ {shlex.join(call.argv)}\n{given}{_shown(result.output)}\n"
        self.printed.append(f"{began}{errors}{files}[{code}]\n\n")
        if len(self.screens) < MOST_SCREENS:
            # With colours: these are drawn, the transcript is read.
            screen = {
                "command": shlex.join(call.argv),
                "output": result.output[:LONGEST_SHOWN].decode("utf-8", "replace"),
                "errors": result.errors[:LONGEST_SHOWN].decode("utf-8", "replace"),
                "ended": code,
                "columns": call.terminal[0] if call.terminal else 0,
            }
            self.screens.append(screen)


def other_values(values: Values, journey: Journey) -> Values:
    """The values of another draw, in which as much as possible differs from the journey's own."""
    own, best = _drawn(values.draw, journey), Values(values.draw)
    most = 0
    for number in range(1, MOST_DRAWS):
        draw = replace(values.draw, seed=values.draw.seed + number * DRAWS_APART)
        theirs = _drawn(draw, journey)
        differ = sum(mine != other for mine, other in zip(own, theirs, strict=True))
        if differ > most:
            most = differ
            names = (name for name, _ in journey.let)
            best = Values(draw, dict(zip(names, theirs, strict=False)))
        if most == len(own):
            break
    return best


def _drawn(draw: Draw, journey: Journey) -> list[str]:
    """The values of `let`, then those that are drawn in commands."""
    values = Values(draw)
    for name, template in journey.let:
        values.names[name] = values.text(template)
    in_commands = (one for step in runs(journey.all_steps) for one in step.templates)
    drawn = [values.text(one) for one in in_commands if one.generates and not _named(one)]
    return [*values.names.values(), *drawn]


def _named(template: Template) -> bool:
    """Whether it also has values that are not known before the run."""
    return any(isinstance(hole, Filled | Named) for hole in template.holes)


def terminal_size(seed: int, journey: str) -> tuple[int, int]:
    """The terminal of a visitor whose commands print to one."""
    return random.Random(f"terminal-{seed}-{journey}").choice(SIZES)  # noqa: S311


def _result(answer: CommandAnswer, step: Run, call: CommandCall) -> CommandResult:
    """The result in an answer. Raises Unable."""
    if answer.ended is Ended.TOO_MUCH:
        raise Unable(Trouble.TOO_LARGE, "the command printed too much")
    if answer.ended is Ended.TIME and step.seconds is None:
        raise Unable(Trouble.TIMED_OUT, "the command did not end in time")
    if answer.ended is Ended.ITSELF and answer.typed < len(call.typed):
        after = call.typed[answer.typed].after
        raise Unable(Trouble.NOT_COME, f"the command did not ask {after!r}")
    code = answer.exit_code if answer.ended is Ended.ITSELF else None
    return CommandResult(code, answer.output, answer.errors, dict(answer.left))


def _carried(call: CommandCall) -> Iterator[str]:
    """Every value that a command is given: whole arguments, and the words of its input and
    files."""
    for word in call.argv[1:]:
        yield folded(word)
        yield folded(word.rpartition("=")[2])
    texts = [call.input or b"", *(file.content for file in call.files)]
    typed = [one.text for one in call.typed]
    for text in (*(one.decode("utf-8", "replace") for one in texts), *typed):
        for line in text.splitlines():
            yield from (folded(piece) for piece in (line, *_pieces(line)))


def _pieces(line: str) -> list[str]:
    for mark in '",;\t':
        line = line.replace(mark, "\n")
    return line.split("\n")


def _mutation(injector: FaultInjector | None, content: bytes, at_stake: Stakes) -> Mutation:
    # Slow to import, and most runs have no fault.
    from validators.browser.network.api_mutations import lost_json
    from validators.browser.network.mutations import dropped, swapped

    kind = _kind(content)
    if injector is FaultInjector.SWAP_TEXT:
        return swapped(content, kind, at_stake)
    # Of a single value no line can be lost, but a field of it can.
    return dropped(content, kind, at_stake) if kind == PLAIN else lost_json(content, at_stake)


def _kind(content: bytes) -> str:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return PLAIN
    return "application/json" if isinstance(document, dict | list) else PLAIN


def _shown(content: bytes) -> str:
    text = shown_text(content[:LONGEST_SHOWN])
    return text.rstrip("\n") + (" […]" if len(content) > LONGEST_SHOWN else "")
