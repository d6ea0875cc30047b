"""Tomorrow can be looked at without changing anything, and the answer to "why?" is the scan's own."""

import random
from datetime import date, timedelta
from pathlib import Path

import pytest
from psycopg import AsyncConnection, sql

from communication_agent.app import App
from communication_agent.communication import Communication
from communication_agent.db.audience_sql import Window
from communication_agent.scheduler import window_of
from communication_agent.tenant import TenantSettings
from support.central import config_for
from support.house import MONDAY, DealerRows, everything, house_at, listed, settings_for

TODAY = MONDAY.date()

TABLES = "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace ORDER BY 1"


async def _state(conn: AsyncConnection) -> dict[str, object]:
    names = [name for (name,) in await (await conn.execute(TABLES)).fetchall()]
    checksum = sql.SQL("SELECT md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) FROM {} t")
    return {name: await (await conn.execute(checksum.format(sql.Identifier(name)))).fetchone() for name in names}


async def test_a_dry_scan_changes_nothing_in_any_database(house: App, dealer: DealerRows) -> None:
    await dealer.bought(TODAY - timedelta(days=7))
    tenant = await house.tenants.load("hilltop")
    async with house.central.engine() as conn:
        before = (await _state(conn), await _state(dealer.conn))

        found = await house.foresight.scan(tenant, house.communications["seven_day_checkin"], TODAY, house.clock.now())

        assert [(f.verdict, f.equipment_ids) for f in found] == [("send", ("2",))]
        assert (await _state(conn), await _state(dealer.conn)) == before


async def test_what_was_asked_for_is_shown_as_asked_for_and_not_made_again(house: App, dealer: DealerRows) -> None:
    await dealer.bought(TODAY - timedelta(days=7))
    tenant, communication = await house.tenants.load("hilltop"), house.communications["seven_day_checkin"]

    first = await house.scheduler.enqueue(tenant, communication, TODAY, house.clock.now())
    second = await house.scheduler.enqueue(tenant, communication, TODAY, house.clock.now())

    assert (first, second) == ({"found": 1, "enqueued": 1}, {"found": 1, "enqueued": 0})
    (seen,) = await house.foresight.scan(tenant, communication, TODAY, house.clock.now())
    explained = await house.foresight.explain(tenant, communication, "1", TODAY)
    assert (seen.verdict, seen.reason) == (explained.verdict, explained.reason) == ("skip", "already_asked")
    await everything(house)
    assert len(await listed(house)) == 1


async def test_enqueueing_by_hand_moves_no_watermark(house: App, dealer: DealerRows) -> None:
    tenant = await house.tenants.load("hilltop")
    await dealer.bought(TODAY - timedelta(days=7))

    await house.scheduler.enqueue(tenant, house.communications["seven_day_checkin"], TODAY - timedelta(days=3), house.clock.now())

    assert await house.schedules.runs_of("hilltop") == []


async def test_explain_names_the_condition_that_decided_with_its_value_and_the_nearest_miss(house: App, dealer: DealerRows) -> None:
    customer = await dealer.customer()
    await dealer.machine(customer, machine_hours=8, hours_read_at=TODAY, purchase_date=date(2026, 10, 1))
    tenant = await house.tenants.load("hilltop")

    why = await house.foresight.explain(tenant, house.communications["first_service_alert"], str(customer), TODAY)

    assert (why.due, why.reason, why.nearest_miss) == (False, "hours_reached", "needs 12 more hours")
    told = {c.code: (c.sentence, c.holds, c.value) for c in why.conditions}
    assert told["hours_reached"] == ("machine hours reached 20", False, "8")
    assert told["still_owned"][1]


@pytest.mark.parametrize(
    ("bought", "name", "miss"),
    [
        (date(2026, 11, 16), "annual_tuneup", "due on November 2, 2027"),
        (date(2024, 2, 29), "annual_tuneup", "due on February 14, 2027"),
        (date(2026, 11, 20), "seven_day_checkin", "due on November 27, 2026"),
        (date(2026, 11, 1), "seven_day_checkin", "was due on November 8, 2026"),
    ],
)
async def test_who_is_not_due_yet_hears_when(house: App, dealer: DealerRows, bought: date, name: str, miss: str) -> None:
    customer = await dealer.bought(bought)
    tenant = await house.tenants.load("hilltop")

    why = await house.foresight.explain(tenant, house.communications[name], str(customer), TODAY)

    assert (why.due, why.nearest_miss) == (False, miss)


async def test_a_customer_who_must_not_be_contacted_stays_a_candidate_with_the_reason(house: App, dealer: DealerRows) -> None:
    await dealer.bought(TODAY - timedelta(days=7), do_not_contact=True)
    tenant = await house.tenants.load("hilltop")

    (seen,) = await house.foresight.scan(tenant, house.communications["seven_day_checkin"], TODAY, house.clock.now())

    assert (seen.verdict, seen.reason, seen.send_at) == ("skip", "suppressed", None)


async def test_waiting_for_the_night_shows_in_the_time_and_not_in_the_verdict(house: App, dealer: DealerRows) -> None:
    await dealer.bought(TODAY - timedelta(days=7), time_zone="America/Los_Angeles")
    tenant = await house.tenants.load("hilltop")

    (seen,) = await house.foresight.scan(tenant, house.communications["seven_day_checkin"], TODAY, house.clock.now())

    assert (seen.verdict, seen.reason) == ("send", None)
    assert seen.send_at is not None
    assert seen.send_at.isoformat()[:16] >= "2026-11-23T16:00"


async def _scanned(app: App, tenant: TenantSettings, communication: Communication, day: date) -> set[tuple[str, str, str]]:
    window, knobs = _window(communication, day), app.cases.knobs(communication, tenant)
    async with app.gateway.session(tenant) as session:
        raw = b"".join([block async for block in session.candidates(communication, window, knobs)])
    rows = (line.split("\t") for line in raw.decode().splitlines())
    return {(customer, equipment, due_on) for customer, equipment, _, due_on, *_ in rows}


async def _explained(
    app: App, tenant: TenantSettings, communication: Communication, day: date, ids: list[str]
) -> set[tuple[str, str, str]]:
    knobs = app.cases.knobs(communication, tenant)
    async with app.gateway.session(tenant) as session:
        rows = await session.rows(communication, ids, _window(communication, day), knobs)
    return {(row.customer_id, row.equipment_id or "", str(row.due_on)) for row in rows if row.due}


def _window(communication: Communication, day: date) -> Window:
    assert communication.schedule is not None
    return window_of(communication, communication.schedule, day, None)


async def test_explain_and_scan_agree_on_ten_thousand_random_cases(central_url: str, sample_template: str, tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    cases = disagreements = due = 0
    async with house_at(config_for(central_url, tmp_path), MONDAY) as app:
        tenant = settings_for(sample_template)
        await app.tenants.save(tenant, app.clock.now())
        scheduled = [c for c in app.communications.values() if c.audience]
        while cases < 10_000 or (due <= 20 and cases < 100_000):
            communication, day = chance.choice(scheduled), TODAY + timedelta(days=chance.randint(-400, 400))
            ids = [str(chance.randint(1, 2100)) for _ in range(400)]
            scanned = {row for row in await _scanned(app, tenant, communication, day) if row[0] in ids}
            explained = await _explained(app, tenant, communication, day, ids)
            disagreements += len(scanned ^ explained)
            due += len(scanned)
            cases += len(ids)
    assert disagreements == 0, f"seed {seed}"
    assert due > 20, f"too few due cases to mean anything: {due} (seed {seed})"


@pytest.mark.parametrize("name", ["seven_day_checkin", "annual_tuneup", "first_service_alert"])
async def test_the_full_explanation_agrees_with_the_scan_for_every_candidate(
    central_url: str, sample_template: str, tmp_path: Path, name: str
) -> None:
    async with house_at(config_for(central_url, tmp_path), MONDAY) as app:
        tenant = settings_for(sample_template)
        await app.tenants.save(tenant, app.clock.now())
        communication = app.communications[name]
        found = await app.foresight.scan(tenant, communication, TODAY, app.clock.now())
        assert found
        for seen in found:
            why = await app.foresight.explain(tenant, communication, seen.customer_id, TODAY)
            assert (why.due, why.due_on, why.verdict, why.reason, why.send_at) == (
                True,
                seen.due_on,
                seen.verdict,
                seen.reason,
                seen.send_at,
            )
