"""Whose workflows bind: the user's where they have one, file by file, and ours for the rest.

Properties: nothing of theirs is passed over in silence (a name that is nearly right, a template
that nobody uses, a link instead of a file are errors); a broken document of theirs never becomes
ours; what is read is only what the given commit or folder holds."""

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
"""Bytes of one document."""
_NEAR = 0.85

Files = Mapping[bytes, str]
Read = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class Document:
    """One workflow or template, as it was found. `name` is `triage` of triage.yaml and
    `triage.md.j2` of the template."""

    name: str
    text: str
    is_override: bool
    path: str

    @property
    def file(self) -> str:
        """What a message calls it."""
        return self.path if self.is_override else f"(built in) {self.path}"


@dataclass(frozen=True)
class EffectiveWorkflows:
    """The documents that bind, the workflows in them, and everything that is wrong with either."""

    documents: tuple[Document, ...]
    prompts: tuple[Document, ...]
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
        """Those that could be read, by name; all of them where there is no fault."""
        return {
            name: reading.workflow
            for name, reading in self.readings.items()
            if reading.workflow is not None
        }

    @cached_property
    def faults(self) -> tuple[ConfigError, ...]:
        """Every fault, in the order of the files."""
        return (*self.found_faults, *self._faults_in_documents(), *self._idle_prompts())

    def _faults_in_documents(self) -> Iterator[ConfigError]:
        for name, reading in self.readings.items():
            yield from reading.faults
            if reading.workflow is not None:
                for fault in broken_promises(name, reading.workflow):
                    yield reading.error(fault.message, node=fault.node, key=fault.key)
        if len(self.workflows) == len(WORKFLOWS):
            for name, fault in broken_promises_between(self.workflows):
                yield self.readings[name].error(fault.message, node=fault.node, key=fault.key)

    def _idle_prompts(self) -> Iterator[ConfigError]:
        """A template under a name that no workflow asks for would be an override that does
        nothing."""
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
    """What binds where these paths, with their git modes, are; `read` gives a plain file's
    bytes."""
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
    return _read_once(tuple(documents), tuple(prompts), tuple(faults))


# Most commits change no workflow, and reading all of them takes longer than a pass that does
# nothing.
_read_once = lru_cache(maxsize=8)(EffectiveWorkflows)


def effective_workflows_in(folder: Path) -> EffectiveWorkflows:
    """What would bind if a working copy were the base commit: for a person who is editing it."""
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
) -> Document:
    """Theirs where there is one. Where it cannot be read that is a fault, and ours stands in only
    for the other checks."""
    ours = BUILT_IN.parent / path
    text = ours.read_text("utf-8") if ours.exists() else ""
    theirs = path.encode() in files
    if theirs:
        try:
            text = _text(path, files, read)
        except ConfigError as error:
            faults.append(error)
    return Document(name, text, theirs, path)


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
    """Names that somebody took for an override and that are none.

    A product may have a folder `workflows` of its own. It is ours to read as soon as one of its
    files has, or nearly has, the name of a workflow of ours; from then on every YAML file in it is
    held to be one."""
    paths = {text_of(path): mode for path, mode in files.items()}
    ours = {f"{FOLDER}/{name}.yaml" for name in WORKFLOWS}
    for path in sorted(paths):
        if path in (FOLDER, PROMPTS) and paths[path] not in (REGULAR, EXECUTABLE):
            yield ConfigError(f"must be a folder, and has git mode {paths[path]}", file=path)
        elif path not in ours and (meant := _meant(path)):
            yield ConfigError(f"is no workflow of the factory; did you mean `{meant}`?", file=path)
        elif (
            path not in ours
            and ours & set(paths)
            and _is_yaml(path)
            and path.rpartition("/")[0] == FOLDER
        ):
            yield ConfigError(f"is no workflow of the factory; {nearest(path, ours)}", file=path)


def _meant(path: str) -> str | None:
    """The file of ours that this one was probably meant to be: the same to an eye, or a letter
    away."""
    folder, _, file = path.rpartition("/")
    stem = file.split(".", 1)[0]
    if skeleton(folder) == skeleton(FOLDER) and _is_yaml(path):
        near = difflib.get_close_matches(stem.casefold(), WORKFLOWS, n=1, cutoff=_NEAR)
        return f"{FOLDER}/{near[0]}.yaml" if near else None
    if skeleton(folder) == skeleton(PROMPTS) and (folder != PROMPTS or not file.endswith(".j2")):
        near = difflib.get_close_matches(
            stem.casefold(), ("triage", "implement"), n=1, cutoff=_NEAR
        )
        return f"{PROMPTS}/{near[0]}.md.j2" if near else None
    return None


def _is_yaml(path: str) -> bool:
    return path.casefold().endswith((".yaml", ".yml"))
