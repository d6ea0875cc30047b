"""Time: civil dates and instants, the pretended clock, and the one loop."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communication_agent.clock import Clock, Loop, civil_date, civil_instant, run_every

NEW_YORK = ZoneInfo("America/New_York")
ZONES = [
    ZoneInfo(name)
    for name in ("America/New_York", "America/Phoenix", "Pacific/Honolulu", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
]
FAST = Loop("test", 0.001, longest_back_off=0.002)


def test_a_pretended_clock_begins_where_it_is_told_and_ticks_on() -> None:
    start = datetime(2026, 11, 23, 15, tzinfo=UTC)
    clock = Clock.pretending(start)

    first, second = clock.now(), clock.now()

    assert clock.pretended
    assert start <= first <= second < start + timedelta(minutes=1)


def test_the_real_clock_is_not_pretended() -> None:
    assert not Clock().pretended


@pytest.mark.parametrize(
    ("day", "at", "instant"),
    [
        (date(2026, 3, 8), time(2, 30), "2026-03-08T07:30:00+00:00"),  # does not exist: half past two has become half past three
        (date(2026, 11, 1), time(1, 30), "2026-11-01T05:30:00+00:00"),  # exists twice: the first one
        (date(2026, 11, 23), time(6), "2026-11-23T11:00:00+00:00"),
        (date(2026, 7, 1), time(6), "2026-07-01T10:00:00+00:00"),
    ],
)
def test_civil_times_become_instants_also_where_clocks_change(day: date, at: time, instant: str) -> None:
    assert civil_instant(day, at, NEW_YORK).isoformat() == instant


@given(st.dates(date(2020, 1, 1), date(2040, 1, 1)), st.times(), st.sampled_from(ZONES))
def test_an_instant_lies_on_its_civil_date(day: date, at: time, zone: ZoneInfo) -> None:
    assert civil_date(civil_instant(day, at, zone), zone) == day


async def test_a_loop_goes_on_at_once_while_there_is_work_and_stops_when_told() -> None:
    stopping, rounds = asyncio.Event(), 0

    async def duty() -> bool:
        nonlocal rounds
        rounds += 1
        if rounds == 5:
            stopping.set()
        return True

    await asyncio.wait_for(run_every(Loop("slow", 3600), duty, stopping), 5)

    assert rounds == 5


async def test_a_loop_survives_an_error_and_tells_it() -> None:
    stopping, told = asyncio.Event(), list[str]()

    async def duty() -> bool:
        if len(told) == 2:
            stopping.set()
            return False
        raise RuntimeError("a bad round")

    await asyncio.wait_for(run_every(FAST, duty, stopping, on_error=lambda name, error: told.append(f"{name}: {error}")), 5)

    assert told == ["test: a bad round"] * 2


async def test_a_waiting_loop_is_woken() -> None:
    stopping, wake, rounds = asyncio.Event(), asyncio.Event(), asyncio.Queue[int]()

    async def duty() -> bool:
        rounds.put_nowait(1)
        return False

    loop = asyncio.create_task(run_every(Loop("slow", 3600), duty, stopping, wake))
    await asyncio.wait_for(rounds.get(), 5)
    wake.set()
    await asyncio.wait_for(rounds.get(), 5)
    stopping.set()
    await asyncio.wait_for(loop, 5)
