"""Cut a text so that what is left reads as one."""


def shortened(text: str, most: int) -> str:
    """The text in one line of at most `most` characters. A longer one ends with a whole sentence
    where half of the room has one, else with a whole word, and with an ellipsis."""
    flat = " ".join(text[: most * 8].split())
    if len(flat) <= most:
        return flat
    room = flat[: most - 1]
    sentence = max(room.rfind(f"{end} ") for end in ".!?") + 1
    if sentence > most // 2:
        return f"{room[:sentence]} …"[:most]
    word = room.rsplit(" ", 1)[0] if room.rfind(" ") > most // 2 else room
    return f"{word}…"
