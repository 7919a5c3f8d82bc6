"""The real scanner on made-up credentials, in the clear and in the disguises that are undone."""

import base64

import pytest

from harness.governance.facts.secrets import secrets_in

TOKEN = "ghp_" + "a8Jf72Kd91LmQpXz0Rt5VbN3YwE6Uc4Hs2Gi"
LINE = f'token = "{TOKEN}"\n'


@pytest.mark.parametrize(
    ("disguise", "content"),
    [
        ("in the clear", LINE.encode()),
        ("after a NUL, where a C string ends", b"\0\0" + LINE.encode()),
        ("in UTF-16", LINE.encode("utf-16")),
        ("in base64", b'blob = "' + base64.b64encode(LINE.encode()) + b'"'),
        (
            "in URL-safe base64 without padding",
            base64.urlsafe_b64encode(LINE.encode()).rstrip(b"="),
        ),
        ("in hexadecimal", LINE.encode().hex().encode()),
        ("as a literal in two halves", f'token = "{TOKEN[:20]}" + "{TOKEN[20:]}"'.encode()),
        (
            "as adjacent literals on two lines",
            f'token = ("{TOKEN[:20]}"\n    "{TOKEN[20:]}")'.encode(),
        ),
        ("between bytes that are not UTF-8", b"\xff\xfe\xfd\n" + LINE.encode()),
        (
            "a private key",
            b"-----BEGIN RSA PRIVATE KEY-----\n"
            + b"MIIEpAIBAAKCAQEA7bq2m0u1fWw9V8sXl3pZ4e6q9nYdG5tRk2hB1cJ8v\n" * 6
            + b"-----END RSA PRIVATE KEY-----\n",
        ),
    ],
)
def test_a_credential_is_found(disguise, content) -> None:
    found = secrets_in({b"src/a.py": content})
    assert len(found) >= 1, disguise
    assert {secret.path for secret in found} == {b"src/a.py"}


def test_what_is_found_is_named_with_its_line_and_masked() -> None:
    (secret,) = secrets_in({b"a": b"\n\n" + LINE.encode(), b"b": b"nothing"})
    assert (secret.rule, secret.line, secret.shown) == ("github-pat", 3, "ghp_…")
    assert TOKEN not in repr(secret)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"def total(prices):\n    return sum(prices)\n",
        b'client.post("/login", data={"password": "correct horse"})',
        b"sha256:9772332e358205ae52245f460373a281979db9247d98edb2dddf012af6dfe095",
        b"\0" * 100,
        bytes(range(256)) * 20,
    ],
)
def test_ordinary_content_raises_no_alarm(content) -> None:
    assert secrets_in({b"a": content}) == ()


def test_nothing_added_has_nothing_in_it() -> None:
    assert secrets_in({}) == ()
