from tally import tally


def test_what_happens_twice_counts_once() -> None:
    assert tally(["a", "a", "b"]) == 2
