"""How production starts the app: guesses from the most to the least certain; the first match is
used.

A sandbox runs a list of arguments, not a shell line, and finds `python` and what Python imports. So
console scripts become `python -m`, and a `$PORT` in the command becomes the variable that the
server reads itself.
"""

import re
import shlex
from collections.abc import Iterator

from harness.onboarding.evidence.daemons import commands_in, foreground
from harness.onboarding.evidence.python_source import AppObject, PythonFile
from harness.onboarding.evidence.sources import Sources, is_beside, table
from harness.onboarding.survey import Evidence, Route, Start

_MODULES = {
    "gunicorn": "gunicorn",
    "flask": "flask",
    "uvicorn": "uvicorn",
    "waitress-serve": "waitress",
    "hypercorn": "hypercorn",
}
_OWN_PORT = {"gunicorn": "PORT", "flask": "FLASK_RUN_PORT", "uvicorn": "UVICORN_PORT"}
_SHELLS = frozenset({"|", "||", "&&", ";", ">", ">>", "<", "&"})
_PORT_OPTIONS = ("-p", "--port", "-b", "--bind")
_READY = ("/health", "/healthz", "/ready", "/readyz", "/ping", "/status", "/up")


def start_in(sources: Sources) -> Start | None:
    """The command that most likely starts the app in production; None if nothing here
    starts one."""
    guesses = (_procfile, _main_modules, _scripts, _app_objects, _django, _node, _dockerfile)
    return next((start for guess in guesses for start in guess(sources)), None)


def ready_in(routes: tuple[Route, ...]) -> tuple[str, Evidence | None]:
    """The path that answers when the app is up, and the route that shows it."""
    fixed = {
        route.path: route
        for route in reversed(routes)
        if "GET" in route.methods and not re.search(r"[<{:*(]", route.path)
    }
    named = next((path for path in (*_READY, "/") if path in fixed), None) or min(
        fixed, key=len, default=None
    )
    if named is None or not re.fullmatch(r"/[!-~]*", named):
        return "/", None
    return named, Evidence(fixed[named].file, fixed[named].line, f"answers {named}")


def as_argv(command: str) -> tuple[tuple[str, ...], str] | None:
    """A shell line as a sandbox can run it, with the variable of its port; None if it is
    not a plain command."""
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    env = [
        words.pop(0)
        for _ in range(len(words))
        if words and re.fullmatch(r"[A-Z_][A-Z0-9_]*=\S*", words[0])
    ]
    # `exec` belongs to the shell, and the sandbox has none.
    words = words[1:] if words[:1] == ["exec"] else words
    # Assignments and shell operators cannot be expressed as a list of arguments.
    if not words or env or not re.match(r"[\w./-]+\Z", words[0]) or not _SHELLS.isdisjoint(words):
        return None
    return _argv(words)


def _argv(words: list[str]) -> tuple[tuple[str, ...], str] | None:
    name, *rest = words
    server = _MODULES.get(name, "")
    if name in ("python", "python3"):
        server = rest[1] if rest[:1] == ["-m"] and len(rest) > 1 else ""
    elif server:
        rest = ["-m", server, *rest]
    if port := _OWN_PORT.get(server):
        rest = _without_port(rest)
    argv = ("python" if name.startswith("python") or name in _MODULES else name, *rest)
    used = next(iter(re.findall(r"\$\{?([A-Z_][A-Z0-9_]*)", " ".join(rest))), "")
    # The server reads no variable of its own, so a shell puts the port in.
    if used:
        line = " ".join(word if "$" in word else shlex.quote(word) for word in argv)
        return ("sh", "-c", f"exec {line}"), used
    return argv, port or "PORT"


def _without_port(words: list[str]) -> list[str]:
    kept, skip = list[str](), False
    for word in words:
        if skip:
            skip = False
        elif word in _PORT_OPTIONS:
            skip = True
        elif not word.startswith(tuple(f"{option}=" for option in _PORT_OPTIONS)):
            kept.append(word)
    return kept


def _start(command: str, because: Evidence) -> Start | None:
    found = as_argv(foreground(command) or command)
    if found is None:
        return None
    argv, port_env = found
    needs = (
        argv[2]
        if argv[:2] == ("python", "-m") and argv[2:3] and argv[2] in _MODULES.values()
        else ""
    )
    return Start(argv, port_env, because, needs=needs)


def _procfile(sources: Sources) -> Iterator[Start]:
    for number, line in sources.lines(sources.contents.named("Procfile")):
        if line.startswith("web:") and (
            start := _start(
                line.removeprefix("web:").strip(),
                Evidence("Procfile", number, "starts the web process"),
            )
        ):
            yield start


def _main_modules(sources: Sources) -> Iterator[Start]:
    for file in sources.product:
        if (
            file.path.endswith("/__main__.py")
            and file.servers
            and file.path.removeprefix("src/").count("/") > 0
        ):
            yield _of_python(
                file, ("python", "-m", file.module), f"`python -m {file.module}` serves"
            )


def _scripts(sources: Sources) -> Iterator[Start]:
    for file in sources.product:
        if file.guard and _port(file) and any(line > file.guard for line in file.servers):
            yield _of_python(file, ("python", file.path), "serves when it is run")


def _of_python(file: PythonFile, argv: tuple[str, ...], detail: str) -> Start:
    """A module or script that serves by itself, with the variable of its port."""
    line = next(iter(file.servers), 1)
    if file.path.startswith("src/") and argv[1] == "-m":
        argv = ("sh", "-c", f"PYTHONPATH=src:$PYTHONPATH exec python -m {shlex.quote(argv[2])}")
    port = _port(file)
    at = f", at the port in ${port}" if port else ""
    return Start(argv, port or "PORT", Evidence(file.path, line, f"{detail}{at}"))


def _port(file: PythonFile) -> str:
    return next(
        (variable.name for variable in file.variables if "PORT" in variable.name.upper()), ""
    )


def _app_objects(sources: Sources) -> Iterator[Start]:
    found = [(file, app) for file in sources.product for app in file.apps]
    best = sorted(
        found, key=lambda pair: (pair[0].path.count("/"), _rank(pair[0].path), pair[1].is_factory)
    )
    yield from (_served(file, app) for file, app in best)


def _rank(path: str) -> int:
    names = ("app.py", "wsgi.py", "asgi.py", "main.py", "server.py", "__init__.py")
    last = path.rpartition("/")[2]
    return names.index(last) if last in names else len(names)


def _served(file: PythonFile, app: AppObject) -> Start:
    makes = "has a function that makes" if app.is_factory else "makes"
    because = Evidence(file.path, app.line, f"{makes} a {app.framework.capitalize()} app")
    in_src = file.path.startswith("src/")
    if app.framework == "flask":
        # Flask finds a module by its path as well as by its name, and puts the right folder on the
        # path for it.
        target = f"src/{file.module.replace('.', '/')}" if in_src else file.module
        shown = (
            target
            if app.name in ("app", "application", "create_app", "make_app")
            else f"{target}:{app.name}"
        )
        return Start(
            ("python", "-m", "flask", "--app", shown, "run"),
            "FLASK_RUN_PORT",
            because,
            needs="flask",
        )
    folder = ("--app-dir", "src") if in_src else ()
    factory = ("--factory",) if app.is_factory else ()
    argv = ("python", "-m", "uvicorn", *folder, *factory, f"{file.module}:{app.name}")
    return Start(argv, "UVICORN_PORT", because, needs="uvicorn")


def _django(sources: Sources) -> Iterator[Start]:
    if "manage.py" not in sources.contents.files or "django" not in sources.contents.text(
        "manage.py"
    ):
        return
    settings = re.search(
        r"DJANGO_SETTINGS_MODULE['\"], *['\"]([\w.]+)['\"]", sources.contents.text("manage.py")
    )
    line = "exec python manage.py runserver --noreload 127.0.0.1:$PORT"
    yield Start(
        ("sh", "-c", line),
        "PORT",
        Evidence("manage.py", 0, "is Django's"),
        needs="django",
        env=(("DJANGO_SETTINGS_MODULE", settings[1]),) if settings else (),
    )


def _node(sources: Sources) -> Iterator[Start]:
    script = table(sources.package_json, "scripts").get("start")
    if (
        isinstance(script, str)
        and (start := _start(script, Evidence("package.json", 0, "has a `start` script")))
        and start.argv[0] == "node"
    ):
        yield start
    listening = re.compile(r"\.listen\(|createServer\(")
    for name in sorted(sources.contents.files, key=lambda name: (name.count("/"), name)):
        if name.endswith((".js", ".mjs", ".cjs")) and name.count("/") < 2 and not is_beside(name):
            for number, line in sources.lines(name):
                if listening.search(line):
                    yield Start(("node", name), "PORT", Evidence(name, number, "listens"))
                    break


def _dockerfile(sources: Sources) -> Iterator[Start]:
    # The last CMD of a Dockerfile wins.
    for line, name, number in reversed(tuple(commands_in(sources))):
        if name.casefold() == "dockerfile" and line.startswith("["):
            words = re.findall(r'"((?:[^"\\]|\\.)*)"', line)
            if start := _start(shlex.join(words), Evidence(name, number, "starts the image")):
                yield start
