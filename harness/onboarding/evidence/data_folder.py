"""Where the app stores its data, and what fills it. The sealed validator gives each run a folder of
its own through a variable."""

import re
from collections.abc import Iterator

from harness.onboarding.evidence.python_source import PythonFile, Variable
from harness.onboarding.evidence.sources import Sources, table
from harness.onboarding.evidence.starts.command_lines import as_argv
from harness.onboarding.survey import Data, Evidence, Start

_FOLDER = re.compile(
    r"(?:^|_)(?:DATA|DATA_?DIR|DATA_?PATH|STORAGE|STATE_?DIR|DB_?DIR|INSTANCE_?PATH|VAR_?DIR)$"
)
_SWITCH = re.compile(r"true|false|yes|no|on|off|\d+", re.IGNORECASE)
"""The default of a variable that turns something on or off, and names no folder."""
_SEEDS = ("seed", "seeds", "init_db", "initdb", "create_db", "load_data", "populate", "fixtures")
_SEED_COMMANDS = ("seed", "init-db", "initdb", "init_db", "create-db", "load-data", "populate")


def data_in(sources: Sources, start: Start | None, *, has_services: bool) -> Data:
    """The variable that names the app's data folder and the command that fills it, or its
    services, with their places."""
    variable = next(_variables(sources), None)
    fixed = next(_fixed(sources), None) if variable is None else None
    seed = next(_seeds(sources, start), None) if variable or has_services else None
    because = [found for found in (variable and variable[1], seed and seed[1]) if found]
    return Data(
        variable[0].name if variable else "", seed[0] if seed else (), tuple(because), fixed
    )


def _variables(sources: Sources) -> Iterator[tuple[Variable, Evidence]]:
    for file in sources.product:
        for variable in file.variables:
            if _FOLDER.search(variable.name) and not _SWITCH.fullmatch(variable.default or ""):
                yield (
                    variable,
                    Evidence(
                        file.path,
                        variable.line,
                        f"keeps its data in the folder that ${variable.name} names",
                    ),
                )


def _fixed(sources: Sources) -> Iterator[Evidence]:
    for file in sources.product:
        for line in file.writes:
            yield Evidence(file.path, line, "opens its database beside the code")


def _seeds(sources: Sources, start: Start | None) -> Iterator[tuple[tuple[str, ...], Evidence]]:
    for file in sources.product:
        if file.guard and _last(file) in _SEEDS:
            argv = ("python", "-m", file.module) if _is_in_package(file) else ("python", file.path)
            yield argv, Evidence(file.path, file.guard, "fills the data when it is run")
    for name, script in table(sources.package_json, "scripts").items():
        found = as_argv(script) if isinstance(script, str) else None
        is_seed = name.removeprefix("db:") in _SEED_COMMANDS
        if is_seed and found and found[0][:1] == ("node",):
            yield found[0], Evidence("package.json", 0, f"has a `{name}` script")
    if start and start.argv[:4] == ("python", "-m", "flask", "--app"):
        for file in sources.product:
            for name, line in file.commands:
                if name in _SEED_COMMANDS:
                    yield (
                        (*start.argv[:5], name),
                        Evidence(file.path, line, f"has the command `{name}`"),
                    )


def _last(file: PythonFile) -> str:
    return file.module.rpartition(".")[2]


def _is_in_package(file: PythonFile) -> bool:
    return "/" in file.path and not file.path.startswith("src/")
