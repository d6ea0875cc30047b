"""Outages lose nobody, starts blast nobody, and nothing runs twice."""

from datetime import date, datetime, timedelta

from communication_agent.app import App
from support.house import MONDAY, DealerRows, at, everything, listed, settings_for

TODAY = MONDAY.date()
DAY = timedelta(days=1)


async def _slots(house: App, task: str) -> list[tuple[str, str, int | None, int | None]]:
    runs = await house.schedules.runs_of("hilltop")
    return sorted((str(r["slot"]), str(r["state"]), r["found"], r["lapsed"]) for r in runs if r["task"] == task)  # pyright: ignore[reportReturnType]


async def test_the_first_scan_of_a_new_dealer_covers_one_day_and_no_history(house: App, dealer: DealerRows) -> None:
    for days in (7, 8, 9, 30):
        await dealer.bought(TODAY - days * DAY)

    await everything(house)

    assert [message.due_on for message in await listed(house)] == [TODAY]


async def test_an_outage_up_to_the_lateness_loses_nobody_and_older_ones_are_counted_not_sent(
    house: App, dealer: DealerRows
) -> None:
    await everything(house)
    for days in range(1, 8):
        await dealer.bought(TODAY - 7 * DAY + days * DAY)

    await everything(at(house, MONDAY + 7 * DAY))

    assert sorted(message.due_on for message in await listed(house)) == [TODAY + days * DAY for days in (4, 5, 6, 7)]
    assert (await _slots(house, "seven_day_checkin"))[-1] == ("2026-11-30", "done", 4, 3)


async def test_a_type_that_was_off_starts_at_the_day_it_is_switched_on(house: App, dealer: DealerRows, dealer_dsn: str) -> None:
    await house.tenants.save(settings_for(dealer_dsn, types={"seven_day_checkin": False}), house.clock.now())
    for days in range(4):
        await dealer.bought(TODAY - 7 * DAY + days * DAY)
        await everything(at(house, MONDAY + days * DAY))
    await house.tenants.save(settings_for(dealer_dsn), house.clock.now())
    await dealer.bought(TODAY - 3 * DAY)

    await everything(at(house, MONDAY + 4 * DAY))

    assert [message.due_on for message in await listed(house)] == [TODAY + 4 * DAY]


async def test_weekly_types_run_on_their_day_only_and_a_missed_monday_is_made_up(house: App, dealer: DealerRows) -> None:
    customer = await dealer.customer()
    await dealer.machine(customer, machine_hours=30, hours_read_at=TODAY, purchase_date=date(2026, 9, 1))
    await everything(at(house, MONDAY - 5 * DAY))  # a Wednesday, the dealer's first
    assert await listed(house) == []
    await everything(at(house, MONDAY))
    await everything(at(house, MONDAY + 9 * DAY))  # the Monday between was missed

    assert [slot for slot, *_ in await _slots(house, "first_service_alert")] == ["2026-11-23", "2026-11-30"]


async def test_nothing_is_scanned_before_six_in_the_morning(house: App, dealer: DealerRows) -> None:
    await dealer.bought(TODAY - 7 * DAY)

    await everything(at(house, datetime.fromisoformat("2026-11-23T05:59:00-05:00")))
    assert await listed(house) == []
    await everything(at(house, datetime.fromisoformat("2026-11-23T06:00:30-05:00")))

    (message,) = await listed(house)
    assert (message.reason, message.run_at) == ("planned", datetime.fromisoformat("2026-11-23T09:00:00-05:00"))


async def test_a_february_29_purchase_has_its_anniversary_on_the_28th_in_common_years(house: App, dealer: DealerRows) -> None:
    await dealer.bought(date(2024, 2, 29))

    due = [
        day
        for day in (date(2027, 2, 13), date(2027, 2, 14), date(2027, 2, 15), date(2028, 2, 14), date(2028, 2, 15))
        if await house.foresight.scan(await house.tenants.load("hilltop"), house.communications["annual_tuneup"], day, MONDAY)
    ]

    assert due == [date(2027, 2, 14), date(2028, 2, 15)]


async def test_a_broken_dealer_delays_only_itself_and_catches_up(house: App, dealer: DealerRows, dealer_dsn: str) -> None:
    await house.tenants.save(
        settings_for(dealer_dsn, "broken", database={"dbname": "nowhere", "user": "nobody", "port": 1}), MONDAY
    )
    await dealer.bought(TODAY - 7 * DAY)

    assert await everything(house) == ["broken"]
    assert [message.outcome for message in await listed(house)] == ["sent"]

    await house.tenants.save(settings_for(dealer_dsn, "broken"), MONDAY)
    assert await everything(at(house, MONDAY + timedelta(minutes=2))) == []
    assert [message.outcome for message in await listed(house, "broken")] == ["sent"]
