"""Where evidence can be looked at: on the local forge, where it is published, or nowhere."""

from dataclasses import replace

import pytest

from harness.domain.errors import ConfigError
from harness.home.document import EMBEDDED, HomeFile, read_home, write_home
from harness.operations.daemon.digest import link_of

PAGE = "/-/evidence/validate-1-1/index.html"
HUB = HomeFile("ana", "tides", "https://github.com", 0, 1, "keys/forge.token")
LOCAL = replace(HUB, forge=EMBEDDED, port=4000)
PUBLISHED = "https://evidence.example.org/tides/"


@pytest.mark.parametrize(
    ("document", "address"),
    [
        (LOCAL, f"http://web{PAGE}"),
        (HUB, ""),
        (
            replace(HUB, evidence_url=PUBLISHED),
            "https://evidence.example.org/tides/validate-1-1/index.html",
        ),
        (
            replace(LOCAL, evidence_url=PUBLISHED),
            "https://evidence.example.org/tides/validate-1-1/index.html",
        ),
    ],
)
def test_a_page_of_evidence_has_an_address_where_people_can_look_at_it(document, address) -> None:
    assert document.address("http://web", PAGE) == address


def test_what_is_in_the_repository_has_its_address_on_the_forge() -> None:
    assert (
        replace(HUB, evidence_url=PUBLISHED).address("https://github.com", "pull/7")
        == "https://github.com/ana/tides/pull/7"
    )


def test_without_a_place_a_digest_names_the_file(tmp_path) -> None:
    write_home(tmp_path, HUB)
    assert link_of(tmp_path)(PAGE) == str(tmp_path / "evidence" / "validate-1-1" / "index.html")
    write_home(tmp_path, replace(HUB, evidence_url=PUBLISHED))
    assert link_of(tmp_path)(PAGE) == f"{PUBLISHED}validate-1-1/index.html"


@pytest.mark.parametrize(
    "address", ["evidence", "javascript:alert(1)", "//evidence.example.org", "ftp://x"]
)
def test_what_is_no_web_address_is_refused(tmp_path, address) -> None:
    write_home(tmp_path, replace(HUB, evidence_url=address))
    with pytest.raises(ConfigError, match="expected an address such as https"):
        read_home(tmp_path)
