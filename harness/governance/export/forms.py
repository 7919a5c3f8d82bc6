"""Exports issue forms that ask for what triage needs and show what the mission leaves out."""

from collections.abc import Iterable, Sequence

from harness.domain.governance import ScopeEntry, ScopeKind
from harness.domain.plain import JsonDict
from harness.governance.export.exported import MADE_BY, Exported, ExportedFile
from harness.governance.export.labels import BUG, FEATURE

FOLDER = ".github/ISSUE_TEMPLATE"
PATHS = tuple(f"{FOLDER}/{name}.yml" for name in ("bug", "feature", "config"))


def issue_forms(scope: Iterable[ScopeEntry]) -> Exported:
    """`.github/ISSUE_TEMPLATE/*.yml`: a form for a bug, one for a feature that shows what the scope
    rules out, and the page's own settings."""
    left_out = [entry for entry in scope if entry.kind is ScopeKind.OUT]
    documents = (_bug(), _feature(left_out), {"blank_issues_enabled": False})
    header = f"# {MADE_BY.format(format='issue-forms')}\n"
    return Exported(
        tuple(
            ExportedFile(path, header + _yaml(document))
            for path, document in zip(PATHS, documents, strict=True)
        )
    )


def _bug() -> JsonDict:
    return {
        "name": "Something does not work",
        "description": "Tell what you did, what you saw, and what you expected.",
        "labels": [BUG],
        "body": [
            _asked(
                "did",
                "What you did",
                "Which page, command or call, and what you clicked, typed or gave it.",
            ),
            _asked("saw", "What you saw"),
            _asked("expected", "What you expected to see"),
        ],
    }


def _feature(left_out: Sequence[ScopeEntry]) -> JsonDict:
    return {
        "name": "Something is missing",
        "description": "Tell what you want to do, and what would be true once you could.",
        "labels": [FEATURE],
        "body": [
            *(
                [{"type": "markdown", "attributes": {"value": _shown(left_out)}}]
                if left_out
                else ()
            ),
            _asked(
                "want",
                "What you want to do",
                "In your own words. mission.md states what is wanted here.",
            ),
            _asked(
                "seen",
                "How a person would see that it works",
                "What they do, step by step, and what they see then.",
            ),
        ],
    }


def _shown(left_out: Sequence[ScopeEntry]) -> str:
    items = (f"- **{_line(entry.title)}.** {_line(entry.reply)}" for entry in left_out)
    return "\n".join(("Some things are left out here on purpose:", "", *items))


def _line(text: str) -> str:
    return " ".join(text.split())


def _asked(field: str, label: str, description: str = "") -> JsonDict:
    attributes = {"label": label, **({"description": description} if description else {})}
    return {
        "type": "textarea",
        "id": field,
        "attributes": attributes,
        "validations": {"required": True},
    }


def _yaml(document: JsonDict) -> str:
    """The document as a person would write it: keys in order, lines kept as lines."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes text of several lines as a block."""

    Dumper.add_representer(
        str,
        lambda dumper, text: dumper.represent_scalar(
            "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
        ),
    )
    return str(yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110))
