"""How a Python app is started, by its own source: modules that serve, installed commands, app
objects, Django."""

import re
import shlex
from collections.abc import Iterator

from harness.onboarding.evidence.python_source import AppObject, PythonFile
from harness.onboarding.evidence.sources import Sources
from harness.onboarding.evidence.starts.entry_points import EntryPoint, entry_points_in
from harness.onboarding.survey import Evidence, Start

_PORT = re.compile(r"(?:^|_)PORT(?:_|$)", re.IGNORECASE)


def main_modules(sources: Sources) -> Iterator[Start]:
    for file in sources.product:
        if (
            file.path.endswith("/__main__.py")
            and file.servers
            and file.path.removeprefix("src/").count("/") > 0
        ):
            yield _of_python(
                file, ("python", "-m", file.module), f"`python -m {file.module}` serves"
            )


def scripts(sources: Sources) -> Iterator[Start]:
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
    because = Evidence(file.path, line, f"{detail}{at}")
    return Start(argv, port or "PORT", because, reads_port=bool(port))


def _port(file: PythonFile) -> str:
    return next((variable.name for variable in file.variables if _PORT.search(variable.name)), "")


def installed_commands(sources: Sources) -> Iterator[Start]:
    """Console scripts whose module starts a server, and tells by an option or a variable where."""
    for entry in entry_points_in(sources):
        file = next((one for one in sources.product if one.module == entry.module), None)
        if file and file.servers and not file.path.startswith("src/"):
            yield from _of_entry(sources, entry, file)


def _of_entry(sources: Sources, entry: EntryPoint, file: PythonFile) -> Iterator[Start]:
    line, command = next(
        ((line, name) for line, name in file.serving_commands), (file.servers[0], "")
    )
    words = [command] if command and command != entry.function else []
    package = file.path.rpartition("/")[0]
    if f"{package}/__main__.py" in sources.contents.files:
        argv = ["python", "-m", package.replace("/", ".")]
    else:
        argv = ["python", "-c", f"from {entry.module} import {entry.function} as run; run()"]
    shown = f"is what `{entry.name}` runs ({entry.because.place}), and serves"
    if file.port_option:
        words_and_port = shlex.join([*argv, *words]) + f" {file.port_option} $PORT"
        because = Evidence(file.path, line, f"{shown}, with its port in {file.port_option}")
        yield Start(("sh", "-c", f"exec {words_and_port}"), "PORT", because)
    elif port := _port(file):
        because = Evidence(file.path, line, f"{shown}, at the port in ${port}")
        yield Start((*argv, *words), port, because)


def app_objects(sources: Sources) -> Iterator[Start]:
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


def django(sources: Sources) -> Iterator[Start]:
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
