"""The supervisor's two JSON documents: a sandbox's specification and its result.

A specification is refused as a whole when anything in it is unknown or out of range: a misspelt
limit must not become an absent one.
"""

import json
import os
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from typing import Any, TypeVar

from harness.domain.errors import SandboxError
from harness.domain.sandbox import Form, SandboxResult, SandboxSpec

T = TypeVar("T")
RESERVED = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/proc",
    "/sys",
    "/dev",
    "/etc",
    "/run/sockets",
    "/opt/bin",
    "/opt/site",
)
HOSTNAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?")
USER = re.compile(r"[a-z][a-z0-9-]{0,31}")
HOME = re.compile(r"(/[A-Za-z0-9._-]+){1,8}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def spec_from(text: str) -> tuple[SandboxSpec, str | None]:
    """A specification and the path for its result. Raises SandboxError that names the wrong key."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise SandboxError(f"the specification is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise SandboxError("the specification must be one JSON object")
    result = document.pop("result", None)
    if result is not None and not (isinstance(result, str) and result.startswith("/")):
        raise SandboxError("`result` must be an absolute path")
    spec = _record(SandboxSpec, document, "")
    check(spec)
    return spec, result


def spec_text(spec: SandboxSpec, *, result: str | None = None) -> str:
    """The specification as the supervisor reads it."""
    return json.dumps({**asdict(spec), "env": dict(spec.env), "result": result})


def result_from(text: str, *, stdout: bytes, stderr: bytes) -> SandboxResult:
    """A result, with the output that its reader has collected. Raises SandboxError when it is not
    one."""
    try:
        return _record(SandboxResult, {**json.loads(text), "stdout": stdout, "stderr": stderr}, "")
    except (TypeError, ValueError) as error:
        raise SandboxError(f"the sandbox's result cannot be read: {error}") from error


def result_text(result: SandboxResult) -> str:
    """The result without the output, which the reader already has."""
    document = asdict(result)
    del document["stdout"], document["stderr"]
    return json.dumps(document)


def write_result(path: str, result: SandboxResult) -> None:
    """Write it so that a reader sees all of it or nothing. Raises SandboxError."""
    draft = f"{path}.{os.getpid()}"
    try:
        # A sandbox may have put a link at this path or at the result's. O_EXCL follows no link, and
        # `os.replace` replaces one.
        with open(
            os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
        ) as file:
            file.write(result_text(result) + "\n")
        os.replace(draft, path)
    except OSError as error:
        raise SandboxError(f"the result cannot be written: {error}") from error


def check(spec: SandboxSpec) -> None:
    """Raises SandboxError when a value has the right type but cannot be meant."""
    for key, wrong in _faults(spec):
        raise SandboxError(f"`{key}`: {wrong}")


def _faults(spec: SandboxSpec) -> typing.Iterator[tuple[str, str]]:
    if not (spec.argv or spec.commands is not None) or not all(spec.argv[:1]):
        yield "argv", "must name a command"
    if not all(map(_passes, (*spec.argv, spec.cwd))):
        yield "argv", "holds a character that no command line can carry"
    if not spec.cwd.startswith("/"):
        yield "cwd", "must be an absolute path in the sandbox"
    if not HOSTNAME.fullmatch(spec.hostname):
        yield "hostname", f"`{spec.hostname}` is not a host name"
    if spec.form not in ("auto", *Form):
        yield "form", f"`{spec.form}` is none of auto, {', '.join(Form)}"
    if spec.root and (wrong := source_fault(spec.root)):
        yield "root", wrong
    for name, value in spec.env.items():
        if not VARIABLE.fullmatch(name) or not isinstance(value, str) or not _passes(value):
            yield "env", f"`{name}` must be a variable's name with a text"
    for name in (item.name for item in fields(spec.limits)):
        if getattr(spec.limits, name) <= 0:
            yield f"limits.{name}", "must be more than 0"
    if not USER.fullmatch(spec.user):
        yield "user", f"`{spec.user}` is not the name of an account"
    if not HOME.fullmatch(spec.home):
        yield "home", f"`{spec.home}` is not a plain folder"
    yield from _bind_faults(spec)
    yield from _port_faults(spec)


def _passes(text: str) -> bool:
    """Whether the kernel can take it as an argument or a variable."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _bind_faults(spec: SandboxSpec) -> typing.Iterator[tuple[str, str]]:
    targets = set()
    for bind in spec.binds:
        target = bind.target
        if (
            not target.startswith("/")
            or target != os.path.normpath(target)
            or target in ("/", "/run", "/opt")
        ):
            yield "binds", f"the target {target} must be an absolute, plain path below the root"
        elif f"{target}/".startswith(tuple(f"{folder}/" for folder in RESERVED)):
            yield (
                "binds",
                f"the target {target} belongs to the sandbox itself; choose another, such as /app",
            )
        elif target in targets:
            yield "binds", f"the target {target} is named twice"
        targets.add(target)
        if wrong := source_fault(bind.source):
            yield "binds", wrong


def _port_faults(spec: SandboxSpec) -> typing.Iterator[tuple[str, str]]:
    ports = set()
    for port in (*(dial.port for dial in spec.dial), *(serve.port for serve in spec.serve)):
        if not 1024 <= port <= 65535:
            yield "dial/serve", f"the port {port} is not one of 1024..65535"
        if port in ports:
            yield "dial/serve", f"the port {port} is named twice"
        ports.add(port)
    for dial in spec.dial:
        if wrong := source_fault(dial.socket):
            yield "dial", wrong
    further = () if spec.commands is None else (("commands", spec.commands),)
    for key, descriptor in (*(("serve", serve.fd) for serve in spec.serve), *further):
        if descriptor < 3:
            yield key, f"descriptor {descriptor} is a standard stream, not a listening socket"
        elif not os.path.exists(f"/proc/self/fd/{descriptor}"):
            yield key, f"descriptor {descriptor} is not open; pass it on to the supervisor"


def source_fault(source: str) -> str | None:
    """Why the host path may not be shown in a sandbox, or None. An earlier sandbox may have made a
    link."""
    if not source.startswith("/"):
        return f"{source} must be an absolute path of the host"
    if not os.path.lexists(source):
        return f"{source} does not exist"
    parts = source.rstrip("/").split("/")
    for depth in range(2, len(parts) + 1):
        path = "/".join(parts[:depth])
        if os.path.islink(path) and (
            depth == len(parts) or os.lstat(path).st_uid not in (0, os.geteuid())
        ):
            return f"{path} is a symbolic link; name the place itself"
    return None


def _record(record_type: type[T], document: Mapping[str, Any], where: str) -> T:
    hints = typing.get_type_hints(record_type)
    expected = {item.name: item for item in fields(record_type)}  # type: ignore[arg-type]
    if unknown := sorted(document.keys() - expected.keys()):
        raise SandboxError(f"`{where}{unknown[0]}` is not a key; known here: {', '.join(expected)}")
    for name, item in expected.items():
        if name not in document and item.default is MISSING and item.default_factory is MISSING:
            raise SandboxError(f"`{where}{name}` is missing")
    return record_type(
        **{name: _value(hints[name], value, f"{where}{name}") for name, value in document.items()}
    )


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if is_dataclass(hint) and isinstance(value, dict):
        return _record(typing.cast(type, hint), value, f"{where}.")
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_value(arguments[0], item, where) for item in value)
    if origin is types.UnionType and value is None and type(None) in arguments:
        return None
    if origin is types.UnionType:
        return _value(arguments[0], value, where)
    if origin is typing.Literal and value in arguments:
        return value
    if isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(value, dict):
        return dict(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if origin is None and isinstance(hint, type) and type(value) is hint:
        return value
    raise SandboxError(
        f"`{where}` must be {_words(hint)}, not {json.dumps(value, default=str)[:80]}"
    )


def _words(hint: Any) -> str:
    if typing.get_origin(hint) is typing.Literal:
        return " or ".join(typing.get_args(hint))
    plain = {int: "a whole number", str: "a text", float: "a number", bool: "true or false"}
    return plain.get(hint, "a list or an object")
