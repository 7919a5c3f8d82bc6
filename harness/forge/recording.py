"""The forge on tape: every question a node asks is written down with its answer, and played again
without any forge.

Properties kept:
- recording changes nothing: what the forge answers, or raises, is what the asker gets;
- in a replay each question must be the recorded one, in its place: what was never asked has no
  answer, by name;
- what is only shown (labels, comments, checks) is no decision, and outside a node nothing is
  recorded or refused."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast, get_type_hints

from harness.domain.errors import ForgeError
from harness.domain.issue import CommitSha, Issue, News
from harness.domain.plain import plain, valued
from harness.ports.forge import Forge, ForgeWriter

Node = Callable[[], str | None]
"""The node that is at work in this thread; None outside of one."""
Note = Callable[[Mapping[str, Any]], None]
Line = Mapping[str, Any]

SHOWN = frozenset(
    {"set_state_label", "upsert_comment", "set_check", "upsert_issue", "pin_issue", "reopen_issue"}
)
ASIDE = frozenset({"news", "issues", "tip"})
"""What is asked between runs, and may be asked within one by whoever comes first: a tape answers it
by what was open."""
BEGINS, OPEN, TIP = "begins", "open", "tip"
"""Kinds of line beside the forge's calls: a node begins (anew, after a kill); what was open and not
yet triaged then; where git found a branch."""


class _Recorded:
    """Any object whose calls are noted while a node is at work; only those in `names`, where some
    are named."""

    def __init__(
        self, real: object, node: Node, note: Note, names: frozenset[str] | None = None
    ) -> None:
        self._real, self._node, self._note, self._names = real, node, note, names

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not callable(found) or (self._names is not None and name not in self._names):
            return found

        def asked(*given: Any, **named: Any) -> Any:
            node = self._node()
            if node is None:
                return found(*given, **named)
            line = {"node": node, "call": name, "with": asked_with(given, named)}
            try:
                answer = found(*given, **named)
            except ForgeError as error:
                self._note(
                    {
                        **line,
                        "error": {
                            "says": str(error),
                            "retryable": error.retryable,
                            "status": error.status,
                        },
                    }
                )
                raise
            self._note({**line, "answer": plain(answer)})
            return answer

        return asked


def recorded(forge: Forge, *, node: Node, note: Note) -> Forge:
    """The same forge, on tape."""
    return cast(Forge, _Recorded(forge, node, note))


def recorded_writer(writer: ForgeWriter, *, node: Node, note: Note) -> ForgeWriter:
    """The same writer, on tape."""
    return cast(ForgeWriter, _Recorded(writer, node, note))


def asked_with(given: Iterable[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """A call's arguments as JSON."""
    return {"given": plain(list(given)), "named": plain(dict(sorted(named.items())))}


class PlayedForge:
    """A forge made of a tape. Use `forge` and `writer`; `unused` is what was recorded and never
    asked for."""

    def __init__(self, lines: Iterable[Line], *, node: Node, branch: str) -> None:
        self._node, self._branch = node, branch
        self._calls: dict[str, deque[Line]] = defaultdict(deque)
        self._open: tuple[Issue, ...] = ()
        self._off: str | None = None
        for line in lines:
            if line.get(BEGINS):
                self._calls[line["node"]].clear()
            elif OPEN in line:
                self._open = valued(tuple[Issue, ...], line[OPEN])
            elif "call" in line and line["call"] not in ASIDE:
                self._calls[line["node"]].append(line)

    @property
    def forge(self) -> Forge:
        return cast(Forge, _Played(self, get_type_hints_of(Forge)))

    @property
    def writer(self) -> ForgeWriter:
        return cast(ForgeWriter, _Played(self, get_type_hints_of(ForgeWriter)))

    @property
    def off_script(self) -> str | None:
        """The first question that was not the recorded one; None where all were."""
        return self._off

    @property
    def unused(self) -> tuple[str, ...]:
        """What was recorded and not asked for, a line each."""
        return tuple(
            f"{node}: {_shown(line['call'], line['with'])}"
            for node, lines in self._calls.items()
            for line in lines
        )

    def answer(self, name: str, asked: Mapping[str, Any], kind: Any) -> Any:
        """What was answered at this place. Raises the recorded error, or ForgeError where this was
        never asked."""
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
        """Outside of a node: what is shown is taken, and of what there is to see the tape knows two
        things."""
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

    def _refused(self, node: str, name: str, asked: Mapping[str, Any]) -> ForgeError:
        waiting = next(iter(self._calls[node]), None)
        expected = (
            f"recorded here is {_shown(waiting['call'], waiting['with'])}"
            if waiting
            else "the tape of it is used up"
        )
        self._off = self._off or f"{node} asked {_shown(name, asked)} of the forge; {expected}"
        return ForgeError(self._off)


class _Played:
    def __init__(self, tape: PlayedForge, kinds: Mapping[str, Any]) -> None:
        self._recording, self._kinds = tape, kinds

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in self._kinds:
            raise AttributeError(name)
        return lambda *given, **named: self._recording.answer(
            name, asked_with(given, named), self._kinds[name]
        )


def get_type_hints_of(port: type) -> dict[str, Any]:
    """What each method of a port answers."""
    return {
        name: get_type_hints(method).get("return")
        for name, method in vars(port).items()
        if callable(method) and not name.startswith("_")
    }


def _shown(name: str, asked: Mapping[str, Any]) -> str:
    words = [
        *map(repr, asked["given"]),
        *(f"{key}={value!r}" for key, value in asked["named"].items()),
    ]
    return f"{name}({', '.join(words):.200})"


def tip_on_tape(repository: object, *, node: Node, note: Note) -> Any:
    """A repository whose look at the forge's tips is on tape; all else of it is as it is."""
    return _Recorded(repository, node, note, frozenset({TIP}))


def recorded_tip(lines: Iterable[Line]) -> CommitSha | None:
    """Where the branch was when a node asked for the first time."""
    return next(
        (
            CommitSha(line["answer"])
            for line in lines
            if line.get("call") == TIP and "answer" in line
        ),
        None,
    )
