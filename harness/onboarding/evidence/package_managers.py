"""Package managers, and the hash-locked file that sandboxes install from."""

import re

from harness.onboarding.evidence.manifests import (
    names_in,
    requirement_files,
    setup_file,
    setup_lists,
)
from harness.onboarding.evidence.sources import Sources, table
from harness.onboarding.survey import Lock

_PIN = re.compile(r"[A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?\s*==\s*\S+.*--hash=sha256:[0-9a-f]{64}")
MANAGERS = {
    "uv.lock": "uv",
    "poetry.lock": "poetry",
    "Pipfile": "pipenv",
    "pdm.lock": "pdm",
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "package-lock.json": "npm",
    "package.json": "npm",
    "go.mod": "go",
    "Cargo.toml": "cargo",
    "Gemfile": "bundler",
    "composer.json": "composer",
    "pom.xml": "maven",
    "build.gradle": "gradle",
}
NPM_LOCKS = ("npm-shrinkwrap.json", "package-lock.json")
"""npm prefers the first."""

_FOR_NODE = frozenset({"npm", "yarn", "pnpm"})
_MAKE = "npm install --package-lock-only --lockfile-version"
_EXPORTS = {
    "uv": "uv export --format requirements-txt --no-emit-project{dev} -o {out}",
    "poetry": "poetry export --format requirements.txt{dev} --output {out}",
    "pipenv": "pipenv requirements --hash{dev} > {out}",
    "pdm": "pdm export --format requirements{dev} --output {out}",
}
_WITH_TESTS = {"uv": "", "poetry": " --with dev", "pipenv": " --dev", "pdm": " --dev"}
_WITHOUT_TESTS = {"uv": " --no-dev", "poetry": "", "pipenv": "", "pdm": " --prod"}


def package_manager_in(sources: Sources) -> str:
    """The package manager, by its own files; `pip` where there are requirements; empty
    if nothing names packages."""
    files = set(sources.contents.files)
    named = next((manager for file, manager in MANAGERS.items() if file in files), "")
    python = (
        bool(requirement_files(sources))
        or "project" in sources.pyproject
        or not {"setup.py", "setup.cfg"}.isdisjoint(files)
    )
    return "pip" if python and named in ("", "npm") else named


def locks_in(sources: Sources, *, tests_need: str) -> tuple[Lock | None, Lock | None]:
    """The locks of the app and of its tests: existing files, or those that a named command would
    make.

    None if there are no dependencies; for the tests also if the app's lock is enough.
    """
    if package_manager_in(sources) in _FOR_NODE:
        return _of_node(sources), None
    files = requirement_files(sources)
    locked = [name for name in files if is_locked(sources.contents.text(name))]
    with_tests = [
        name
        for name in locked
        if tests_need and tests_need in set(names_in(sources.contents.text(name)))
    ]
    # A lock that also has the test runner is second choice for the app.
    runtime = [name for name in locked if name not in with_tests] or locked
    app = _there(runtime) or _to_make(sources, files, dev=False)
    tests = _there(with_tests) or (_to_make(sources, files, dev=True) if tests_need else None)
    return app, None if tests and app and tests.path == app.path else tests


def _of_node(sources: Sources) -> Lock | None:
    """npm's lock, which has what the tests need too."""
    name = next((name for name in NPM_LOCKS if name in sources.contents.files), "")
    if name:
        version = re.search(r'"lockfileVersion"\s*:\s*(\d+)', sources.contents.text(name))
        if version and version[1] != "1":
            return Lock(name, f"{name} pins every package with a hash")
        return Lock(name, f"{name} is of npm's first form, without a tree", make=f"{_MAKE} 3")
    named = ("dependencies", "devDependencies", "optionalDependencies")
    if not any(table(sources.package_json, key) for key in named):
        return None
    manager = package_manager_in(sources)
    own = "names packages without hashes" if manager == "npm" else f"is locked by {manager}"
    return Lock(NPM_LOCKS[1], f"package.json {own}", make=f"{_MAKE} 3")


def is_locked(text: str) -> bool:
    """Whether there are requirements and each is pinned with a sha256. The sandbox
    supervisor checks again."""
    logical = re.sub(r"\\\n", " ", text).splitlines()
    lines = [bare for line in logical if (bare := re.sub(r"(^|\s)#.*$", "", line).strip())]
    return bool(lines) and all(_PIN.match(line) for line in lines)


def _there(names: list[str]) -> Lock | None:
    best = sorted(
        names, key=lambda name: (name != "requirements.txt", name.count("/"), len(name), name)
    )
    return Lock(best[0], f"{best[0]} pins every package with a hash") if best else None


def _to_make(sources: Sources, files: list[str], *, dev: bool) -> Lock | None:
    """The missing lock, with the exact command to make it."""
    out = "requirements-dev.lock" if dev else "requirements.lock"
    manager = package_manager_in(sources)
    if manager in _EXPORTS:
        words = _EXPORTS[manager].format(
            dev=(_WITH_TESTS if dev else _WITHOUT_TESTS)[manager], out=out
        )
        return Lock(out, f"{manager} keeps its lock in a form of its own", make=words)
    inputs = _inputs(sources, files, dev=dev)
    if not inputs:
        return None
    listed = " ".join(inputs)
    verb = "names" if len(inputs) == 1 or "--" in listed else "name"
    return Lock(
        out,
        f"{listed} {verb} packages without hashes",
        make=f"uv pip compile --generate-hashes {listed} -o {out}",
    )


def _inputs(sources: Sources, files: list[str], *, dev: bool) -> list[str]:
    """The inputs to compile the missing lock from; empty if nothing names what is needed."""
    runtime = [name for name in files if not _is_dev(name)]
    project = table(sources.pyproject, "project")
    if not runtime and project.get("dependencies"):
        runtime = ["pyproject.toml"]
    if not runtime and (file := setup_file(sources)):
        runtime = [file]
    if not dev:
        return runtime
    tests = [name for name in files if _is_dev(name)]
    groups = {
        "--extra": table(project, "optional-dependencies") or _setup_extras(sources),
        "--group": table(sources.pyproject, "dependency-groups"),
    }
    named = [
        [option, name]
        for option, group in groups.items()
        for name, items in group.items()
        if _lists_pytest(items)
    ]
    if not tests and named:
        return [*(runtime or ["pyproject.toml"]), *named[0]]
    return (
        [*runtime, *tests]
        if tests or any("pytest" in names_in(sources.contents.text(name)) for name in runtime)
        else []
    )


def _setup_extras(sources: Sources) -> dict[str, list[str]]:
    return {
        key.partition(".")[2]: list(words)
        for key, words in setup_lists(sources).items()
        if key.startswith("extras_require.")
    }


def _lists_pytest(items: object) -> bool:
    return isinstance(items, list) and any(
        isinstance(item, str) and "pytest" in names_in(item) for item in items
    )


def _is_dev(name: str) -> bool:
    return bool(re.search(r"dev|test|ci|lint|doc", name))
