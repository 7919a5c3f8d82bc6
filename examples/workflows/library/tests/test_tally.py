from decimal import Decimal

import pytest

from tally import total


def test_a_sum_is_exact_in_any_order():
    assert total(["0.10", "0.20"]) == total(["0.20", "0.10"]) == Decimal("0.30")


def test_what_is_no_amount_is_refused_by_name():
    with pytest.raises(ValueError, match="'ten'"):
        total(["1.00", "ten"])
