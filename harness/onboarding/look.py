"""Survey a folder. Nothing in it is executed, and the git history is not read."""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from harness.domain.governance import MISSION, ScopeEntry
from harness.governance.paths import glob_fault
from harness.onboarding.clauses import clauses_in
from harness.onboarding.contradictions import Contradiction, contradictions_in
from harness.onboarding.evidence.commands import commands_in
from harness.onboarding.evidence.daemons import daemons_in
from harness.onboarding.evidence.data_folder import data_in
from harness.onboarding.evidence.folder import FolderContents, contents_of
from harness.onboarding.evidence.languages import language_of, languages_in
from harness.onboarding.evidence.manifests import packages_in
from harness.onboarding.evidence.package_managers import (
    locks_in,
    vendored_in,
)
from harness.onboarding.evidence.products import name_in, product_in, summary_in
from harness.onboarding.evidence.readme import readme_in
from harness.onboarding.evidence.routes import routes_in
from harness.onboarding.evidence.services import services_in
from harness.onboarding.evidence.sources import (
    NOT_THE_PRODUCT,
    VENDORED,
    is_beside,
    sources_in,
)
from harness.onboarding.evidence.starts.start_commands import ready_in, start_in
from harness.onboarding.evidence.test_commands import suite_in
from harness.onboarding.scope import scope_in
from harness.onboarding.survey import Clause, GoverningFile, Survey
from harness.onboarding.words import is_citable

GOVERNING = (
    "mission.md",
    "factory_rules.md",
    "CLAUDE.md",
    "AGENTS.md",
    "CONTRIBUTING.md",
    ".github/CONTRIBUTING.md",
    "docs/CONTRIBUTING.md",
)
_BLOCK = re.compile(r"^```+\s*ya?ml (?:rule|scope)\s*$", re.MULTILINE)
_BUILDERS = frozenset(
    {
        "setup.py",
        "noxfile.py",
        "fabfile.py",
        "tasks.py",
        "conftest.py",
        "manage.py",
        "hatch_build.py",
        "build.rs",
        "gulpfile.js",
        "gruntfile.js",
    }
)
_CONFIGURES = re.compile(
    r"\..*|.+\.(?:config|conf)\.\w+|(?:licen[cs]e|copying|notice)\b.*", re.IGNORECASE
)
"""Files at the root that set up a tool or bind people: `webpack.config.js`, `LICENSE.md`."""
_FORM = re.compile(r"\.github/ISSUE_TEMPLATE(?:/.+|\.md)", re.IGNORECASE)
_POINTER = "version https://git-lfs.github.com/spec/v1"
_POINTER_BYTES = 1024
"""A pointer is shorter, by the specification of Git LFS."""
_PEOPLES = (
    *NOT_THE_PRODUCT,
    "workflows",
    "ci",
    "deploy",
    "infra",
    "ops",
    *VENDORED,
    "bin",
    "requirements",
)


def survey_of(
    folder: Path, *, tracked: Mapping[bytes, str] | None = None, branch: str = ""
) -> Survey:
    """The survey of a folder. `tracked` are git's paths with their modes; without it, every file
    counts that no tool generated. `branch` is the default branch. Raises nothing: unreadable files
    are listed."""
    contents = contents_of(folder, tracked=tracked)
    sources = sources_in(contents)
    routes, start, suite = routes_in(sources), start_in(sources), suite_in(sources)
    ready, ready_because = ready_in(routes)
    packages = packages_in(sources)
    services = services_in(sources, packages)
    lock, tests_lock = locks_in(sources, tests_need=suite.needs if suite else "")
    readme = readme_in(contents.files)
    summary, summary_because = summary_in(sources, readme)
    product, product_because = product_in(sources, start, routes)
    governing = tuple(_governing(contents))
    return Survey(
        name=name_in(sources),
        product=product,
        product_because=product_because,
        summary=summary,
        summary_because=summary_because,
        readme=readme,
        branch=branch,
        files=len(contents.files),
        languages=languages_in(contents.files),
        packages=packages,
        vendored=vendored_in(sources),
        lock=lock,
        tests_lock=tests_lock,
        start=start,
        commands=commands_in(sources, product),
        daemons=daemons_in(sources),
        ready=ready,
        ready_because=ready_because,
        data=data_in(sources, start, has_services=any(one.draft for one in services)),
        services=services,
        suite=suite,
        routes=routes,
        places=_places(contents, suite.paths if suite else ()),
        parts=_parts(contents),
        governing=governing,
        clauses=tuple(_clauses(contents, governing)),
        scope=_scope(contents, governing),
        issue_forms=tuple(name for name in contents.files if _FORM.fullmatch(name)),
        present=frozenset(name.casefold() for name in contents.files),
        submodules=contents.submodules,
        lfs=tuple(_lfs(contents)),
        links_out=contents.links_out,
        unreadable=contents.unreadable,
        odd_names=contents.odd_names,
    )


def contradictions_of(
    folder: Path,
    *,
    tracked: Mapping[bytes, str] | None = None,
    workflows: Collection[str] = (),
    terms: Collection[str] = (),
) -> tuple[Contradiction, ...]:
    """The contradictions in a folder's governing prose, within it and with the rest of the folder.
    `tracked` as for a survey; `workflows` and `terms` are a factory's own, and count only where a
    factory.toml is. Raises nothing."""
    contents = contents_of(folder, tracked=tracked)
    documents = {one.file: contents.text(one.file) for one in _governing(contents)}
    known = (workflows, terms) if contents.named("factory.toml") else ((), ())
    return contradictions_in(documents, contents.texts, workflows=known[0], terms=known[1])


def _places(contents: FolderContents, tests: tuple[str, ...]) -> tuple[str, ...]:
    """Globs of the product and its tests: folders with source code, and source files at
    the root. The rest is for people."""
    folders = {
        name.partition("/")[0] for name in contents.files if "/" in name and language_of(name)
    }
    product = {
        f"{folder}/**"
        for folder in folders
        if folder not in _PEOPLES and not folder.startswith(".")
    }
    documents = {f"{folder}/**" for folder in ("docs", "doc") if folder in folders}
    at_root = {
        f"/{name}"
        for name in contents.files
        if "/" not in name and language_of(name) and not _governs_or_builds(name)
    }
    globs = (
        product
        | documents
        | at_root
        | {path if "/" in path else f"/{path}" for path in tests if path not in _BUILDERS}
    )
    whole = tuple(glob.removesuffix("**") for glob in product | documents)
    return tuple(
        sorted(
            glob
            for glob in globs
            if glob_fault(glob) is None
            and is_citable(glob)
            # What a whole folder has already.
            and not any(glob.startswith(folder) and glob != f"{folder}**" for folder in whole)
        )
    )


def _parts(contents: FolderContents) -> tuple[str, ...]:
    found = {
        part.partition(".")[0]
        for name in contents.files
        if language_of(name) and not is_beside(name) and name.partition("/")[0] not in VENDORED
        for part in name.split("/")
    }
    return tuple(sorted(found - {""}))


def _governs_or_builds(name: str) -> bool:
    """Whether a file at the root governs, builds or installs the rest."""
    return name.casefold() in {
        *(one.casefold() for one in GOVERNING),
        *_BUILDERS,
    } or bool(_CONFIGURES.fullmatch(name))


def _governing(contents: FolderContents) -> Iterator[GoverningFile]:
    files = {name.casefold(): name for name in contents.files}
    for name in GOVERNING:
        if file := files.get(name.casefold()):
            yield GoverningFile(name, file, binds=bool(_BLOCK.search(contents.text(file))))


def _clauses(contents: FolderContents, governing: tuple[GoverningFile, ...]) -> Iterator[Clause]:
    for one in governing:
        # A file with blocks already binds by itself; its prose must not be read as a second policy.
        if not one.binds:
            yield from clauses_in(
                one.file,
                contents.text(one.file),
                files=contents.files,
                is_mission=one.name == MISSION,
            )


def _scope(
    contents: FolderContents, governing: tuple[GoverningFile, ...]
) -> tuple[ScopeEntry, ...]:
    mission = next((one.file for one in governing if one.name == MISSION and one.binds), "")
    return scope_in(contents.text(mission)) if mission else ()


def _lfs(contents: FolderContents) -> Iterator[str]:
    """Files that are Git LFS pointers, where a .gitattributes uses LFS. Its patterns are not used:
    a stranger's may take for ever to match a name."""
    if any(
        "filter=lfs" in contents.text(name)
        for name in contents.files
        if name.rpartition("/")[2] == ".gitattributes"
    ):
        yield from (name for name in contents.files if _is_pointer(contents, name))


def _is_pointer(contents: FolderContents, name: str) -> bool:
    try:
        is_small = (contents.folder / name).lstat().st_size < _POINTER_BYTES
    except OSError:
        return False
    return is_small and contents.text(name).startswith(_POINTER)
