"""Fault injection in files: the content of an upload is at stake, and so is that of a download."""

import pytest

from validators.browser.network.fault_injection import FaultInjection
from validators.browser.network.http1 import Head
from validators.domain.evidence import FaultInjector
from validators.domain.journeys.data_at_stake import Stakes

STAKES = Stakes(frozenset({"Ada Holt"}), frozenset({"Ada Holt", "walk.csv"}))
BODY = b"Name,Size\r\nAda Holt,4\r\nBo Abel,2\r\n"


def posted(name: str, text: str) -> tuple[Head, bytes]:
    part = (
        f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type:'
        f" text/csv\r\n\r\n{text}"
    )
    head = Head(
        "POST", "/files", "HTTP/1.1", (("Content-Type", "multipart/form-data; boundary=b"),)
    )
    return head, f"{part}\r\n--b--\r\n".encode()


@pytest.mark.parametrize(
    ("name", "text", "touched"),
    [
        ("walk.csv", "x", True),
        ("other.csv", "Name,Size\r\nAda Holt,4", True),
        ("other.csv", "Adam Holt,4", False),
    ],
)
def test_an_upload_carries_its_name_and_its_cells(name, text, touched) -> None:
    fault = FaultInjection(FaultInjector.STALE, lambda: STAKES)
    assert fault.instead(*posted(name, text)) is not None
    assert fault.facts.touched is touched


@pytest.mark.parametrize(
    ("kind", "disposition", "changed"),
    [
        ("text/csv", "attachment; filename=x.csv", True),
        ("application/octet-stream", "attachment; filename=x.csv", True),
        ("application/vnd.ms-excel", 'attachment; filename="x.csv"', True),
        ("application/octet-stream", "inline", False),
        ("image/png", "", False),
    ],
)
@pytest.mark.parametrize("injector", [FaultInjector.SWAP_TEXT, FaultInjector.DROP_ROW])
def test_a_file_that_is_handed_over_is_altered_whatever_it_is_called(
    injector, kind, disposition, changed
) -> None:
    request = Head("GET", "/export", "HTTP/1.1", ())
    answer = Head(
        "HTTP/1.1", "200", "OK", (("Content-Type", kind), ("Content-Disposition", disposition))
    )
    fault = FaultInjection(injector, lambda: STAKES)
    wounded = fault.altered(request, answer, BODY)
    assert (b"Ada Holt" not in wounded) is changed
    assert fault.facts.touched is changed
    assert b"Bo Abel" in wounded


def test_where_rows_are_counted_only_the_headings_are_left() -> None:
    answer = Head("HTTP/1.1", "200", "OK", (("Content-Type", "text/csv"),))
    fault = FaultInjection(FaultInjector.DROP_ROW, lambda: Stakes(counted=True))
    assert fault.altered(Head("GET", "/", "HTTP/1.1", ()), answer, BODY) == b"Name,Size\r\n"
    assert not fault.facts.touched


def test_a_picture_that_is_handed_over_is_left_whole() -> None:
    answer = Head(
        "HTTP/1.1",
        "200",
        "OK",
        (("Content-Type", "image/png"), ("Content-Disposition", "attachment")),
    )
    picture = b"\x89PNG\r\n\x1a\n\xff\xfe"
    assert (
        FaultInjection(FaultInjector.SWAP_TEXT, lambda: STAKES).altered(
            Head("GET", "/", "HTTP/1.1", ()), answer, picture
        )
        == picture
    )
