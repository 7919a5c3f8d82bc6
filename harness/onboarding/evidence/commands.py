"""The commands that journeys could run where a product answers no requests: its console scripts,
and for a library the interpreter of its language."""

import re
import shlex
from collections.abc import Iterator

from harness.onboarding.evidence.sources import Sources, table
from harness.onboarding.survey import Command, Evidence, Product

MOST = 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_OBJECT = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_]\w*)")
_FILE = re.compile(r"(?:\./)?([\w][\w./-]*)")


def commands_in(sources: Sources, product: Product) -> tuple[Command, ...]:
    """The commands; none for a product that is no tool and no library."""
    if product not in (Product.COMMAND, Product.LIBRARY):
        return ()
    found = {one.name: one for one in (*_python(sources), *_node(sources))}
    return tuple(found.values())[:MOST] or tuple(_interpreter(sources))


def _python(sources: Sources) -> Iterator[Command]:
    scripts = table(sources.pyproject, "project", "scripts")
    for name, target in scripts.items():
        given = _OBJECT.fullmatch(target.strip()) if isinstance(target, str) else None
        if given and _NAME.fullmatch(name):
            module, function = given[1], given[2]
            # A sandbox has no installed script: this is what pip would write into one.
            text = f"import sys; from {module} import {function}; sys.exit({function}())"
            yield Command(
                name,
                f"python -c {shlex.quote(text)}",
                Evidence("pyproject.toml", 0, f"names the script {name}"),
            )
    if not scripts:
        for file in sources.product:
            if file.guard and file.path.removeprefix("src/").endswith("/__main__.py"):
                yield Command(
                    file.module.partition(".")[0],
                    f"python -m {file.module}",
                    Evidence(file.path, 0, "can be run"),
                )


def _node(sources: Sources) -> Iterator[Command]:
    given = sources.package_json.get("bin")
    name = sources.package_json.get("name")
    scripts = {name: given} if isinstance(given, str) else given if isinstance(given, dict) else {}
    for one, path in scripts.items():
        file = _FILE.fullmatch(path) if isinstance(path, str) else None
        if file and ".." not in path and isinstance(one, str):
            own = one.rpartition("/")[2]
            if _NAME.fullmatch(own):
                because = Evidence("package.json", 0, f"names the program {own}")
                yield Command(own, f"node ./{file[1]}", because)


def _interpreter(sources: Sources) -> Iterator[Command]:
    """What runs a small program that uses the library."""
    if sources.product:
        because = Evidence(sources.product[0].path, 0, "is Python")
        yield Command("python", "python", because)
    elif sources.package_json:
        yield Command("node", "node", Evidence("package.json", 0, "is Node"))
