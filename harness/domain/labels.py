"""The labels that say where an issue stands, in words for people.

The factory puts them on, a forge's page shows them.
"""

from collections.abc import Mapping
from types import MappingProxyType

LABEL_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "factory:triage": "Not looked at yet",
        "factory:accepted": "Fits the mission; work starts on its own",
        "factory:rejected": (
            "Left out on purpose; reply /factory appeal if that is a misunderstanding"
        ),
        "factory:duplicate": "Asked before; it goes on at the older issue",
        "factory:needs-info": "One thing is missing; a reply is enough",
        "factory:needs-human": "A person has to look",
        "factory:building": "A change is being written",
        "factory:validating": "A change is being judged in a real browser",
        "factory:merged": "Landed, exactly as it was judged",
        "factory:paused": "On hold by a maintainer",
        "factory:rate-limited": "Waits for its turn; nothing of it is lost",
    }
)
"""The description of each: one clause, and after a semicolon what more there is to know."""
