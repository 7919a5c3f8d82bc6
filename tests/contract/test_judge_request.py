"""One golden request that the harness writes and the validator parses. They share no code; this
file is what ties them."""

import json
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from harness.domain.judge_request import JudgeRequest
from harness.domain.plain import plain, valued
from validators.domain.stops import UsageError
from validators.launcher.request import Request, request_in

TEXT = (Path(__file__).parents[1] / "golden" / "judge_request.json").read_bytes()
GOLDEN = json.loads(TEXT)


def test_the_harness_writes_every_key_of_the_golden_request() -> None:
    assert plain(valued(JudgeRequest, GOLDEN)) == GOLDEN


def test_the_validator_reads_every_key_of_the_golden_request() -> None:
    assert TypeAdapter(Request).dump_python(request_in(TEXT, "golden"), mode="json") == GOLDEN


def test_neither_has_a_key_that_the_golden_request_lacks() -> None:
    assert set(JudgeRequest.__slots__) == set(Request.__slots__) == set(GOLDEN)


def test_a_key_that_only_one_of_them_knows_is_refused() -> None:
    with pytest.raises(UsageError, match="implementation: unknown key"):
        request_in(json.dumps({**GOLDEN, "implementation": "look here"}).encode(), "golden")
