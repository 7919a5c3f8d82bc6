"""What is known of the base tree: kept once, taken from there again, and performed anew when nobody
can read it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from validators.domain.evidence import Identity, RunEvidence, RunId, RunKind
from validators.launcher.bases import BaseProofs
from validators.signing.key import signer_at
from validators.signing.notary import Notary
from validators.store.journeys import JourneyStore
from validators.store.place import opened_place

TREE = "1" * 40


@pytest.fixture
def proofs(tmp_path: Path) -> BaseProofs:
    journey_store = JourneyStore(
        opened_place(tmp_path / "sealed" / "seaside", bound=()),
        Notary(signer_at(tmp_path / "validator.key")),
    )
    return BaseProofs(journey_store, TREE, {"walk": "sha256:" + "2" * 64})


def performed(source: Path, *, seen: str = "red") -> RunEvidence:
    file = "base/walk/page.txt"
    (source / file).parent.mkdir(parents=True, exist_ok=True)
    (source / file).write_text(seen)
    run = RunId("walk", Identity.PLAIN, RunKind.BASE)
    return RunEvidence(run, app_ready=True, complete=True, files=(file,))


def stored(proofs: BaseProofs) -> Path:
    (folder,) = (proofs.journey_store.folder / "proofs").glob("*[!e]/")
    return folder / "evidence.json"


def test_what_was_performed_on_a_base_is_known_there_with_its_files(
    proofs: BaseProofs, tmp_path: Path
) -> None:
    proofs.keep([performed(tmp_path / "a")], source=tmp_path / "a")
    (known,) = proofs.stored(["walk"], into=tmp_path / "b")
    assert (tmp_path / "b" / known.files[0]).read_text() == "red"


def of_an_earlier_version(text: str) -> str:
    document = json.loads(text)
    del document["runs"][0]["breaches"]
    return json.dumps(document)


def with_an_unknown_key(text: str) -> str:
    return json.dumps(json.loads(text) | {"later": 1})


def cut(text: str) -> str:
    return text[:-9]


def emptied(text: str) -> str:
    return ""


@pytest.mark.parametrize("damage", [of_an_earlier_version, with_an_unknown_key, cut, emptied])
def test_a_proof_that_nobody_can_read_is_ignored_and_gives_way_to_the_next(
    proofs: BaseProofs, tmp_path: Path, damage: Callable[[str], str]
) -> None:
    proofs.keep([performed(tmp_path / "a")], source=tmp_path / "a")
    stored(proofs).write_text(damage(stored(proofs).read_text()))

    assert proofs.stored(["walk"], into=tmp_path / "b") == ()
    proofs.keep([performed(tmp_path / "c", seen="red again")], source=tmp_path / "c")

    (known,) = proofs.stored(["walk"], into=tmp_path / "d")
    assert (tmp_path / "d" / known.files[0]).read_text() == "red again"
