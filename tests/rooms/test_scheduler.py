"""Slots: one per civil date, whatever the clocks do."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from communication_agent.clock import civil_date, civil_instant
from communication_agent.communication import Schedule, daily, monthly, weekly
from communication_agent.communications.seven_day_checkin import SEVEN_DAY_CHECKIN
from communication_agent.scheduler import falls_on, newest_slot, period_start, window_of

ZONES = ["America/New_York", "America/Denver", "America/Phoenix", "Pacific/Honolulu", "America/Anchorage", "Australia/Sydney"]


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("schedule", [daily(), weekly(), monthly(), daily(months=(3, 10))])
def test_two_years_of_ticks_see_every_slot_once_in_order(name: str, schedule: Schedule) -> None:
    zone = ZoneInfo(name)
    now = datetime.fromisoformat("2026-01-01T12:00:00+00:00")
    seen: list[date] = []
    while now.year < 2028:
        day = newest_slot(schedule, now, zone)
        if not seen or seen[-1] != day:
            seen.append(day)
        now += timedelta(minutes=47)

    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(-100, 800)]
    expected = [day for day in days if falls_on(schedule, day)]
    first, last = expected.index(seen[0]), expected.index(seen[-1])
    assert seen == expected[first : last + 1]
    assert now - civil_instant(seen[-1], schedule.scan_at, zone) < timedelta(days=190)


def test_a_slot_begins_at_six_on_the_wall() -> None:
    zone = ZoneInfo("America/New_York")
    six = civil_instant(date(2026, 11, 1), daily().scan_at, zone)  # the morning after clocks went back

    assert newest_slot(daily(), six - timedelta(seconds=1), zone) == date(2026, 10, 31)
    assert newest_slot(daily(), six, zone) == date(2026, 11, 1)
    assert civil_date(six, zone) == date(2026, 11, 1)


def test_a_period_is_a_day_seven_days_or_a_month() -> None:
    day = date(2026, 3, 31)
    assert [period_start(schedule, day) for schedule in (daily(), weekly(), monthly())] == [
        date(2026, 3, 30),
        date(2026, 3, 24),
        date(2026, 2, 28),
    ]


@pytest.mark.parametrize(
    ("watermark", "since"),
    [
        (None, date(2026, 11, 22)),
        (date(2026, 11, 22), date(2026, 11, 22)),
        (date(2026, 11, 20), date(2026, 11, 20)),
        (date(2026, 1, 1), date(2026, 11, 19)),
    ],
)
def test_a_window_reaches_back_to_the_watermark_but_not_beyond_the_lateness(watermark: date | None, since: date) -> None:
    assert SEVEN_DAY_CHECKIN.schedule is not None
    window = window_of(SEVEN_DAY_CHECKIN, SEVEN_DAY_CHECKIN.schedule, date(2026, 11, 23), watermark)

    assert (window.since, window.until, window.today) == (since, date(2026, 11, 23), date(2026, 11, 23))
