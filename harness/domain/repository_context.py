"""The text that an agent reads about a repository, as values: the request, the text and its
manifest.

Not an encyclopedia: the few files that matter within a budget, and a manifest that names what was
left out and why, with the digest of each thing, so that anybody can tell later what a model had
before it."""

import hashlib
import json
from dataclasses import asdict, dataclass
from math import ceil

from harness.domain.issue import CommitSha, TreeSha
from harness.domain.plain import JsonObject

BYTES_A_TOKEN = 3
"""No provider's tokenizer is here, and they differ. English has some four bytes a token, code three
to four: counting three errs towards the budget."""


def tokens_in(text: str) -> int:
    """How many tokens a text is counted as: its UTF-8 bytes by three, rounded up."""
    return ceil(len(text.encode("utf-8", "backslashreplace")) / BYTES_A_TOKEN)


@dataclass(frozen=True, slots=True)
class Passage:
    """A text that an agent is shown: what kind of thing it is, its name among those, and its
    words."""

    # governance · card · findings · reports · map · file · excerpt · lesson · pinned
    kind: str
    name: str
    text: str

    @property
    def tokens(self) -> int:
        return tokens_in(self.text)


@dataclass(frozen=True, slots=True)
class ContextRequest:
    """What is asked for: the repository at `base`, as far as it bears on `question` (an issue's
    words, and no instruction).

    `heading` is the part of the question that counts twice. `stands` is shown in any case, whole
    and elsewhere: it is only listed. `lessons` are those that may go in (`pinned` ones first), at
    most `most_lessons` and as far as their share allows. `tokens` bounds what is written, map,
    files and lessons together; `files` how many files it shows; `tests` are the globs of test
    files, which show less of where a fault is."""

    base: CommitSha
    heading: str
    question: str
    tokens: int
    files: int
    tests: tuple[str, ...] = ()
    stands: tuple[Passage, ...] = ()
    lessons: tuple[Passage, ...] = ()
    most_lessons: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a manifest. `sha256` (hex) is of the text as it was shown, or would have been;
    empty where nothing was read. `note` names the part of it, or why it was left out."""

    kind: str
    name: str
    sha256: str
    tokens: int
    note: str = ""


def listed(passage: Passage, note: str = "") -> Listed:
    """A passage as a manifest names it."""
    # Surrogates come from file names that are not UTF-8; a digest must not fail on them.
    digest = hashlib.sha256(passage.text.encode("utf-8", "backslashreplace")).hexdigest()
    return Listed(passage.kind, passage.name, digest, passage.tokens, note)


@dataclass(frozen=True, slots=True)
class PageManifest:
    """What went in, in its order, and what was left out."""

    base: CommitSha
    tree: TreeSha
    budget: int
    included: tuple[Listed, ...]
    left_out: tuple[Listed, ...]

    @property
    def tokens(self) -> int:
        """All that went in, what stands elsewhere too."""
        return sum(one.tokens for one in self.included)

    @property
    def digest(self) -> str:
        """Names all of it: `sha256:` over its canonical JSON."""
        return f"sha256:{hashlib.sha256(self.text.encode('ascii')).hexdigest()}"

    @property
    def text(self) -> str:
        """Canonical JSON: the same manifest gives the same bytes."""
        return json.dumps(self.as_json(), sort_keys=True, indent=1, ensure_ascii=True)

    def as_json(self) -> JsonObject:
        return {
            "schema": 1,
            "base": self.base,
            "tree": self.tree,
            "budget": self.budget,
            "tokens": self.tokens,
            "included": [asdict(one) for one in self.included],
            "left_out": [asdict(one) for one in self.left_out],
        }


@dataclass(frozen=True, slots=True)
class RepositoryContext:
    """The text, and what is in it."""

    text: str
    manifest: PageManifest
