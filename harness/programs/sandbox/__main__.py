"""`python -I -m harness.programs.sandbox run|probe|layer|root|serve`: the supervisor's commands.

Each sandbox has a supervisor process of its own.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from harness.domain.errors import ConfigError, FactoryError, SandboxError

# As in env(1) and timeout(1): the program itself failed, not the command.
NO_SANDBOX = 125


def main(argv: list[str]) -> int:
    """The exit code: that of the sandboxed command for `run`, else 0.

    2 means a bad lock file, 125 that no sandbox could be made.
    """
    arguments = _parser().parse_args(argv)
    # Sandboxes run as other uids, which must be able to read what is made for them.
    os.umask(0o022)
    try:
        code: int = arguments.run(arguments)
    except FactoryError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else NO_SANDBOX
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness.programs.sandbox", description=__doc__)
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="run one command in a sandbox")
    run.add_argument("--spec", required=True, help="the specification, a JSON file")
    run.set_defaults(run=_run)
    probe = commands.add_parser(
        "probe", help="which sandbox forms work here, and what each cannot hold"
    )
    probe.add_argument("--json", action="store_true")
    probe.set_defaults(run=_probe)
    layer = commands.add_parser("layer", help="prepare the dependencies that a lock file names")
    layer.add_argument("--lock", required=True, type=Path)
    layer.add_argument(
        "--name",
        help="the lock's path in its repository, which tells the ecosystem; else its own name",
    )
    layer.add_argument(
        "--wheels", required=True, type=Path, help="the folder that caches packages between layers"
    )
    layer.add_argument(
        "--out", required=True, type=Path, help="the folder of layers, one folder per lock"
    )
    more = layer.add_mutually_exclusive_group()
    more.add_argument(
        "--beside",
        action="append",
        default=[],
        metavar="PATH=FILE",
        help="another file of the repository that the lock may need",
    )
    more.add_argument(
        "--tree", type=Path, help="the repository's folder; packages that lie in it are compared"
    )
    layer.add_argument("--form", default="auto")
    layer.add_argument("--root", default="", help="the prepared root file system of its sandboxes")
    layer.set_defaults(run=_layer)
    root = commands.add_parser("root", help="print the digest that names a root file system")
    root.add_argument("--of", required=True, type=Path, help="a folder, a tar or an OCI layout")
    root.set_defaults(run=_root)
    serve = commands.add_parser(
        "serve", help="run these commands many times, each in a process forked from this one"
    )
    serve.add_argument(
        "--line",
        required=True,
        type=int,
        metavar="FD",
        help="a socket, by its descriptor: see `fork_server`",
    )
    serve.set_defaults(run=_serve)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from harness.programs.sandbox.document import spec_from, write_result
    from harness.programs.sandbox.supervisor import run_sandbox, stop_signals

    try:
        text = Path(arguments.spec).read_text(encoding="utf-8")
    except OSError as error:
        raise SandboxError(f"the specification cannot be read: {error}") from error
    spec, path = spec_from(text)
    if path and os.path.lexists(path):
        # An old result must not be taken for this one.
        os.unlink(path)
    # A second stop signal must not end this process before the result is written.
    with stop_signals() as stop:
        try:
            result = run_sandbox(spec, stop=stop)
        except SandboxError as error:
            raise SandboxError(f"{spec.name}: {error}", retryable=error.retryable) from error
        if path:
            write_result(path, result)
    return result.exit_code


def _probe(arguments: argparse.Namespace) -> int:
    from harness.programs.sandbox.probe import report, text_of

    found = report()
    print(json.dumps(found) if arguments.json else text_of(found))
    return 0


def _layer(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from harness.programs.sandbox.packages.layer import MOST_BYTES, layer

    files = {path: Path(file) for path, _, file in (one.partition("=") for one in arguments.beside)}

    def read(path: str) -> bytes | None:
        file = arguments.tree / path if arguments.tree else files.get(path)
        if file is None or not file.is_file() or file.is_symlink():
            return None
        with file.open("rb") as opened:
            # One byte more shows that there is more, and none beyond it is read.
            return opened.read(MOST_BYTES + 1)

    with arguments.lock.open("rb") as opened:
        lock = opened.read(MOST_BYTES + 1)
    prepared = layer(
        lock,
        name=arguments.name or arguments.lock.name,
        wheels=arguments.wheels,
        out=arguments.out,
        form=arguments.form,
        root=arguments.root,
        read=read,
        tree=arguments.tree,
    )
    print(json.dumps(asdict(prepared)))
    return 0


def _root(arguments: argparse.Namespace) -> int:
    from harness.programs.sandbox.roots.root import digest_of

    print(digest_of(arguments.of))
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    import socket

    # Imported once here: what each sandbox would otherwise import.
    import harness.programs.sandbox.document
    import harness.programs.sandbox.supervisor  # noqa: F401
    from harness.programs.sandbox.fork_server import serve
    from harness.programs.sandbox.forms import find_best

    find_best()
    with socket.socket(fileno=arguments.line) as line:
        serve(line, main)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
