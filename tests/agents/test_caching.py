"""How a played session is accounted: by comparing prefixes, as a provider's cache would."""

import pytest

from harness.programs.broker.caching import LOOK_BACK, SHORTEST_PREFIX, PromptCache
from harness.programs.broker.script import Script

MARK = {"cache_control": {"type": "ephemeral"}}
# some 2,200 tokens
LONG = "governance " * 800


def text(words, **more):
    return {"type": "text", "text": words, **more}


def body(*messages, system=LONG, marked=True):
    return {
        "system": [text(system, **(MARK if marked else {}))],
        "messages": [
            {"role": "user" if number % 2 == 0 else "assistant", "content": blocks}
            for number, blocks in enumerate(messages)
        ],
    }


def test_the_first_call_writes_what_is_marked_and_reads_nothing() -> None:
    served = PromptCache().served(body([text("do it")]))
    assert (served.read, served.written > 2000, 0 < served.fresh < 40) == (0, True, True)


def test_a_conversation_that_only_grows_is_read_up_to_where_it_was_marked_last() -> None:
    cache, asked = PromptCache(), [text("do it", **MARK)]
    first = cache.served(body(asked))
    second = cache.served(body([text("do it")], [text("I look")], [text("found", **MARK)]))
    assert second.read == first.read + first.written == first.total
    assert second.fresh == 0
    assert second.written < 60


def test_a_byte_that_changed_early_is_paid_for_again() -> None:
    cache = PromptCache()
    cache.served(body([text("do it", **MARK)]))
    served = cache.served(body([text("do it", **MARK)], system=f"today is Sunday. {LONG}"))
    assert served.read == 0


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (body([text("do it")], marked=False), "nothing is marked"),
        (body([text("do it")], system="short"), "what is marked is too short"),
    ],
)
def test_what_is_not_marked_or_too_short_is_never_served(asked, why) -> None:
    cache = PromptCache()
    served = [cache.served(asked) for _ in range(2)]
    assert [(one.read, one.written) for one in served] == [(0, 0)] * 2, why
    assert served[0].total == served[0].fresh
    assert SHORTEST_PREFIX > 2


def test_a_prefix_is_looked_for_no_further_than_the_provider_looks() -> None:
    cache = PromptCache()
    cache.served(body([text("do it", **MARK)], marked=False))
    many = [text(f"result {number}") for number in range(LOOK_BACK + 2)]
    assert (
        cache.served(
            body([text("do it")], [text("I look")], [*many, text("last", **MARK)], marked=False)
        ).read
        == 0
    )


def exchange(**response):
    return {"response": {"content": [text("I look")], **response}}


def played(*exchanges):
    """The usage of each answer of a script to a conversation that grows."""
    script, messages, usages = (
        Script("x", {"exchanges": list(exchanges)}),
        [[text("do it", **MARK)]],
        [],
    )
    for _ in exchanges:
        usages.append(script.answer({"model": "m", **body(*messages)})["usage"])
        messages = [
            *[
                [{key: block[key] for key in ("type", "text")} for block in blocks]
                for blocks in messages
            ],
            [text("I look")],
            [text("found", **MARK)],
        ]
    return usages


def test_a_played_session_is_accounted_as_its_provider_would_have() -> None:
    first, second = played(exchange(usage={"output_tokens": 7}), exchange())
    assert (first["cache_read_input_tokens"], first["output_tokens"]) == (0, 7)
    assert (
        second["cache_read_input_tokens"] == first["cache_creation_input_tokens"] > SHORTEST_PREFIX
    )
    assert second["input_tokens"] == 0
    assert second["output_tokens"] > 0


def test_what_a_recording_counts_of_its_input_counts() -> None:
    [usages] = played(exchange(usage={"input_tokens": 2100, "output_tokens": 85}))
    assert usages == {
        "input_tokens": 2100,
        "output_tokens": 85,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }
