"""Package managers, and the hash-locked file that sandboxes install from."""

import re

from harness.onboarding.evidence.manifests import (
    names_in,
    packages_in,
    requirement_files,
    setup_file,
    setup_lists,
)
from harness.onboarding.evidence.sources import Sources, table
from harness.onboarding.survey import Lock

_PIN = re.compile(r"[A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?\s*==\s*\S+.*--hash=sha256:[0-9a-f]{64}")
NODE_LANGUAGES = frozenset({"JavaScript", "TypeScript", "Vue", "Svelte"})
MANAGERS = {
    "uv.lock": "uv",
    "poetry.lock": "poetry",
    "Pipfile": "pipenv",
    "pdm.lock": "pdm",
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "bun.lock": "bun",
    "bun.lockb": "bun",
    "package-lock.json": "npm",
    "package.json": "npm",
    "go.mod": "go",
    "Cargo.toml": "cargo",
    "Gemfile": "bundler",
    "composer.json": "composer",
    "pom.xml": "maven",
    "build.gradle": "gradle",
    "build.gradle.kts": "gradle",
}
_LANGUAGES = {
    "go": {"Go"},
    "cargo": {"Rust"},
    "bundler": {"Ruby"},
    "composer": {"PHP"},
    "maven": {"Java", "Kotlin", "Scala"},
    "gradle": {"Java", "Kotlin", "Scala"},
    **dict.fromkeys(
        ("npm", "pnpm", "yarn", "bun"),
        NODE_LANGUAGES,
    ),
}
"""What each manager's packages are for; one that is not named here is Python's."""
NPM_LOCKS = ("npm-shrinkwrap.json", "package-lock.json")
"""npm prefers the first."""

PNPM_LOCK = "pnpm-lock.yaml"
YARN_LOCK = "yarn.lock"
_YARN_1 = "# yarn lockfile v1"
"""The form that sandboxes install from; later ones keep hashes of their own archives."""
_IN_TREE = {
    "go": ("go.sum", "go.mod", "vendor/modules.txt", "go mod tidy", "go mod vendor"),
    "cargo": (
        "Cargo.lock",
        "Cargo.toml",
        ".cargo-checksum.json",
        "cargo generate-lockfile",
        "cargo vendor --locked",
    ),
}
"""Managers whose packages are committed: lock, manifest, what is in the folder of packages, and the
commands that make the lock and that folder."""
_OWN_LOCKS = {"uv": "uv.lock", "poetry": "poetry.lock"}
_FOR_NODE = frozenset({"npm", "yarn", "pnpm", "bun"})
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
    found = [manager for file, manager in MANAGERS.items() if file in sources.contents.files]
    # A Rails app has a package.json for its pages, and a Go program a Gemfile for its site.
    own = [one for one in found if sources.language in _LANGUAGES.get(one, {"Python"})]
    named = next(iter([*own, *found]), "")
    return "pip" if _is_python(sources) and (not named or named in _FOR_NODE) else named


def _is_python(sources: Sources) -> bool:
    return (
        bool(requirement_files(sources))
        or "project" in sources.pyproject
        or not {"setup.py", "setup.cfg"}.isdisjoint(sources.contents.files)
    )


def locks_in(sources: Sources, *, tests_need: str) -> tuple[Lock | None, Lock | None]:
    """The locks of the app and of its tests: existing files, or those that a named command would
    make.

    None if there are no dependencies; for the tests also if the app's lock is enough.
    """
    manager = package_manager_in(sources)
    if manager in _FOR_NODE:
        return _of_node(sources), None
    if manager in _LANGUAGES:
        return _vendored(sources, manager), None
    files = requirement_files(sources)
    locked = [name for name in files if is_locked(sources.contents.text(name))]
    with_tests = [
        name
        for name in locked
        if tests_need and tests_need in set(names_in(sources.contents.text(name)))
    ]
    # A lock that also has the test runner is second choice for the app.
    runtime = [name for name in locked if name not in with_tests] or locked
    own = _of_its_tool(sources)
    if own and not runtime:
        has_tests = not tests_need or own.make or tests_need in _with_its_lock(sources)
        return own, None if has_tests else _to_make(sources, files, dev=True)
    app = _there(runtime) or _to_make(sources, files, dev=False)
    tests = _there(with_tests) or (_to_make(sources, files, dev=True) if tests_need else None)
    return app, None if tests and app and _is_same(app, tests) else tests


def _is_same(app: Lock, tests: Lock) -> bool:
    """Whether both are one file, or would be made from the same."""
    return app.path == tests.path or app.make.partition(" -o ")[0] == (
        tests.make.partition(" -o ")[0] or None
    )


def _vendored(sources: Sources, manager: str) -> Lock | None:
    """The lock of Go or Cargo, whose packages lie in the repository; None where nothing is depended
    on, or no sandbox is furnished by this manager."""
    if manager not in _IN_TREE:
        return None
    lock, manifest, there, first, make = _IN_TREE[manager]
    if not any(one.because.file == manifest for one in packages_in(sources)):
        return None
    if lock not in sources.contents.files:
        return Lock(lock, f"{manifest} names packages without hashes", make=f"{first} && {make}")
    if not any(name.endswith(there) for name in sources.contents.files):
        return Lock(lock, f"the packages in {lock} do not lie in the repository", make=make)
    return Lock(lock, f"{lock} pins what lies in the repository")


def vendored_in(sources: Sources) -> str:
    """The folder in which the packages of Composer or Bundler are committed; empty for none."""
    places = {"composer": ("vendor/composer/",), "bundler": ("vendor/cache/", "vendor/bundle/")}
    return next(
        (
            place
            for place in places.get(package_manager_in(sources), ())
            if any(name.startswith(place) for name in sources.contents.files)
        ),
        "",
    )


def _of_its_tool(sources: Sources) -> Lock | None:
    """The lock of uv or Poetry, if there is one."""
    name = _OWN_LOCKS.get(package_manager_in(sources), "")
    if name not in sources.contents.files:
        return None
    if re.match(
        r"# This file is automatically @generated by Poetry 1\.", sources.contents.text(name)
    ):
        return Lock(name, f"{name} is of Poetry 1", make="poetry lock")
    return Lock(name, f"{name} pins every wheel with a hash")


def _with_its_lock(sources: Sources) -> frozenset[str]:
    """What such a lock installs by its groups: of uv the group `dev`, of Poetry all."""
    project, groups = sources.pyproject, table(sources.pyproject, "dependency-groups")
    if package_manager_in(sources) == "uv":
        lists = [groups.get("dev"), table(project, "tool", "uv").get("dev-dependencies")]
    else:
        own = table(project, "tool", "poetry", "group")
        tables = [table(own, name, "dependencies") for name in own]
        tables.append(table(project, "tool", "poetry", "dev-dependencies"))
        lists = [*groups.values(), *(list(one) for one in tables)]
    lists.append(table(project, "project").get("dependencies"))
    return frozenset(
        name
        for one in lists
        if isinstance(one, list)
        for item in one
        if isinstance(item, str)
        for name in names_in(item)
    )


def _of_node(sources: Sources) -> Lock | None:
    """The lock of npm, pnpm or yarn, which has what the tests need too."""
    if PNPM_LOCK in sources.contents.files:
        if re.match(r"lockfileVersion: '?9\.", sources.contents.text(PNPM_LOCK)):
            return Lock(PNPM_LOCK, f"{PNPM_LOCK} pins every package with a hash")
        return Lock(
            PNPM_LOCK, f"{PNPM_LOCK} is of an older pnpm", make="pnpm install --lockfile-only"
        )
    name = next((name for name in NPM_LOCKS if name in sources.contents.files), "")
    if name:
        version = re.search(r'"lockfileVersion"\s*:\s*(\d+)', sources.contents.text(name))
        if version and version[1] != "1":
            return Lock(name, f"{name} pins every package with a hash")
        return Lock(name, f"{name} is of npm's first form, without a tree", make=f"{_MAKE} 3")
    named = ("dependencies", "devDependencies", "optionalDependencies")
    if not any(table(sources.package_json, key) for key in named):
        return None
    if _YARN_1 in sources.contents.text(YARN_LOCK).splitlines()[:5]:
        return Lock(YARN_LOCK, f"{YARN_LOCK} pins every package with a hash")
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
