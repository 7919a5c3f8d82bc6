"""Reads the log of a job: GitHub answers with the address of a file, good for a minute.

The address is on another host. It gets neither our token nor our cookies, it must be HTTPS where
the forge is, and of its bytes no more than a bound are read."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from harness.forge.transport import Wire

MOST_KEPT = 64 * 1024
"""Bytes of a log that are kept: the last ones, where what failed stands."""
MOST_READ = 16 * 1024 * 1024
"""Bytes that are read to find the end. Of a longer log the end of these is taken."""
SECONDS = 20
NOT_SHOWN = (403, 404, 410)
"""Answers for a job without a log, for a log that is gone, and without the right to read it."""


def job_log(wire: "Wire", repository: str, job: int) -> str:
    """The end of a job's log; empty where there is none to see. Raises what the wire raises."""
    status, headers, text = wire.requestJson("GET", f"/repos/{repository}/actions/jobs/{job}/logs")
    if status in NOT_SHOWN:
        return ""
    if status not in (301, 302, 303, 307, 308):
        raise wire.createException(status, headers, {"message": text[:200]})
    place = str(headers.get("location", ""))
    ours = urlsplit(wire.base_url)
    return _end(place) if urlsplit(place).scheme in ("https", ours.scheme) else ""


def _end(place: str) -> str:
    """The end of a file elsewhere; empty where it cannot be read: the round goes on without."""
    import requests

    end, read = b"", 0
    try:
        with (
            requests.Session() as session,
            session.get(place, stream=True, timeout=SECONDS, allow_redirects=False) as answer,
        ):
            if answer.status_code != 200:
                return ""
            for chunk in answer.iter_content(MOST_KEPT):
                end, read = (end + chunk)[-MOST_KEPT:], read + len(chunk)
                if read >= MOST_READ:
                    break
    except requests.RequestException:
        return ""
    return end.decode("utf-8", "replace")
