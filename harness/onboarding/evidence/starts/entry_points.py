"""The commands that a project installs, by its own manifest: names and what they run."""

import ast
import re
from collections.abc import Iterator
from configparser import ConfigParser
from configparser import Error as ConfigSyntaxError
from dataclasses import dataclass
from itertools import islice

from harness.governance.facts.syntax import syntax_tree
from harness.onboarding.evidence.sources import Sources, is_beside, json_object, table
from harness.onboarding.evidence.sources import toml_document as toml
from harness.onboarding.survey import Evidence

_MOST = 200
"""Console scripts of one project that are looked up. Each is sought in its whole file."""
_TARGET = re.compile(r"([\w.-]+)\s*=\s*([\w.]+):([\w.]+)")
_CONSOLE = re.compile(r"\[console_scripts\](?P<lines>[^\[]*)")
_GO_MAIN = re.compile(r"^package main\b", re.MULTILINE)
_JVM_MAIN = re.compile(r"(?:^|/)\w*(?:Main|Application|App|Cli|CLI)\.(?:java|kt)$")
_GEM_COMMAND = re.compile(r"\.(?:executables|bindir)\b")


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A console script of a Python project: `name` calls `function` of `module`."""

    name: str
    module: str
    function: str
    because: Evidence


def entry_points_in(sources: Sources) -> tuple[EntryPoint, ...]:
    """Every console script that pyproject.toml, setup.cfg or setup.py installs."""
    found = dict[str, EntryPoint]()
    for file, line in islice(_console_scripts(sources), _MOST):
        if match := _TARGET.fullmatch(line.partition("#")[0].partition("[")[0].strip()):
            name, module, function = match.groups()
            because = Evidence(file, sources.line_of(file, f"{module}:"), f"installs `{name}`")
            found.setdefault(name, EntryPoint(name, module, function, because))
    return tuple(found.values())


def commands_installed(sources: Sources) -> Iterator[Evidence]:
    """What shows that the project installs a command, in any ecosystem."""
    yield from (entry.because for entry in entry_points_in(sources))
    contents = sources.contents
    if sources.package_json.get("bin"):
        yield Evidence("package.json", sources.line_of("package.json", '"bin"'), "has a `bin`")
    if table(toml(contents.text("Cargo.toml")), "package") and (
        "src/main.rs" in contents.files or toml(contents.text("Cargo.toml")).get("bin")
    ):
        line = sources.line_of("Cargo.toml", "[[bin]]")
        yield Evidence("Cargo.toml", line, "builds a program")
    if json_object(contents.text("composer.json")).get("bin"):
        yield Evidence("composer.json", sources.line_of("composer.json", '"bin"'), "has a `bin`")
    yield from go_programs(sources)
    for name in sorted(contents.files, key=lambda name: ("contrib" in name, name.count("/"), name)):
        is_main = _JVM_MAIN.search(name) and not is_beside(name)
        if is_main and (line := sources.line_of(name, "main(")):
            yield Evidence(name, line, "is a program")
    for name in contents.files:
        if name.startswith("bin/") and contents.text(name).startswith("#!"):
            yield Evidence(name, 1, "is a program")
        if name.endswith(".gemspec") and "/" not in name:
            text = contents.text(name)
            if found := _GEM_COMMAND.search(text):
                line = text.count("\n", 0, found.start()) + 1
                yield Evidence(name, line, "installs executables")


def go_programs(sources: Sources) -> Iterator[Evidence]:
    """Each `package main` of the product that has a `main`, the least nested first."""
    if "go.mod" not in sources.contents.files:
        return
    for name in sorted(sources.contents.files, key=lambda name: (name.count("/"), name)):
        if name.endswith(".go") and not name.startswith("vendor/") and not is_beside(name):
            text = sources.contents.text(name)
            if _GO_MAIN.search(text) and "func main()" in text:
                yield Evidence(name, sources.line_of(name, "func main()"), "is a program")


def _console_scripts(sources: Sources) -> Iterator[tuple[str, str]]:
    """Files with lines such as `name = module:function`."""
    for scripts in (
        table(sources.pyproject, "project", "scripts"),
        table(sources.pyproject, "tool", "poetry", "scripts"),
    ):
        for name, target in scripts.items():
            yield "pyproject.toml", f"{name} = {target}"
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(sources.contents.text("setup.cfg"))
    except ConfigSyntaxError:
        parser.clear()
    if parser.has_option("options.entry_points", "console_scripts"):
        for line in parser.get("options.entry_points", "console_scripts").splitlines():
            yield "setup.cfg", line
    for line in _of_setup_py(sources.contents.text("setup.py")):
        yield "setup.py", line


def _of_setup_py(text: str) -> Iterator[str]:
    """The lines of `entry_points`, which is a text like setup.cfg's or a dictionary."""
    tree = syntax_tree(text)
    for node in ast.walk(tree) if tree else ():
        match node:
            case ast.keyword(arg="entry_points", value=ast.Constant(value=str(words))):
                for found in _CONSOLE.finditer(words):
                    yield from found["lines"].splitlines()
            case ast.keyword(arg="entry_points", value=ast.Dict(keys=keys, values=values)):
                for key, value in zip(keys, values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "console_scripts":
                        yield from (
                            one.value
                            for one in ast.walk(value)
                            if isinstance(one, ast.Constant) and isinstance(one.value, str)
                        )
