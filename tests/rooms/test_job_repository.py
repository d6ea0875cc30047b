"""The queue's take: atomic, fair, urgent first; the same on one server and one tenant at a time."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from communication_agent.db.central_db import CentralDatabase
from communication_agent.db.job_repository import JobRepository
from communication_agent.db.occasion_repository import OccasionRepository
from communication_agent.db.tenant_repository import TenantRepository
from communication_agent.domain import LANE_BULK, LANE_NORMAL, LANE_PERSON, Job, JobType, State
from communication_agent.ids import new_id
from communication_agent.keys import Keys
from support.house import MONDAY, settings_for

NOW = MONDAY


@pytest.fixture(params=[False, True], ids=["one server", "distributed"])
def queue(request: pytest.FixtureRequest, central: CentralDatabase) -> JobRepository:
    """The live queue, with both forms of the take."""
    return JobRepository(replace(central, distributed=request.param), "worker", 60.0)


async def _fill(
    central: CentralDatabase, keys: Keys, jobs: dict[str, int], *, lane: int = LANE_NORMAL, wait: timedelta = timedelta()
) -> None:
    tenants, occasions = TenantRepository(central, keys), OccasionRepository(central)
    for tenant_id, count in jobs.items():
        await tenants.save(settings_for("host=nowhere dbname=none user=nobody", tenant_id), NOW)
        async with central.engine() as conn, conn.transaction():
            for _ in range(count):
                job = Job(
                    tenant_id=tenant_id,
                    id=new_id(),
                    job_type=JobType.SEND_EMAIL,
                    communication="purchase_receipt",
                    customer_id="1",
                    source="test",
                    occasions=("x",),
                    due_on=NOW.date(),
                    run_at=NOW + wait,
                    useful_until=NOW + timedelta(days=7),
                    created_at=NOW,
                    lane=lane,
                )
                await occasions.make_job(conn, job, now=NOW)


async def test_a_claim_takes_each_job_once_whoever_asks(queue: JobRepository, central: CentralDatabase, keys: Keys) -> None:
    await _fill(central, keys, {"alpha": 30, "beta": 30})

    claims = await asyncio.gather(*(replace(queue, worker=f"w{n}", _turn=n).claim(10, NOW) for n in range(6)))

    ids = [job.id for claim in claims for job in claim]
    assert len(ids) == len(set(ids)) == 60
    assert {(job.state, job.fence, job.deaths) for claim in claims for job in claim} == {(State.CLAIMED, 1, 1)}


async def test_a_dealer_with_a_flood_does_not_hold_up_the_others(
    queue: JobRepository, central: CentralDatabase, keys: Keys
) -> None:
    await _fill(central, keys, {"flood": 100, "small": 3, "tiny": 1})

    claimed = Counter(job.tenant_id for job in await queue.claim(12, NOW))

    assert claimed["small"] == 3
    assert claimed["tiny"] == 1
    assert claimed["flood"] >= 4


async def test_where_a_person_waits_comes_first_and_bulk_comes_last(
    queue: JobRepository, central: CentralDatabase, keys: Keys
) -> None:
    for lane in (LANE_BULK, LANE_NORMAL, LANE_PERSON):
        await _fill(central, keys, {"alpha": 2}, lane=lane)

    order = [job.lane for _ in range(3) for job in await queue.claim(2, NOW)]
    assert order == [LANE_PERSON] * 2 + [LANE_NORMAL] * 2 + [LANE_BULK] * 2


async def test_what_waits_is_ready_when_its_time_has_come_and_not_before(
    queue: JobRepository, central: CentralDatabase, keys: Keys
) -> None:
    await _fill(central, keys, {"alpha": 2, "beta": 1}, wait=timedelta(hours=1))

    assert await queue.next_run_at() == NOW + timedelta(hours=1)
    assert (await queue.promote(NOW), await queue.claim(10, NOW)) == (0, [])
    assert await queue.promote(NOW + timedelta(hours=1)) == 3
    assert len(await queue.claim(10, NOW)) == 3


async def test_only_what_is_in_hand_keeps_its_lease(queue: JobRepository, central: CentralDatabase, keys: Keys) -> None:
    await _fill(central, keys, {"alpha": 2})
    kept, dropped = await queue.claim(10, NOW)
    async with central.engine() as conn:
        await conn.execute("UPDATE communication_jobs SET lease_until = now() + interval '1 second'")

        await queue.renew([kept.id])

        query = "SELECT id, lease_until > now() + interval '30 seconds' FROM communication_jobs"
        assert dict(await (await conn.execute(query)).fetchall()) == {kept.id: True, dropped.id: False}
