"""The labels that the factory projects, and those that its issue forms set, as the REST API takes
them."""

import json
from collections.abc import Iterable

from harness.domain.shown_states import LABELS, Label
from harness.governance.export.exported import Exported, ExportedFile

PATH = ".github/labels.json"
BUG, FEATURE = "bug", "enhancement"
"""What the issue forms set."""

_FORMS = (
    Label(BUG, "Something does not work", "d73a4a"),
    Label(FEATURE, "Something is missing", "a2eeef"),
)
_GREY = "ededed"


def labels(names: Iterable[str]) -> Exported:
    """`.github/labels.json`: these labels and the forms' own, each with a colour (hexadecimal, no
    `#`) and a description."""
    known = {**LABELS, **{one.word: one for one in _FORMS}}
    wanted = [name for name in known if name in {*names, BUG, FEATURE}]
    wanted += sorted({*names} - {*known})
    documents = [
        {
            "name": name,
            "color": known[name].color if name in known else _GREY,
            "description": known[name].description if name in known else "",
        }
        for name in wanted
    ]
    lines = ",\n".join(f"  {json.dumps(document, ensure_ascii=False)}" for document in documents)
    return Exported((ExportedFile(PATH, f"[\n{lines}\n]\n"),))
