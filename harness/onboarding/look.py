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
from harness.onboarding.evidence.languages import PAGES, PROSE, language_of, languages_in
from harness.onboarding.evidence.manifests import packages_in
from harness.onboarding.evidence.package_managers import locks_in, package_manager_in
from harness.onboarding.evidence.readme import NAMES, readme_of
from harness.onboarding.evidence.routes import routes_in
from harness.onboarding.evidence.sources import (
    NOT_THE_PRODUCT,
    Sources,
    is_beside,
    sources_in,
    table,
)
from harness.onboarding.evidence.start_commands import ready_in, start_in
from harness.onboarding.evidence.test_commands import suite_in
from harness.onboarding.scope import scope_in
from harness.onboarding.survey import Clause, GoverningFile, Product, Survey
from harness.onboarding.words import is_citable, plain

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
_CI = re.compile(
    r"\.github/workflows/.+\.ya?ml|\.(?:gitlab-ci|travis)\.yml|\.circleci/config\.yml|\.ci/.+|Jenkinsfile|"
    r"azure-pipelines\.yml"
)
_BUILDERS = frozenset(
    {"setup.py", "noxfile.py", "fabfile.py", "tasks.py", "conftest.py", "manage.py"}
)
_FORM = re.compile(r"\.github/ISSUE_TEMPLATE(?:/.+|\.md)", re.IGNORECASE)
_POINTER = "version https://git-lfs.github.com/spec/v1"
_PEOPLES = (
    *NOT_THE_PRODUCT,
    "workflows",
    "ci",
    "deploy",
    "infra",
    "ops",
    "vendor",
    "third_party",
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
    lock, tests_lock = locks_in(sources, tests_need=suite.needs if suite else "")
    readme = next((name for name in NAMES if name in contents.files), contents.named("README.md"))
    summary, headings = readme_of(contents.text(readme)) if readme else ("", ())
    governing = tuple(_governing(contents))
    product = _product(sources, serves=start is not None or bool(routes))
    return Survey(
        name=_name(sources),
        product=product,
        summary=summary,
        headings=headings,
        readme=readme,
        branch=branch,
        files=len(contents.files),
        languages=languages_in(contents.files),
        package_manager=package_manager_in(sources),
        packages=packages_in(sources),
        lock=lock,
        tests_lock=tests_lock,
        start=start,
        commands=commands_in(sources, product),
        daemons=daemons_in(sources),
        ready=ready,
        ready_because=ready_because,
        data=data_in(sources, start),
        suite=suite,
        routes=routes,
        places=_places(contents, suite.paths if suite else ()),
        governing=governing,
        clauses=tuple(_clauses(contents, governing)),
        scope=_scope(contents, governing),
        ci=tuple(name for name in contents.files if _CI.fullmatch(name)),
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


def _name(sources: Sources) -> str:
    for given in (
        table(sources.pyproject, "project").get("name"),
        sources.package_json.get("name"),
    ):
        if isinstance(given, str) and plain(given):
            return plain(given, longest=80)
    return plain(sources.contents.folder.absolute().name, longest=80) or "this project"


def _product(sources: Sources, *, serves: bool) -> Product:
    languages = {language_of(name) for name in sources.contents.files if not is_beside(name)} - {""}
    # A project that answers requests is a site, even if it has scripts too.
    if serves:
        return Product.SITE
    # Nothing but documents and pages: no program to install.
    if not languages - PROSE - PAGES:
        return Product.DOCUMENTS if languages & PROSE or not languages else Product.SITE
    scripts = table(sources.pyproject, "project", "scripts") or sources.package_json.get("bin")
    return (
        Product.COMMAND
        if scripts or any(file.guard for file in sources.product)
        else Product.LIBRARY
    )


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
    return tuple(sorted(glob for glob in globs if glob_fault(glob) is None and is_citable(glob)))


def _governs_or_builds(name: str) -> bool:
    """Whether a file at the root governs, builds or installs the rest."""
    return name.casefold() in {one.casefold() for one in GOVERNING} or name in _BUILDERS


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
    """Files that are Git LFS pointers. Only files that .gitattributes gives to LFS are opened."""
    patterns = [
        line.split()[0]
        for name in contents.files
        if name.rpartition("/")[2] == ".gitattributes"
        for line in contents.text(name).splitlines()
        if "filter=lfs" in line and not line.startswith("#")
    ]
    if patterns:
        from pathspec import GitIgnoreSpec

        try:
            large = GitIgnoreSpec.from_lines(patterns)
        # Not a pattern: git ignores it as well.
        except ValueError:
            return
        yield from (
            name
            for name in large.match_files(contents.files)
            if contents.text(name).startswith(_POINTER)
        )
