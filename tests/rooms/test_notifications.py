"""A new job is worked on at once, not at the next poll."""

import asyncio

from communication_agent.db.central_db import CentralDatabase
from communication_agent.db.notifications import listen


async def test_whoever_listens_is_woken_by_a_transaction_that_made_work(central: CentralDatabase) -> None:
    wake, stopping = asyncio.Event(), asyncio.Event()
    listening = asyncio.create_task(listen(central, wake, stopping))
    async with central.engine() as conn:
        async with asyncio.timeout(10):
            while not wake.is_set():  # until the other connection has begun to listen
                await conn.execute("SELECT pg_notify('communication_jobs', 'hilltop')")
                await asyncio.sleep(0.01)

    stopping.set()
    await asyncio.wait_for(listening, 5)


async def test_a_lost_connection_is_made_again(central: CentralDatabase) -> None:
    wake, stopping = asyncio.Event(), asyncio.Event()
    listening = asyncio.create_task(listen(central, wake, stopping))
    end_listeners = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND pid <> pg_backend_pid()"
    )
    async with central.engine() as conn, asyncio.timeout(10):
        while (await (await conn.execute(end_listeners)).fetchone()) == (0,):
            await asyncio.sleep(0.01)
        while not wake.is_set():
            await conn.execute("SELECT pg_notify('communication_jobs', 'hilltop')")
            await asyncio.sleep(0.01)

    stopping.set()
    await asyncio.wait_for(listening, 5)
