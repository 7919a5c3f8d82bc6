"""`python -m harness.programs.notifier`: reads one JSON object from standard input, with
`addresses`, `title` and `body`, sends the message to each address, and prints `{"taken": N,
"failed": N}`.

Properties:
- addresses are read from standard input alone, and never printed: they hold passwords;
- the text is sent as plain text, and no service is given a file.
"""

import json
import logging
import sys

SECONDS = 45
"""For all addresses together."""
MOST_BYTES = 100_000


def sent(
    addresses: list[str], title: str, body: str, *, seconds: float = SECONDS
) -> dict[str, int]:
    """How many addresses took the message, and how many did not."""
    # Only here: importing Apprise takes half a second, and its services another one.
    import apprise

    # Apprise logs what a service answers, which may repeat an address.
    logging.getLogger("apprise").addHandler(logging.NullHandler())
    logging.getLogger("apprise").propagate = False
    asset = apprise.AppriseAsset(
        app_id="lights-out-factory",
        app_desc="lights-out-factory",
        app_url="",
        # Nothing is written to a disk, and services are asked one after the other.
        storage_mode=apprise.PersistentStoreMode.MEMORY,
        async_mode=False,
        interpret_escapes=False,
    )
    services = [apprise.Apprise.instantiate(address, asset=asset) for address in addresses]
    known = apprise.Apprise([one for one in services if one is not None], asset=asset)
    if not known.services:
        return {"taken": 0, "failed": len(addresses)}
    result = known.notify(
        body=body, title=title, body_format=apprise.NotifyFormat.TEXT, timeout=SECONDS
    )
    taken = sum(1 for one in result if one)
    return {"taken": taken, "failed": len(addresses) - taken}


def main() -> int:
    """Send what is on standard input."""
    order = json.loads(sys.stdin.buffer.read(MOST_BYTES))
    sys.stdout.write(json.dumps(sent(order["addresses"], order["title"], order["body"])) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
