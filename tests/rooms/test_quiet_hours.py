from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from policy_cases import CASE, KAREN, NOW, ZONES, case, moments, times, windows

from communication_agent.domain import Snooze
from communication_agent.policy import decide, next_allowed
from communication_agent.policy.quiet_hours import known_zone, spread_of
from communication_agent.tenant import QuietHours

HALF, MINUTE, DAY, NONE = timedelta(minutes=30), timedelta(minutes=1), timedelta(days=1), timedelta()
DEFAULT = QuietHours()
NEW_YORK = ZoneInfo("America/New_York")


def shown(at: datetime, zone: ZoneInfo) -> time:
    return at.astimezone(zone).time()


def forbidden(at: datetime, quiet: QuietHours, zone: ZoneInfo) -> bool:
    """The promise in other words: walking round the clock from start, is the time met before end?"""

    def seconds(of: time) -> float:
        return (of.hour * 60 + of.minute) * 60 + of.second + of.microsecond / 1e6

    since = (seconds(shown(at, zone)) - seconds(quiet.start)) % 86_400
    return since < (seconds(quiet.end) - seconds(quiet.start)) % 86_400


def half_hours(first: date, last: date) -> Iterator[datetime]:
    """Every half hour of the days, the last one first."""
    start, at = datetime.combine(first, time(), UTC), datetime.combine(last, time(), UTC)
    while at > start:
        at -= HALF
        yield at


def wrong_half_hours(zone: ZoneInfo, first: date, last: date, quiet: QuietHours = DEFAULT) -> list[datetime]:
    """Walk backwards, knowing the next free half hour; bounds and clock changes of these zones lie on half hours."""
    free, spread, wrong = datetime.combine(last, time(), UTC), timedelta(minutes=29), list[datetime]()
    while forbidden(free, quiet, zone):
        free += HALF
    for at in half_hours(first, last):
        expected = at
        if forbidden(at, quiet, zone):
            expected = free + spread
        else:
            free = at
        if next_allowed(at, quiet, zone, spread) != expected:
            wrong.append(at)
    return wrong


def clock_changes(zone: ZoneInfo, years: range) -> list[date]:
    days = [date(years.start, 1, 1) + n * DAY for n in range(366 * len(years))]
    offsets = [datetime.combine(day, time(12), zone).utcoffset() for day in days]
    return [day for day, before, after in zip(days[1:], offsets, offsets[1:], strict=False) if before != after]


@pytest.mark.parametrize("name", ZONES)
def test_every_half_hour_of_three_years_leaves_at_the_first_allowed_minute(name: str) -> None:
    assert wrong_half_hours(ZoneInfo(name), date(2025, 1, 1), date(2028, 1, 1)) == []


@pytest.mark.parametrize("name", [*ZONES, "America/Havana", "America/Santiago", "Africa/Cairo", "America/Nuuk", "Pacific/Auckland"])
@pytest.mark.parametrize(
    "quiet", [DEFAULT, QuietHours(start=time(23, 30), end=time(2, 30)), QuietHours(start=time(1), end=time(2))]
)
def test_every_half_hour_around_every_clock_change_is_right(name: str, quiet: QuietHours) -> None:
    zone = ZoneInfo(name)
    for day in clock_changes(zone, range(2025, 2028)) or [date(2026, 3, 8)]:
        assert wrong_half_hours(zone, day - 2 * DAY, day + 2 * DAY, quiet) == []


@pytest.mark.long
def test_every_zone_is_right_for_every_half_hour_of_three_years() -> None:
    first, last = date(2025, 1, 1), date(2028, 1, 1)
    days = [datetime.combine(first + n * DAY, time(), UTC) for n in range((last - first).days)]
    histories = dict[tuple[timedelta | None, ...], ZoneInfo]()
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        histories.setdefault(tuple(day.astimezone(zone).utcoffset() for day in days), zone)
    for history, zone in histories.items():
        quarters = any(offset is None or offset % HALF for offset in history)
        quiet = QuietHours(start=time(21, 15), end=time(8, 15)) if quarters else DEFAULT
        assert wrong_half_hours(zone, first, last, quiet) == [], zone.key
    assert len(histories) > 50


@given(moments, windows, st.sampled_from(ZONES), st.integers(0, 29))
@example(datetime(2026, 3, 8, 6, 59, tzinfo=UTC), QuietHours(start=time(21), end=time(2, 30)), "America/New_York", 0)
@example(datetime(2026, 11, 1, 5, 29, tzinfo=UTC), QuietHours(start=time(21), end=time(1, 30)), "America/New_York", 29)
def test_no_minute_is_quiet_between_the_opening_and_the_departure(
    now: datetime, quiet: QuietHours, name: str, minutes: int
) -> None:
    zone = ZoneInfo(name)
    opens = next_allowed(now, quiet, zone, NONE)
    leaves = next_allowed(now, quiet, zone, minutes * MINUTE)
    assert opens <= leaves <= opens + minutes * MINUTE
    at = opens
    while at <= leaves:
        assert not forbidden(at, quiet, zone)
        at += MINUTE


@given(moments.map(lambda at: at.replace(second=0, microsecond=0)), windows, st.sampled_from(ZONES))
def test_the_opening_is_the_first_minute_that_is_not_quiet(now: datetime, quiet: QuietHours, name: str) -> None:
    at = now
    while forbidden(at, quiet, ZoneInfo(name)):
        at += MINUTE
    assert next_allowed(now, quiet, ZoneInfo(name), NONE) == at


def test_a_bound_in_the_hour_that_is_skipped_counts_from_the_jump() -> None:
    quiet = QuietHours(start=time(21), end=time(2, 30))
    night = datetime(2026, 3, 8, 6, tzinfo=UTC)
    assert next_allowed(night, quiet, NEW_YORK, NONE) == datetime(2026, 3, 8, 7, tzinfo=UTC)  # 03:00, the minute after 01:59


def test_quiet_hours_come_back_in_the_hour_that_comes_twice() -> None:
    quiet = QuietHours(start=time(21), end=time(1, 30))
    first, again = datetime(2026, 11, 1, 5, 30, tzinfo=UTC), datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
    assert next_allowed(first - MINUTE, quiet, NEW_YORK, NONE) == first
    assert next_allowed(again, quiet, NEW_YORK, NONE) == again + HALF


@given(moments, times, st.sampled_from(ZONES))
def test_equal_start_and_end_mean_no_quiet_hours(now: datetime, at: time, name: str) -> None:
    assert next_allowed(now, QuietHours(start=at, end=at), ZoneInfo(name), HALF) == now


def test_the_spread_never_runs_into_the_next_quiet_hours() -> None:
    quiet = QuietHours(start=time(8, 10), end=time(8))
    leaves = {next_allowed(NOW, quiet, NEW_YORK, minutes * MINUTE) for minutes in range(30)}
    assert {shown(at, NEW_YORK) for at in leaves} == {time(8, minute) for minute in range(10)}


def test_who_is_not_delayed_by_quiet_hours_is_not_spread() -> None:
    assert next_allowed(NOW, DEFAULT, NEW_YORK, HALF) == NOW


def test_the_spread_of_a_customer_is_the_same_in_every_process() -> None:
    assert [spread_of("green-valley", key) // MINUTE for key in ("991", "992", "993", "")] == [18, 26, 21, 0]
    assert spread_of("hilltop", "991") != spread_of("green-valley", "991")


def test_the_spread_uses_every_minute_of_the_half_hour_evenly() -> None:
    counts = [0] * 30
    for customer in range(3000):
        counts[spread_of("green-valley", str(customer)) // MINUTE] += 1
    assert min(counts) > 60
    assert max(counts) < 145


@given(st.integers())
def test_the_spread_is_whole_minutes_below_thirty(customer: int) -> None:
    assert spread_of("green-valley", str(customer)) in {minute * MINUTE for minute in range(30)}


@pytest.mark.parametrize("name", [None, "", "nowhere", "America", "../etc/passwd", "/etc/localtime", "x" * 5000, "a\0b", "é"])
def test_what_is_no_zone_is_no_zone(name: str | None) -> None:
    assert known_zone(name) is None


@pytest.mark.parametrize(
    ("zone", "planned", "leaves"),
    [
        (
            "America/New_York",
            datetime(2026, 3, 8, 3, tzinfo=UTC),
            datetime(2026, 3, 8, 12, tzinfo=UTC),
        ),  # spring: 22:00 EST, 08:00 EDT
        ("America/New_York", datetime(2026, 11, 1, 2, tzinfo=UTC), datetime(2026, 11, 1, 13, tzinfo=UTC)),  # autumn: EDT, EST
        ("America/Denver", datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 3, 8, 14, tzinfo=UTC)),
        ("America/Phoenix", datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 3, 8, 15, tzinfo=UTC)),
        (None, datetime(2026, 3, 8, 3, tzinfo=UTC), datetime(2026, 3, 8, 12, tzinfo=UTC)),  # the dealer's zone
        ("Ohio", datetime(2026, 3, 8, 3, tzinfo=UTC), datetime(2026, 3, 8, 12, tzinfo=UTC)),
    ],
)
def test_a_message_planned_at_ten_in_the_evening_leaves_at_eight_plus_spread(
    zone: str | None, planned: datetime, leaves: datetime
) -> None:
    late = case(now=planned, customer={"time_zone": zone}, job={"useful_until": planned + DAY})
    verdict = decide(late)
    assert isinstance(verdict, Snooze)
    assert (verdict.until, verdict.reason) == (leaves + spread_of(CASE.tenant.id, KAREN.id), "quiet_hours")
    assert shown(verdict.until, late.zone).hour == 8
