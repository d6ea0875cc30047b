"""What a dead or frozen worker leaves behind is taken up, settled, or shown; never simply sent again."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from communication_agent.app import App
from communication_agent.db.job_repository import JobRepository
from communication_agent.domain import Accepted, Job, Receipt, State
from communication_agent.provider import Dispatch
from support.house import MONDAY, DealerRows, at, everything, listed, live_jobs

TODAY = MONDAY.date()


async def _enqueued(house: App, dealer: DealerRows) -> None:
    await dealer.bought(TODAY - timedelta(days=7))
    tenant = await house.tenants.load("hilltop")
    await house.scheduler.enqueue(tenant, house.communications["seven_day_checkin"], TODAY, house.clock.now())


async def _expire(house: App) -> None:
    async with house.central.engine() as conn:
        await conn.execute("UPDATE communication_jobs SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL")


def _dying(house: App) -> JobRepository:
    return replace(house.jobs, worker="a worker that dies")


async def test_what_a_worker_had_only_claimed_is_sent_by_the_next_one(house: App, dealer: DealerRows) -> None:
    await _enqueued(house, dealer)
    (job,) = await _dying(house).claim(10, house.clock.now())
    await everything(house)
    assert [m.reason for m in await listed(house)] == ["in_flight"]

    await _expire(house)
    await everything(house)

    assert [m.outcome for m in await listed(house)] == ["sent"]
    async with house.central.engine() as conn:
        steps = [step.what for step in await house.messages.timeline(conn, "hilltop", job.id)]
    assert steps == ["claimed", "ready", "claimed", "dispatching", "sent"]


async def test_a_job_that_kills_its_worker_three_times_is_held_for_a_person(house: App, dealer: DealerRows) -> None:
    await _enqueued(house, dealer)
    for _ in range(3):
        assert await _dying(house).claim(10, house.clock.now())
        await _expire(house)
        await house.reconciler.round()

    assert [(m.reason, m.detail) for m in await listed(house)] == [("held", "killed_its_worker_three_times")]
    await everything(house)
    assert not (house.config.outbox / "hilltop").exists()


async def _died_while_sending(house: App, *, arrived: bool) -> App:
    """The house after a worker died between its first byte and its answer."""

    async def die(dispatch: Dispatch) -> Receipt:
        if arrived:
            await house.providers["outbox"].send(dispatch)
        raise asyncio.CancelledError

    deadly = {**house.providers, "outbox": replace(house.providers["outbox"], send=die)}
    processor = replace(house.processor, providers=deadly)
    assert await processor.round()
    await processor.drain()
    (job,) = await live_jobs(house)
    assert job.state is State.DISPATCHING
    await _expire(house)
    return house


async def test_a_message_that_had_arrived_is_found_and_not_sent_again(house: App, dealer: DealerRows) -> None:
    await _enqueued(house, dealer)
    await _died_while_sending(house, arrived=True)

    sends: list[Dispatch] = []

    async def count(dispatch: Dispatch) -> Receipt:
        sends.append(dispatch)
        return Accepted(None)

    counting = {**house.providers, "outbox": replace(house.providers["outbox"], send=count)}
    await everything(replace(house, processor=replace(house.processor, providers=counting)))

    assert sends == []
    assert [m.outcome for m in await listed(house)] == ["sent"]


async def test_a_message_that_had_not_arrived_is_sent_with_the_same_bytes(house: App, dealer: DealerRows) -> None:
    await _enqueued(house, dealer)
    await _died_while_sending(house, arrived=False)
    async with house.central.engine() as conn:
        (before,) = await house.messages.list(conn, "hilltop")
        frozen = await house.messages.frozen(conn, "hilltop", before.id)
    await dealer.conn.execute("UPDATE customers SET first_name = 'Somebody else'")

    await everything(house)

    assert [m.outcome for m in await listed(house)] == ["sent"]
    assert frozen is not None
    async with house.central.engine() as conn:
        after = await house.messages.frozen(conn, "hilltop", before.id)
    assert after is not None
    assert after["payload_hash"] == frozen["payload_hash"]
    assert b"Karen" in (house.config.outbox / "hilltop" / f"{before.id}.eml").read_bytes()


async def test_where_nobody_can_be_asked_the_message_is_held_with_its_evidence_and_ends_when_it_helps_nobody(
    house: App, dealer: DealerRows
) -> None:
    await _enqueued(house, dealer)
    await _died_while_sending(house, arrived=True)
    blind = {
        **house.providers,
        "outbox": replace(house.providers["outbox"], find=None, idempotent=False, grace=timedelta(minutes=10)),
    }
    house = replace(house, reconciler=replace(house.reconciler, providers=blind))

    await everything(house)
    assert [m.reason for m in await listed(house)] == ["uncertain"]
    await everything(at(house, MONDAY + timedelta(minutes=11)))
    assert [(m.reason, m.detail) for m in await listed(house)] == [("held", "outcome_unknown")]
    await house.reconciler.round()
    await replace(house.reconciler, clock=at(house, MONDAY + timedelta(days=15)).clock).round()

    assert [(m.outcome, m.reason) for m in await listed(house)] == [("failed", "outcome_unknown")]


async def test_a_frozen_worker_that_wakes_up_changes_nothing(house: App, dealer: DealerRows) -> None:
    await _enqueued(house, dealer)
    gate = asyncio.Event()
    inside = asyncio.Event()

    async def freeze(dispatch: Dispatch) -> Receipt:
        inside.set()
        await gate.wait()
        return await house.providers["outbox"].send(dispatch)

    slow = {**house.providers, "outbox": replace(house.providers["outbox"], send=freeze)}
    zombie = replace(house.processor, providers=slow)
    await zombie.round()
    await inside.wait()
    await _expire(house)
    await everything(house)
    (before,) = await listed(house)

    gate.set()
    await zombie.drain()

    assert before.outcome == "sent"
    assert [m.outcome for m in await listed(house)] == ["sent"]
    assert len(list((house.config.outbox / "hilltop").iterdir())) == 1


async def test_one_customer_that_breaks_the_code_does_not_stop_the_others(house: App, dealer: DealerRows) -> None:
    for _ in range(3):
        await dealer.bought(TODAY - timedelta(days=7))
    await dealer.bought(TODAY - timedelta(days=7), first_name="Breaker")
    tenant = await house.tenants.load("hilltop")
    await house.scheduler.enqueue(tenant, house.communications["seven_day_checkin"], TODAY, house.clock.now())
    normal = house.providers["outbox"].send

    async def broken(dispatch: Dispatch) -> Receipt:
        if "Breaker" in dispatch.message.text:
            raise SystemError("a bug")
        return await normal(dispatch)

    providers = {**house.providers, "outbox": replace(house.providers["outbox"], send=broken)}
    processor = replace(house.processor, providers=providers)
    await processor.round()
    await processor.drain()

    assert sorted(m.outcome for m in await listed(house)) == ["sent", "sent", "sent", "waiting"]


async def test_a_slow_message_holds_its_own_slot_only(house: App, dealer: DealerRows) -> None:
    for number in range(6):
        await dealer.bought(TODAY - timedelta(days=7), first_name="Slow" if number == 0 else "Quick")
    tenant = await house.tenants.load("hilltop")
    await house.scheduler.enqueue(tenant, house.communications["seven_day_checkin"], TODAY, house.clock.now())
    gate, normal = asyncio.Event(), house.providers["outbox"].send

    async def sometimes_slow(dispatch: Dispatch) -> Receipt:
        if "Slow" in dispatch.message.text:
            await gate.wait()
        return await normal(dispatch)

    providers = {**house.providers, "outbox": replace(house.providers["outbox"], send=sometimes_slow)}
    processor = replace(house.processor, providers=providers, at_once=2)
    async with asyncio.timeout(20):
        while [m.outcome for m in await listed(house)].count("sent") < 5:
            await processor.round()
    gate.set()
    await processor.drain()

    assert [m.outcome for m in await listed(house)] == ["sent"] * 6


async def test_a_doubt_about_an_earlier_attempt_outlives_a_night(house: App, dealer: DealerRows) -> None:
    await _enqueued(house, dealer)
    async with house.central.engine() as conn:
        await conn.execute("UPDATE communication_jobs SET unknown_since = %s", [MONDAY])

    await everything(at(house, MONDAY + timedelta(hours=12)))

    (job,) = await live_jobs(house)
    assert (job.state, job.reason and job.reason.split(":")[0], job.unknown_since) == (State.SCHEDULED, "quiet_hours", MONDAY)


async def test_a_job_that_cannot_be_settled_does_not_keep_the_others_unsettled(house: App, dealer: DealerRows) -> None:
    for _ in range(2):
        await dealer.bought(TODAY - timedelta(days=7))
    tenant = await house.tenants.load("hilltop")
    await house.scheduler.enqueue(tenant, house.communications["seven_day_checkin"], TODAY, house.clock.now())
    first, second = await _dying(house).claim(10, house.clock.now())
    await _expire(house)
    reap = house.reconciler._reap

    async def breaks_on_the_first(job: Job, now: datetime) -> bool:
        if job.id == first.id:
            raise RuntimeError("this one breaks")
        return await reap(job, now)

    moved = [await house.reconciler._guarded(breaks_on_the_first, job, house.clock.now()) for job in (first, second)]

    assert moved == [False, True]
