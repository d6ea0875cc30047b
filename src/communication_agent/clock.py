"""The only reader of time, and the only loop: everything else takes `now` as an argument."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as civil_time
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock for business times; a pretended one starts at some instant and ticks on from there."""

    offset: timedelta = timedelta()

    @classmethod
    def pretending(cls, start: datetime) -> "Clock":
        """A clock that reads `start` (aware) now and ticks on."""
        return cls(start - datetime.now(UTC))

    @property
    def pretended(self) -> bool:
        """Whether this is not the real time."""
        return self.offset != timedelta()

    def now(self) -> datetime:
        """The current instant, aware, in UTC."""
        return datetime.now(UTC) + self.offset


def unix_micros() -> int:
    """Real time in microseconds since 1970: orders ids and queue numbers, never decides business."""
    return time.time_ns() // 1000


def civil_date(now: datetime, zone: ZoneInfo) -> date:
    """The date on the wall in `zone` at the instant `now`."""
    return now.astimezone(zone).date()


def civil_instant(day: date, at: civil_time, zone: ZoneInfo) -> datetime:
    """The first instant (UTC) at which clocks in `zone` show `at` on `day`; inside a spring gap, as long after its start as `at` is."""
    # A time inside the spring gap does not exist: the offset before the change moves it past the gap.
    return datetime.combine(day, at, zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Loop:
    """How often a background duty runs, and how it backs off after an error (seconds)."""

    name: str
    interval: float
    longest_back_off: float = 60.0


async def run_every(
    loop: Loop,
    duty: Callable[[], Awaitable[bool]],
    stopping: asyncio.Event,
    wake: asyncio.Event | None = None,
    on_error: Callable[[str, Exception], None] = lambda _name, _error: None,
) -> None:
    """Run `duty` until `stopping`; at once again while it returns True (there was work), else after the interval or `wake`."""
    errors = 0
    while not stopping.is_set():
        try:
            busy = await duty()
            errors = 0
        except Exception as error:  # noqa: BLE001 - a loop survives a bad round; `on_error` counts and shows it
            on_error(loop.name, error)
            errors += 1
            busy = False
        if not busy:
            await _pause(_delay(loop, errors), stopping, wake)


def _delay(loop: Loop, errors: int) -> float:
    back_off = min(loop.longest_back_off, loop.interval * 2 ** min(errors, 10)) if errors else loop.interval
    return back_off * random.uniform(0.9, 1.1)  # noqa: S311 - jitter, not a secret


async def _pause(seconds: float, stopping: asyncio.Event, wake: asyncio.Event | None) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in (stopping, wake) if event]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        if wake:
            wake.clear()


def boot_seconds() -> float:
    """Seconds since the machine started, counting the time it slept: what a frozen process compares its deadline with."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def jitter() -> float:
    """A random number in [0, 1), for spreading retries."""
    return random.random()  # noqa: S311 - jitter, not a secret
