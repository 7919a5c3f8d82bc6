"""Languages by their share of the files."""

from collections import Counter
from pathlib import PurePosixPath

from harness.onboarding.survey import Language

_NAMES = {
    ".py": "Python",
    ".js": "JavaScript",
    ".mjs": "JavaScript",
    ".cjs": "JavaScript",
    ".jsx": "JavaScript",
    ".ts": "TypeScript",
    ".tsx": "TypeScript",
    ".go": "Go",
    ".rs": "Rust",
    ".rb": "Ruby",
    ".java": "Java",
    ".kt": "Kotlin",
    ".swift": "Swift",
    ".c": "C",
    ".h": "C",
    ".cc": "C++",
    ".cpp": "C++",
    ".hpp": "C++",
    ".cs": "C#",
    ".php": "PHP",
    ".sh": "Shell",
    ".sql": "SQL",
    ".ex": "Elixir",
    ".exs": "Elixir",
    ".scala": "Scala",
    ".lua": "Lua",
    ".vue": "Vue",
    ".svelte": "Svelte",
    ".html": "HTML",
    ".erb": "HTML",
    ".ejs": "HTML",
    ".jinja": "HTML",
    ".j2": "HTML",
    ".css": "CSS",
    ".scss": "CSS",
    ".md": "Markdown",
    ".rst": "reStructuredText",
    ".tex": "TeX",
}
PROSE = frozenset({"Markdown", "reStructuredText", "TeX"})
PAGES = frozenset({"HTML", "CSS"})


def language_of(name: str) -> str:
    """The language of a file by its ending; empty for an unknown ending."""
    return _NAMES.get(PurePosixPath(name).suffix.lower(), "")


def languages_in(files: tuple[str, ...]) -> tuple[Language, ...]:
    """Each language with its share, the largest first."""
    counted = Counter(filter(None, map(language_of, files)))
    total = counted.total()
    return tuple(
        Language(name, number, round(100 * number / total))
        for name, number in counted.most_common()
    )
