"""The facts for the last lines of `factory init`. Nothing is started, and nobody is called."""

import os
from collections.abc import Mapping
from pathlib import Path

from harness.domain.errors import ConfigError
from harness.home.document import HomeFile, read_home
from harness.home.programs import BASE_URL
from harness.home.providers import KEY
from harness.operations.readiness import (
    BROWSER,
    FORGE,
    ROLES,
    SANDBOX,
    Fact,
    Readiness,
    facts_of_folder,
    lacking,
    readiness,
    untried,
)
from harness.operations.setup.init import InitResult

LOOK = "run `factory doctor`"


def init_readiness(found: InitResult, *, home: Path | None) -> Readiness:
    """The table for a repository with its drafts, and for the home, if there is one."""
    drafts = {draft.path: draft.text for draft in found.wrote}
    facts = {
        SANDBOX: untried("no sandbox was started", LOOK),
        BROWSER: untried("no browser was started", LOOK),
        FORGE: untried("no push was tried", "" if home else "run `factory connect OWNER/NAME`"),
        **_about_models(home),
        **facts_of_folder(found.top, found.tracked, drafts),
    }
    return readiness(facts)


def _about_models(home: Path | None) -> Mapping[str, Fact]:
    try:
        document = read_home(home) if home else None
    except ConfigError as error:
        return dict.fromkeys(ROLES, lacking(str(error), "mend home.json"))
    if document is None or _needs_the_default(document):
        chosen = (document.upstream if document else "") or os.environ.get(BASE_URL, "")
        if not chosen and not os.environ.get(KEY):
            return dict.fromkeys(
                ROLES,
                lacking(
                    f"no key: {KEY} is not set",
                    f"set {KEY}, or name a provider in home.json, and run `factory doctor`",
                ),
            )
    return dict.fromkeys(ROLES, untried("no model was called", LOOK))


def _needs_the_default(document: HomeFile) -> bool:
    return document.models == "live" and not document.providers
