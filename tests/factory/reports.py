"""Reports of one thing in many words, as people file them."""

LONG = (
    "I booked a walk for my group, then pressed cancel, and the walk still shows fewer places than"
    " before I booked. The places are gone, and after a few of these the walk is full with nobody"
    " on it."
)
WORDS = (
    "cancelled",
    "booking",
    "places",
    "missing",
    "walk",
    "Tuesday",
    "group",
    "calendar",
    "screen",
    "button",
    "pressed",
    "afterwards",
    "expected",
    "number",
    "people",
    "free",
    "again",
    "nobody",
    "joined",
    "yesterday",
)
SWAPS = {
    "cancelled": "aborted",
    "booking": "reservation",
    "missing": "vanished",
    "pressed": "clicked",
    "people": "guests",
}


def reworded(number) -> str:
    """The same report with two words swapped and the rest turned round."""
    swapped = list(SWAPS)[number % len(SWAPS)], list(SWAPS)[(number // 5) % len(SWAPS)]
    words = [SWAPS[word] if word in swapped else word for word in WORDS]
    at = number % len(words)
    return f"The places are gone: {' '.join(words[at:] + words[:at])}"
