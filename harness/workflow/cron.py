"""When a cron line is due next: five fields, in the machine's own time zone, with the rules of
Debian's cron.

When clocks go forward, lines in the missing hour are due once, at its end. When they go back, lines
in the repeated hour are due once, in the first of the two. Lines with a `*` for minute or hour
follow the clock as it is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from harness.domain.errors import ConfigError

LOCALTIME = Path("/etc/localtime")


def first_after(line: str, moment: datetime) -> datetime:
    """When `line` is due next after `moment`, in that moment's zone. Raises ConfigError for a line
    that is never due."""
    try:
        return next(CronSim(line, moment))
    except (CronSimError, StopIteration):
        raise ConfigError(
            f"`{line}` is never due; expected minute, hour, day, month, weekday,"
            " such as `17 2 * * *` for 02:17 each night",
            key="on.schedule",
        ) from None


def local_zone(environment: Mapping[str, str] = os.environ) -> tzinfo:
    """The zone that `TZ` names, else the machine's, else UTC. Raises ConfigError for an unknown
    name."""
    name = environment.get("TZ")
    if name is None:
        try:
            with LOCALTIME.open("rb") as file:
                return ZoneInfo.from_file(file)
        except (OSError, ValueError):
            # A container often has no such file.
            return ZoneInfo("UTC")
    try:
        # POSIX lets the name begin with a colon.
        return ZoneInfo(name.lstrip(":") or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(
            f"`{name}` is no time zone known here; expected a name such as `Europe/Berlin` or"
            " `UTC`",
            key="TZ",
        ) from None
