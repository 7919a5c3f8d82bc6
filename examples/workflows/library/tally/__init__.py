"""Sums of money, exact to the cent."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation


def total(amounts: Iterable[str]) -> Decimal:
    """The sum of amounts like "12.30". Raises ValueError naming the first that is none."""
    found = Decimal("0.00")
    for amount in amounts:
        try:
            found += Decimal(amount).quantize(Decimal("0.01"))
        except InvalidOperation:
            raise ValueError(f"not an amount: {amount!r}") from None
    return found
