"""Records the forge: each request of a node is written down with its answer, and replayed without a
forge.

Properties:
- Recording changes nothing: the caller gets what the forge answers or raises.
- In a replay each request must be the recorded one, in its place. A request that was not recorded
  gets an error that names it.
- Output (labels, comments, checks) is not a decision: outside of a node nothing is recorded or
  refused.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any, cast, get_type_hints

from harness.domain.errors import ForgeError
from harness.domain.issue import CommitSha, Issue, News
from harness.domain.plain import JsonDict, JsonObject, plain, valued
from harness.ports.forge import Forge, ForgeWriter

Node = Callable[[], str | None]
"""Returns the node that this thread runs; None outside of one."""
Note = Callable[[JsonObject], None]
Line = JsonObject

SHOWN = frozenset(
    {"set_state_label", "upsert_comment", "set_check", "upsert_issue", "pin_issue", "reopen_issue"}
)
ASIDE = frozenset({"news", "issues", "tip"})
"""Requests between runs, which any run may also make. A replay answers them from the open
issues."""
BEGINS, OPEN, TIP = "begins", "open", "tip"
"""Kinds of line beside the forge's calls: a node begins (again, after a kill); the issues that were
open and not triaged then; the tip that git found of a branch."""


class _Recorded:
    """Any object; its calls are recorded while a node runs. With `names` only those calls are."""

    def __init__(
        self, real: object, node: Node, note: Note, names: frozenset[str] | None = None
    ) -> None:
        self._real, self._node, self._note, self._names = real, node, note, names

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not callable(found) or (self._names is not None and name not in self._names):
            return found

        def call(*given: Any, **named: Any) -> Any:
            node = self._node()
            if node is None:
                return found(*given, **named)
            line = {"node": node, "call": name, "with": call_arguments(given, named)}
            try:
                answer = found(*given, **named)
            except ForgeError as error:
                failure = {"retryable": error.retryable, "status": error.status}
                self._note({**line, "error": {"says": str(error), **failure}})
                raise
            self._note({**line, "answer": plain(answer)})
            return answer

        return call


def recorded(forge: Forge, *, node: Node, note: Note) -> Forge:
    """The same forge, recorded."""
    return cast(Forge, _Recorded(forge, node, note))


def recorded_writer(writer: ForgeWriter, *, node: Node, note: Note) -> ForgeWriter:
    """The same writer, recorded."""
    return cast(ForgeWriter, _Recorded(writer, node, note))


def call_arguments(given: Iterable[Any], named: JsonObject) -> JsonDict:
    """A call's arguments as JSON."""
    return {"given": plain(list(given)), "named": plain(dict(sorted(named.items())))}


class ReplayedForge:
    """A forge made of a recording. Use `forge` and `writer`; `unused` lists what was recorded and
    never requested."""

    def __init__(self, lines: Iterable[Line], *, node: Node, branch: str) -> None:
        self._node, self._branch = node, branch
        self._calls: dict[str, deque[Line]] = defaultdict(deque)
        self._open: tuple[Issue, ...] = ()
        self._off: str | None = None
        for line in lines:
            # A node that started again after a kill made its calls again.
            if line.get(BEGINS):
                self._calls[line["node"]].clear()
            elif OPEN in line:
                self._open = valued(tuple[Issue, ...], line[OPEN])
            elif "call" in line and line["call"] not in ASIDE:
                self._calls[line["node"]].append(line)

    @property
    def forge(self) -> Forge:
        return cast(Forge, _Replayed(self, return_types(Forge)))

    @property
    def writer(self) -> ForgeWriter:
        return cast(ForgeWriter, _Replayed(self, return_types(ForgeWriter)))

    @property
    def off_script(self) -> str | None:
        """The first request that was not the recorded one; None if all were."""
        return self._off

    @property
    def unused(self) -> tuple[str, ...]:
        """What was recorded and not requested, a line each."""
        return tuple(
            f"{node}: {_shown(line['call'], line['with'])}"
            for node, lines in self._calls.items()
            for line in lines
        )

    def answer(self, name: str, asked: JsonObject, kind: Any) -> Any:
        """The recorded answer at this place. Raises the recorded error, or ForgeError if this was
        never requested."""
        node = self._node()
        if node is None or name in ASIDE:
            return self._aside(name)
        if not self._is_next(node, name) or self._calls[node][0]["with"] != asked:
            raise self._refused(node, name, asked)
        line = self._calls[node].popleft()
        if error := line.get("error"):
            raise ForgeError(error["says"], retryable=error["retryable"], status=error["status"])
        return valued(kind, line["answer"])

    def _is_next(self, node: str, name: str) -> bool:
        return bool(self._calls[node]) and self._calls[node][0]["call"] == name

    def _aside(self, name: str) -> Any:
        """Outside of a node output is ignored, and the recording has two answers: the default
        branch, and the issues that were open."""
        match name:
            case "default_branch":
                return self._branch
            case "news":
                return News(self._open, (), "")
            case "issues":
                return ()
            case _ if name in SHOWN:
                return None
        raise ForgeError(f"{name} was asked outside of a node, and only what nodes ask is recorded")

    def _refused(self, node: str, name: str, asked: JsonObject) -> ForgeError:
        waiting = next(iter(self._calls[node]), None)
        expected = (
            f"recorded here is {_shown(waiting['call'], waiting['with'])}"
            if waiting
            else "its recording is used up"
        )
        # The first one stays: those that follow come from it.
        self._off = self._off or f"{node} asked {_shown(name, asked)} of the forge; {expected}"
        return ForgeError(self._off)


class _Replayed:
    def __init__(self, recording: ReplayedForge, kinds: JsonObject) -> None:
        self._recording, self._kinds = recording, kinds

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in self._kinds:
            raise AttributeError(name)
        return lambda *given, **named: self._recording.answer(
            name, call_arguments(given, named), self._kinds[name]
        )


def return_types(port: type) -> JsonDict:
    """The return type of each method of a port."""
    return {
        name: get_type_hints(method).get("return")
        for name, method in vars(port).items()
        if callable(method) and not name.startswith("_")
    }


def _shown(name: str, asked: JsonObject) -> str:
    words = [
        *map(repr, asked["given"]),
        *(f"{key}={value!r}" for key, value in asked["named"].items()),
    ]
    return f"{name}({', '.join(words):.200})"


def with_recorded_tip(repository: object, *, node: Node, note: Note) -> Any:
    """The same repository, with its requests for the forge's branch tips recorded."""
    return _Recorded(repository, node, note, frozenset({TIP}))


def recorded_tip(lines: Iterable[Line]) -> CommitSha | None:
    """The tip of the branch at the first request of a node."""
    tips = (line["answer"] for line in lines if line.get("call") == TIP and "answer" in line)
    return next((CommitSha(tip) for tip in tips), None)
