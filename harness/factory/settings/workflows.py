"""The workflows in force: the user's own where there are any, file by file, and the built-in ones
for the rest.

Properties:
- no file of the user is ignored silently: a nearly right name, an unused template or a link in
  place of a file is an error;
- a broken file of the user is never replaced by the built-in one;
- only files in the given commit or folder are read."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath

from harness.domain.errors import ConfigError
from harness.domain.facts import EXECUTABLE, REGULAR, SYMLINK
from harness.domain.workflow import AgentNode, Workflow
from harness.factory.settings.workflow_promises import (
    broken_promises,
    broken_promises_between,
    known_names,
)
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

    @property
    def texts(self) -> Mapping[str, str]:
        """The templates by name."""
        return {prompt.name: prompt.text for prompt in self.prompts}

    @cached_property
    def readings(self) -> Mapping[str, Reading]:
        names = known_names(self.texts)
        return {one.name: examined(one.text, file=one.file, known=names) for one in self.documents}

    @property
    def workflows(self) -> Mapping[str, Workflow]:
        """The readable workflows, by name; all of them if there is no fault."""
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


def effective_workflows(files: Files, read: Read) -> EffectiveWorkflows:
    """The workflows in force, given all paths with their git modes. `read` returns the bytes of a
    plain file."""
    faults = list(_misplaced(files))
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
    return _cached(tuple(documents), tuple(prompts), tuple(faults))


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
    return effective_workflows(modes, lambda name: (folder / name).read_bytes())


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
    it has, or nearly has, the name of a workflow. From then on every YAML file in it must be
    one."""
    paths = {text_of(path): mode for path, mode in files.items()}
    built_in = {f"{FOLDER}/{name}.yaml" for name in WORKFLOWS}
    for path in sorted(paths):
        if path in (FOLDER, PROMPTS) and paths[path] not in (REGULAR, EXECUTABLE):
            yield ConfigError(f"must be a folder, and has git mode {paths[path]}", file=path)
        elif path not in built_in and (nearest_file := _nearest_file(path)):
            yield ConfigError(
                f"is no workflow of the factory; did you mean `{nearest_file}`?", file=path
            )
        elif (
            path not in built_in
            and built_in & set(paths)
            and _is_yaml(path)
            and path.rpartition("/")[0] == FOLDER
        ):
            yield ConfigError(
                f"is no workflow of the factory; {nearest(path, built_in)}", file=path
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
