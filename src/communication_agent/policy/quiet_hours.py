"""Quiet hours: the civil times in a customer's zone at which nothing leaves, and the first moment after them."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from communication_agent.clock import civil_date
from communication_agent.tenant import QuietHours

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SPREAD_MINUTES = 30
# A window may be open for a minute a day, and a clock change may swallow that minute: the next day but one has it again.
DAYS_AHEAD = 4


@lru_cache(maxsize=1024)
def known_zone(name: str | None) -> ZoneInfo | None:
    """The zone of that IANA name, None when there is none such; dealers write anything into the column."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):  # not a key, not a file name, a directory such as "America"
        return None


def spread_of(tenant_id: str, customer_id: str) -> timedelta:
    """0 to 29 whole minutes, always the same for one customer: the morning's messages do not leave in one second."""
    digest = hashlib.sha256(f"{tenant_id}\0{customer_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % SPREAD_MINUTES * MINUTE


def is_quiet(at: datetime, quiet: QuietHours, zone: ZoneInfo) -> bool:
    """Whether clocks in `zone` show a quiet time at the instant `at`: from start on, before end; start = end means never."""
    shown = at.astimezone(zone).time()
    if quiet.start <= quiet.end:
        return quiet.start <= shown < quiet.end
    return shown >= quiet.start or shown < quiet.end


def next_allowed(now: datetime, quiet: QuietHours, zone: ZoneInfo, spread: timedelta) -> datetime:
    """`now` when it is not quiet, else (UTC) the first moment that is not, plus `spread`, still before it is quiet again."""
    if not is_quiet(now, quiet, zone):
        return now
    edges = [edge for edge in _edges(civil_date(now, zone), quiet.start, quiet.end, zone) if edge > now]
    opens = next(edge for edge in edges if not is_quiet(edge, quiet, zone))
    if not spread:
        return opens
    closes = next(edge for edge in edges if edge > opens and is_quiet(edge, quiet, zone))
    return opens + spread % (closes - opens)


@lru_cache(maxsize=1024)
def _edges(today: date, start: time, end: time, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Every instant (UTC, ascending) at which quiet can begin or end in the days from `today` on, and some more."""
    # An hour that comes twice has two instants for one civil time, hence both folds.
    civil = (datetime.combine(day, at, zone).replace(fold=fold) for day in _days(today) for at in (start, end) for fold in (0, 1))
    bounds = {shown.astimezone(UTC) for shown in civil}
    # Clocks that jump over a bound, or back across it, pass it at the moment of the jump.
    return tuple(sorted(bounds.union(_jumps(today, zone))))


def _days(today: date) -> list[date]:
    return [today + n * DAY for n in range(-1, DAYS_AHEAD + 1)]


def _jumps(today: date, zone: ZoneInfo) -> Iterator[datetime]:
    midnights = [datetime.combine(day, time(), UTC) for day in _days(today)]
    for before, after in pairwise(midnights):
        if _offset(before, zone) != _offset(after, zone):
            yield _jump(before, after, zone)


def _jump(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first minute of (before, after] whose offset is no longer that of `before`."""
    while after - before > MINUTE:
        middle = before + (after - before) // MINUTE // 2 * MINUTE
        if _offset(middle, zone) == _offset(before, zone):
            before = middle
        else:
            after = middle
    return after


def _offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    return at.astimezone(zone).utcoffset()
