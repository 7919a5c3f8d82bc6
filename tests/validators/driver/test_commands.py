"""The faults that are injected into commands, against a launcher that answers as a tool would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import date

import pytest

from validators.domain.errors import Unable
from validators.domain.evidence import FaultInjector, Trouble
from validators.domain.journeys.command_result import CommandResult
from validators.domain.journeys.values import Draw, Values
from validators.domain.journeys.walk import looks
from validators.driver.commands import RunCommands, other_values, terminal_size
from validators.language.reader import read
from validators.performance.command_json import (
    CommandAnswer,
    CommandCall,
    Ended,
    answer_line,
    read_call,
)
from validators.performance.command_looks import command_look_result

SOURCE = """journey: a-guest-is-added
promise: issue
let: {guest: "{{ any.name }}", size: "{{ any.int(2, 8) }}"}
steps:
  - run: [walks, add, "{{ guest }}", "{{ size }}"]
  - run: [walks, list, a.csv]
    as: listing
expect:
  - output: {as: listing, includes: "{{ guest }} {{ size }}"}
  - exit: {as: listing, equals: 0}
  - file: {name: a.csv, contains: "{{ guest }}"}
"""
FIXED = "\n".join(line for line in SOURCE.split("\n") if not line.startswith("let:"))
FIXED = FIXED.replace("{{ guest }}", "Ada").replace("{{ size }}", "4")
Tool = Callable[[CommandCall], CommandAnswer]


class Walks:
    """A tool that keeps what it is given."""

    def __init__(self) -> None:
        self.calls: list[CommandCall] = []
        self.rows: list[str] = []

    def __call__(self, call: CommandCall) -> CommandAnswer:
        self.calls.append(call)
        match call.argv[1:]:
            case ("add", name, size):
                self.rows.append(f"{name} {size}")
                return self._answer(b"added\n", None)
            case ("list", _):
                text = "\n".join(["Seeded 2", *self.rows]).encode() + b"\n"
                return self._answer(text, text)
            case _:
                return CommandAnswer(Ended.ITSELF, 2, b"usage\n")

    def _answer(self, output: bytes, left: bytes | None) -> CommandAnswer:
        return CommandAnswer(Ended.ITSELF, 0, output, left=(("a.csv", left),))


def ran(
    tool: Tool, injector: FaultInjector | None = None, source: str = SOURCE
) -> tuple[RunCommands, Values, list[CommandResult]]:
    """The commands of the journey, run by this tool with this fault."""
    journey = read(source)
    values = Values(Draw(7, journey.name, date(2026, 1, 1)))

    async def everything() -> tuple[RunCommands, list[CommandResult]]:
        async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer_line(tool(read_call((await reader.readline()).decode()))).encode())
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(answered, "127.0.0.1") as server:
            port = server.sockets[0].getsockname()[1]
            other = other_values(values, journey) if injector is FaultInjector.FROZEN else None
            commands = RunCommands(journey, port, injector=injector, other=other)
            for name, template in journey.let:
                values.names[name] = values.text(template)
            results = []
            for step in journey.steps:
                results.append(await commands.run(step, values))  # type: ignore[arg-type]
                values.commands.update({step.name: results[-1], "": results[-1]})  # type: ignore[union-attr]
            return commands, results

    commands, results = asyncio.run(everything())
    return commands, values, results


def held(values: Values, source: str = SOURCE) -> list[bool]:
    return [command_look_result(look, values).holds for look in looks(read(source).expect)]  # type: ignore[arg-type]


def test_without_a_fault_everything_holds_and_the_tool_gets_the_command_and_nothing_else() -> None:
    tool = Walks()
    commands, values, _ = ran(tool)
    assert held(values) == [True, True, True]
    first = tool.calls[0]
    assert first.argv == ("walks", "add", values.names["guest"], values.names["size"])
    assert (first.input, first.files, first.terminal, first.typed) == (None, (), None, ())
    assert commands.transcript.startswith("$ walks add ")
    assert "[exit 0]" in commands.transcript


@pytest.mark.parametrize(
    ("injector", "expected"),
    [
        (FaultInjector.DROP_ROW, [False, True, False]),
        (FaultInjector.SWAP_TEXT, [False, True, False]),
        (FaultInjector.ERROR_500, [True, False, True]),
        (FaultInjector.STALE, [False, True, False]),
        (FaultInjector.FROZEN, [False, True, False]),
    ],
)
def test_each_fault_alters_what_it_is_named_for(injector, expected) -> None:
    commands, values, _ = ran(Walks(), injector)
    facts = commands.facts(values)
    assert held(values) == expected
    assert facts.changed
    assert facts.put_in
    # Another input is no fault in an answer: it only shows that the input matters.
    assert facts.touched is (injector is not FaultInjector.FROZEN)


PRINTS_JSON = """journey: a-guest-is-printed
promise: issue
let: {guest: "{{ any.name }}", size: "{{ any.int(2, 8) }}"}
steps:
  - run: [walks, add, "{{ guest }}", "{{ size }}"]
expect:
  - output: {json: {/name: "{{ guest }}", /size: {at_least: 1}, /tags: {sorted: ascending}}}
"""


@pytest.mark.parametrize(
    "injector", [FaultInjector.DROP_ROW, FaultInjector.SWAP_TEXT, FaultInjector.FROZEN]
)
@pytest.mark.parametrize(
    "kept", ["/name: {{ guest }}", "/size: {at_least: 1}", "/tags: {sorted: ascending}"]
)
def test_each_value_at_a_pointer_of_what_is_printed_is_at_stake(injector, kept) -> None:
    """A fault that is said to touch what a journey looks at is one that it notices."""
    pointers = "{" + kept.replace("{{ guest }}", '"{{ guest }}"') + "}"
    source = "\n".join(
        f"  - output: {{json: {pointers}}}" if "output" in line else line
        for line in PRINTS_JSON.split("\n")
    )

    def printed(call: CommandCall) -> CommandAnswer:
        document = {"name": call.argv[2], "size": int(call.argv[3]), "tags": ["a", "b"]}
        return CommandAnswer(Ended.ITSELF, 0, json.dumps(document, indent=1).encode())

    assert held(ran(printed, source=source)[1], source) == [True]
    commands, values, _ = ran(printed, injector, source)
    facts = commands.facts(values)
    assert not (facts.touched and held(values, source) == [True])
    if injector is FaultInjector.DROP_ROW:
        assert facts.touched


def test_a_tool_that_does_not_look_at_its_input_is_seen_by_another_input() -> None:
    guest = ran(Walks())[1].names["guest"]
    size = ran(Walks())[1].names["size"]

    def blind(call: CommandCall) -> CommandAnswer:
        text = f"{guest} {size}\n".encode()
        return CommandAnswer(Ended.ITSELF, 0, text, left=(("a.csv", text),))

    _, values, _ = ran(blind, FaultInjector.FROZEN)
    assert held(values) == [True, True, True]


def test_where_nothing_is_drawn_the_tool_is_run_without_its_input() -> None:
    tool = Walks()
    ran(tool, FaultInjector.FROZEN, FIXED)
    assert [call.argv for call in tool.calls] == [("walks",), ("walks",)]


def test_the_other_draw_differs_in_every_value_as_far_as_it_can() -> None:
    journey = read(SOURCE)
    for seed in range(40):
        values = Values(Draw(seed, journey.name, date(2026, 1, 1)))
        own = {name: values.text(template) for name, template in journey.let}
        other = other_values(values, journey).names
        assert all(own[name] != other[name] for name in own)


def test_a_command_that_nobody_looks_at_is_not_run_when_nothing_is_kept() -> None:
    tool = Walks()
    _, _, results = ran(tool, FaultInjector.STALE)
    assert [call.argv[1] for call in tool.calls] == ["list"]
    assert results[0] == CommandResult(0, left={"a.csv": None})


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (CommandAnswer(Ended.TIME), Trouble.TIMED_OUT),
        (CommandAnswer(Ended.TOO_MUCH), Trouble.TOO_LARGE),
        (CommandAnswer(Ended.NOT_RUN, reason="no"), Trouble.BROKEN),
    ],
)
def test_what_did_not_come_to_an_end_is_no_result(answer, trouble) -> None:
    with pytest.raises(Unable) as unable:
        ran(lambda _: answer)
    assert unable.value.trouble == trouble


def test_a_time_that_the_journey_promises_is_a_result_and_a_question_that_did_not_come_is_not() -> (
    None
):
    promised = SOURCE.replace('"{{ size }}"]\n', '"{{ size }}"]\n    within: 1 second\n', 1)
    tool = Walks()

    def late(call: CommandCall) -> CommandAnswer:
        return CommandAnswer(Ended.TIME) if call.argv[1] == "add" else tool(call)

    assert ran(late, source=promised)[2][0].exit_code is None
    asking = SOURCE.replace(
        '"{{ size }}"]\n', '"{{ size }}"]\n    terminal: true\n    answers: [{after: "Sure?", type: y}]\n', 1
    )  # fmt: skip
    with pytest.raises(Unable) as unable:
        ran(Walks(), source=asking)
    assert unable.value.trouble == Trouble.NOT_COME


def test_equal_seeds_give_equal_terminals() -> None:
    assert terminal_size(3, "j") == terminal_size(3, "j")
    assert len({terminal_size(seed, "j") for seed in range(40)}) > 2


def test_a_look_between_steps_is_about_the_command_before_it() -> None:
    between = SOURCE.replace(
        "  - run: [walks, list, a.csv]",
        "  - expect: {output: added}\n  - run: [walks, list, a.csv]",
    )
    journey = read(between)
    commands = RunCommands(journey, 0)
    add, _, listing = journey.steps
    assert [type(look).__name__ for look in commands._about(add)] == ["OutputHas"]  # type: ignore[arg-type]
    assert [look.command for look in commands._about(listing)] == ["listing", "listing"]  # type: ignore[arg-type]


def test_a_tool_that_writes_nothing_leaves_the_file_that_it_was_given() -> None:
    """A first command that nobody looked at left no file to look at, so its journey could not be
    judged: "the injected fault stale went unnoticed"."""
    source = """journey: a-line-is-added
promise: issue
let: {guest: "{{ any.name }}"}
steps:
  - run: [walks, add, "{{ guest }}", "4"]
    files: [{name: a.csv, text: "Ben 2"}]
expect:
  - file: {name: a.csv, lines: ["Ben 2", "{{ guest }} 4"]}
"""

    def added(call: CommandCall) -> CommandAnswer:
        text = b"\n".join([call.files[0].content, " ".join(call.argv[2:]).encode()])
        return CommandAnswer(Ended.ITSELF, 0, left=(("a.csv", text),))

    assert held(ran(added, source=source)[1], source) == [True]
    commands, values, results = ran(added, FaultInjector.STALE, source)
    assert results[0].left == {"a.csv": b"Ben 2"}
    assert held(values, source) == [False]
    assert commands.facts(values).touched
