"""The labels that the factory projects, and those that its issue forms set, as the REST API takes them."""

import json
from collections.abc import Iterable, Mapping

from harness.governance.export.exported import Exported, ExportedFile

PATH = ".github/labels.json"
BUG, FEATURE = "bug", "enhancement"
"""What the issue forms set."""

_GREY = ("ededed", "")
_SHOWN: Mapping[str, tuple[str, str]] = {
    "factory:triage": ("d4c5f9", "Not looked at yet"),
    "factory:accepted": ("c2e0c6", "Fits the mission; work starts on its own"),
    "factory:rejected": ("e4e669", "Left out on purpose; reply /factory appeal if that is a misunderstanding"),
    "factory:duplicate": ("cfd3d7", "Asked before; it goes on at the older issue"),
    "factory:needs-info": ("fef2c0", "One thing is missing; a reply is enough"),
    "factory:needs-human": ("f9d0c4", "A person has to look"),
    "factory:building": ("bfd4f2", "A change is being written"),
    "factory:validating": ("bfdadc", "A change is being judged in a real browser"),
    "factory:merged": ("0e8a16", "Landed, exactly as it was judged"),
    "factory:paused": ("cccccc", "On hold by a maintainer"),
    "factory:rate-limited": ("e8dcc0", "Waits for its turn; nothing of it is lost"),
    BUG: ("d73a4a", "Something does not work"),
    FEATURE: ("a2eeef", "Something is missing"),
}


def labels(names: Iterable[str]) -> Exported:
    """`.github/labels.json`: these labels and the forms' own, each with a colour (hexadecimal, no `#`) and a description."""
    known = list(_SHOWN)
    wanted = sorted({*names, BUG, FEATURE}, key=lambda name: (known.index(name) if name in known else len(known), name))
    documents = [{"name": name, "color": colour, "description": says}
                 for name, (colour, says) in ((name, _SHOWN.get(name, _GREY)) for name in wanted)]
    lines = ",\n".join(f"  {json.dumps(document, ensure_ascii=False)}" for document in documents)
    return Exported((ExportedFile(PATH, f"[\n{lines}\n]\n"),))
