"""The table of legal transitions is the database's too: every illegal write changes nothing."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from communication_agent.app import App
from communication_agent.db.job_repository import Ending, PutBack
from communication_agent.domain import FINISHED, TRANSITIONS, Job, State
from support.house import MONDAY, DealerRows, live_jobs

LIVE = [state for state in State if state not in FINISHED]
LEASED = {State.CLAIMED, State.DISPATCHING}


async def _job(house: App, dealer: DealerRows, state: State) -> Job:
    await dealer.bought(MONDAY.date() - timedelta(days=7))
    tenant = await house.tenants.load("hilltop")
    await house.scheduler.enqueue(tenant, house.communications["seven_day_checkin"], MONDAY.date(), house.clock.now())
    lease = "now() + interval '1 minute'" if state in LEASED else "NULL"
    owner = "'somebody'" if state in LEASED else "NULL"
    deadline = "now()" if state is State.DISPATCHING else "NULL"
    check = "now()" if state is State.UNCERTAIN else "NULL"
    async with house.central.engine() as conn:
        await conn.execute(  # pyright: ignore[reportCallIssue] - the words are the test's own
            f"UPDATE communication_jobs SET state = '{state}', reason = 'test', lease_until = {lease}, lease_owner = {owner},"  # pyright: ignore[reportArgumentType]
            f" dispatch_deadline = {deadline}, check_at = {check}"
        )
    (job,) = await live_jobs(house)
    return job


@pytest.mark.parametrize(("actual", "believed"), list(itertools.product(LIVE, LIVE)))
async def test_a_write_that_expects_another_state_changes_nothing(
    house: App, dealer: DealerRows, actual: State, believed: State
) -> None:
    job = await _job(house, dealer, actual)
    stranger = replace(job, state=believed)

    async with house.central.engine() as conn, conn.transaction():
        moved = await house.jobs.put_back(conn, "hilltop", [PutBack(stranger, State.READY, None)], house.clock.now())

    assert bool(moved) is (actual is believed)
    (after,) = await live_jobs(house)
    assert after.state is (State.READY if moved else actual)


@pytest.mark.parametrize("state", LIVE)
async def test_an_old_fence_changes_nothing(house: App, dealer: DealerRows, state: State) -> None:
    job = await _job(house, dealer, state)
    zombie = replace(job, fence=job.fence - 1)

    async with house.central.engine() as conn, conn.transaction():
        ended = await house.jobs.finish(conn, "hilltop", [Ending(zombie, State.SENT)], house.clock.now())
        moved = await house.jobs.put_back(conn, "hilltop", [PutBack(zombie, State.READY, None)], house.clock.now())

    assert (ended, moved) == (set(), set())


async def test_every_live_state_leads_somewhere_and_every_outcome_ends() -> None:
    assert all(TRANSITIONS[state] for state in LIVE)
    assert all(not TRANSITIONS[state] for state in FINISHED)
    assert State.READY not in TRANSITIONS[State.DISPATCHING]  # what may have left is never simply taken up again
