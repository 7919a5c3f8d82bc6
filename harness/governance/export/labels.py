"""The labels that the factory projects, and those that its issue forms set, as the REST API takes
them."""

import json
from collections.abc import Iterable, Mapping

from harness.domain.labels import LABEL_WORDS
from harness.governance.export.exported import Exported, ExportedFile

PATH = ".github/labels.json"
BUG, FEATURE = "bug", "enhancement"
"""What the issue forms set."""

_FORMS: Mapping[str, str] = {BUG: "Something does not work", FEATURE: "Something is missing"}
_GREY = "ededed"
_COLOURS: Mapping[str, str] = {
    "factory:triage": "d4c5f9",
    "factory:accepted": "c2e0c6",
    "factory:rejected": "e4e669",
    "factory:duplicate": "cfd3d7",
    "factory:needs-info": "fef2c0",
    "factory:needs-human": "f9d0c4",
    "factory:building": "bfd4f2",
    "factory:validating": "bfdadc",
    "factory:merged": "0e8a16",
    "factory:paused": "cccccc",
    "factory:rate-limited": "e8dcc0",
    BUG: "d73a4a",
    FEATURE: "a2eeef",
}


def labels(names: Iterable[str]) -> Exported:
    """`.github/labels.json`: these labels and the forms' own, each with a colour (hexadecimal, no
    `#`) and a description."""
    known, descriptions = list(_COLOURS), {**LABEL_WORDS, **_FORMS}
    wanted = sorted(
        {*names, BUG, FEATURE},
        key=lambda name: (known.index(name) if name in known else len(known), name),
    )
    documents = [
        {
            "name": name,
            "color": _COLOURS.get(name, _GREY),
            "description": descriptions.get(name, ""),
        }
        for name in wanted
    ]
    lines = ",\n".join(f"  {json.dumps(document, ensure_ascii=False)}" for document in documents)
    return Exported((ExportedFile(PATH, f"[\n{lines}\n]\n"),))
