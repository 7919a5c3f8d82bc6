"""The workflows in force: the four, the user's own where there are any and the built-in ones for
the rest; and those of any other name, which only the user has.

Properties:
- no file of the user is ignored silently: a nearly right name, an unused template or a link in
  place of a file is an error;
- a broken file of the user is never replaced by the built-in one;
- only files in the given commit or folder are read."""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath

from harness.domain.errors import ConfigError, GovernanceError
from harness.domain.facts import EXECUTABLE, REGULAR, SYMLINK
from harness.domain.workflow import AgentNode, Workflow
from harness.factory.settings.own_workflows import (
    MOST_WORKFLOWS,
    Grants,
    faults_of_own,
    own_names,
)
from harness.factory.settings.workflow_promises import (
    broken_promises,
    broken_promises_between,
    known_names,
)
from harness.governance import governance_in
from harness.governance.paths import skeleton, text_of
from harness.shipped import shipped
from harness.workflow import Reading, examined, included, nearest

BUILT_IN = shipped("workflows")
WORKFLOWS = ("triage", "implement", "validate", "merge")
FOLDER, PROMPTS = "workflows", "workflows/prompts"
LARGEST = 64 * 1024
"""The largest document, in bytes."""
_SIMILARITY = 0.85

Files = Mapping[bytes, str]
Read = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class WorkflowFile:
    """One workflow or template. `name` is `triage` for triage.yaml, and `triage.md.j2` for a
    template."""

    name: str
    text: str
    is_override: bool
    path: str

    @property
    def file(self) -> str:
        """Its name in messages."""
        return self.path if self.is_override else f"(built in) {self.path}"


@dataclass(frozen=True)
class EffectiveWorkflows:
    """The documents in force, the workflows in them, and all their faults."""

    documents: tuple[WorkflowFile, ...]
    prompts: tuple[WorkflowFile, ...]
    found_faults: tuple[ConfigError, ...]
    own: tuple[WorkflowFile, ...] = ()
    grants: Grants = frozenset()

    @property
    def texts(self) -> Mapping[str, str]:
        """The templates by name."""
        return {prompt.name: prompt.text for prompt in self.prompts}

    @cached_property
    def readings(self) -> Mapping[str, Reading]:
        names = known_names(self.texts)
        return {one.name: examined(one.text, file=one.file, known=names) for one in self.documents}

    @cached_property
    def own_readings(self) -> Mapping[str, Reading]:
        names = own_names()
        return {one.name: examined(one.text, file=one.file, known=names) for one in self.own}

    @property
    def own_workflows(self) -> Mapping[str, Workflow]:
        """The readable workflows of any other name than the four, by name."""
        return {name: one.workflow for name, one in self.own_readings.items() if one.workflow}

    @property
    def workflows(self) -> Mapping[str, Workflow]:
        """Those of the four that can be read, by name; all of them if there is no fault."""
        return {
            name: reading.workflow
            for name, reading in self.readings.items()
            if reading.workflow is not None
        }

    @cached_property
    def faults(self) -> tuple[ConfigError, ...]:
        """Every fault, in the order of the files."""
        return (*self.found_faults, *self._faults_in_documents(), *self._unused_prompts())

    def _faults_in_documents(self) -> Iterator[ConfigError]:
        for reading in self.own_readings.values():
            yield from reading.faults
        yield from faults_of_own(self.own_readings, self.grants)
        for name, reading in self.readings.items():
            yield from reading.faults
            if reading.workflow is not None:
                for fault in broken_promises(name, reading.workflow):
                    yield reading.error(fault.message, node=fault.node, key=fault.key)
        if len(self.workflows) == len(WORKFLOWS):
            for name, fault in broken_promises_between(self.workflows):
                yield self.readings[name].error(fault.message, node=fault.node, key=fault.key)

    def _unused_prompts(self) -> Iterator[ConfigError]:
        """A template that no workflow uses would be an override without effect."""
        if len(self.workflows) < len(WORKFLOWS):
            return
        asked = {
            node.prompt
            for one in self.workflows.values()
            for node in one.nodes
            if isinstance(node, AgentNode)
        }
        used = {name for prompt in asked for name in included(prompt, self.texts)}
        for prompt in self.prompts:
            if prompt.is_override and prompt.name not in used:
                yield ConfigError(
                    f"no workflow uses this template; {nearest(prompt.name, used)}",
                    file=prompt.file,
                )


def effective_workflows(
    files: Files, read: Read, grants: Callable[[], Grants] = frozenset
) -> EffectiveWorkflows:
    """The workflows in force, given all paths with their git modes. `read` returns the bytes of a
    plain file; `grants` what the rules grant, asked only where the user has one of another name."""
    faults = list(_misplaced(files))
    own = _own_workflows(files, read, faults)
    documents = [
        _document(f"{FOLDER}/{name}.yaml", name, files, read, faults) for name in WORKFLOWS
    ]
    paths = sorted(
        {
            *(f"{PROMPTS}/{path.name}" for path in (BUILT_IN / "prompts").glob("*.j2")),
            *_templates(files),
        }
    )
    prompts = [_document(path, PurePosixPath(path).name, files, read, faults) for path in paths]
    granted = grants() if own else frozenset()
    return _cached(tuple(documents), tuple(prompts), tuple(faults), own, granted)


# Most commits change no workflow, and reading all of them takes longer than an idle tick.
_cached = lru_cache(maxsize=8)(EffectiveWorkflows)


def effective_workflows_in(folder: Path) -> EffectiveWorkflows:
    """What would be in force if a working copy were the base commit: for a person who edits it."""
    found = [
        path
        for path in (folder / FOLDER, *(folder / FOLDER).rglob("*"))
        if path.is_symlink() or path.is_file()
    ]
    modes = {
        str(path.relative_to(folder)).encode("utf-8", "surrogateescape"): SYMLINK
        if path.is_symlink()
        else REGULAR
        for path in found
    }
    return effective_workflows(
        modes, lambda name: (folder / name).read_bytes(), lambda: _grants_in(folder)
    )


def _grants_in(folder: Path) -> Grants:
    """What the rules of a working copy grant. Rules that cannot be read grant nothing, and
    `factory rules lint` names what is wrong with them."""
    try:
        return governance_in(folder).grants
    except GovernanceError:
        return frozenset()


def _own_workflows(files: Files, read: Read, faults: list[ConfigError]) -> tuple[WorkflowFile, ...]:
    """The documents of any other name, where the folder is the factory's."""
    paths = [path for path in _own_documents(files) if _nearest_file(path) is None]
    is_ours = any(f"{FOLDER}/{name}.yaml".encode() in files for name in WORKFLOWS)
    if not is_ours and not any(_has_nodes(path, files, read) for path in paths):
        return ()
    found = []
    for path in paths[:MOST_WORKFLOWS]:
        stem, _, ending = path.rpartition("/")[2].partition(".")
        if ending != "yaml":
            faults.append(ConfigError(f"expected `{FOLDER}/{stem}.yaml`", file=path))
            continue
        try:
            found.append(WorkflowFile(stem, _text(path, files, read), True, path))
        except ConfigError as error:
            faults.append(error)
    if len(paths) > MOST_WORKFLOWS:
        faults.append(
            ConfigError(f"has {len(paths)} workflows; at most {MOST_WORKFLOWS}", file=FOLDER)
        )
    return tuple(found)


def is_document(path: str) -> bool:
    """Whether a workflow could be at this path: one of the four, or one of any other name."""
    return path.rpartition("/")[0] == FOLDER and _is_yaml(path)


def _own_documents(files: Files) -> tuple[str, ...]:
    built_in = {f"{FOLDER}/{name}.yaml" for name in WORKFLOWS}
    return tuple(
        path for path in sorted(map(text_of, files)) if is_document(path) and path not in built_in
    )


def _has_nodes(path: str, files: Files, read: Read) -> bool:
    """Whether a file looks like a workflow: a product may have a folder of this name, too."""
    is_plain = files[path.encode("utf-8", "surrogateescape")] in (REGULAR, EXECUTABLE)
    content = (read(path) or b"") if is_plain else b""
    return len(content) <= LARGEST and all(
        re.search(key, content, re.MULTILINE) for key in (rb"^name:", rb"^nodes:")
    )


def _document(
    path: str, name: str, files: Files, read: Read, faults: list[ConfigError]
) -> WorkflowFile:
    """The user's document if there is one. An unreadable one is a fault, and the built-in text
    stands in only for the other checks."""
    text = _built_in(path)
    is_override = path.encode() in files
    if is_override:
        try:
            text = _text(path, files, read)
        except ConfigError as error:
            faults.append(error)
    return WorkflowFile(name, text, is_override, path)


@lru_cache(maxsize=64)
def _built_in(path: str) -> str:
    place = BUILT_IN.parent / path
    return place.read_text("utf-8") if place.exists() else ""


def _text(path: str, files: Files, read: Read) -> str:
    mode = files[path.encode()]
    if mode not in (REGULAR, EXECUTABLE):
        raise ConfigError(f"must be a plain file, and has git mode {mode}", file=path)
    content = read(path) or b""
    if len(content) > LARGEST:
        raise ConfigError(f"has {len(content)} bytes; at most {LARGEST} are read", file=path)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(
            "is not UTF-8 here; save the file as UTF-8", file=path, line=line
        ) from error


def _templates(files: Files) -> Iterator[str]:
    for path in map(text_of, files):
        if PurePosixPath(path).parent == PurePosixPath(PROMPTS) and path.endswith(".j2"):
            yield path


def _misplaced(files: Files) -> Iterator[ConfigError]:
    """Files that look like overrides and are none.

    A product may have a folder `workflows` of its own. It is the factory's as soon as one file in
    it has, or nearly has, the name of one of the four, or looks like a workflow. From then on every
    YAML file in it must be one."""
    paths = {text_of(path): mode for path, mode in files.items()}
    built_in = {f"{FOLDER}/{name}.yaml" for name in WORKFLOWS}
    for path in sorted(paths):
        if path in (FOLDER, PROMPTS) and paths[path] not in (REGULAR, EXECUTABLE):
            yield ConfigError(f"must be a folder, and has git mode {paths[path]}", file=path)
        elif path not in built_in and (nearest_file := _nearest_file(path)):
            yield ConfigError(
                f"is no workflow of the factory; did you mean `{nearest_file}`?", file=path
            )


def _nearest_file(path: str) -> str | None:
    """The file that this one was probably meant to be: the same to the eye, or a letter away."""
    folder, _, file = path.rpartition("/")
    stem = file.split(".", 1)[0]
    if skeleton(folder) == skeleton(FOLDER) and _is_yaml(path):
        near = difflib.get_close_matches(stem.casefold(), WORKFLOWS, n=1, cutoff=_SIMILARITY)
        return f"{FOLDER}/{near[0]}.yaml" if near else None
    if skeleton(folder) == skeleton(PROMPTS) and (folder != PROMPTS or not file.endswith(".j2")):
        near = difflib.get_close_matches(
            stem.casefold(), ("triage", "implement"), n=1, cutoff=_SIMILARITY
        )
        return f"{PROMPTS}/{near[0]}.md.j2" if near else None
    return None


def _is_yaml(path: str) -> bool:
    return path.casefold().endswith((".yaml", ".yml"))
