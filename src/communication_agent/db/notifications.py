"""Listens for the hint that there is work: fast when it works, harmless when it does not."""

import asyncio

import psycopg

from communication_agent.db.central_db import CentralDatabase
from communication_agent.errors import Problem


async def listen(central: CentralDatabase, wake: asyncio.Event, stopping: asyncio.Event) -> None:
    """Set `wake` at every notification until `stopping`; connects again when the connection is lost."""
    while not stopping.is_set():
        try:
            async with central.engine() as conn:
                await conn.execute("LISTEN communication_jobs")
                while not stopping.is_set():
                    async for _ in conn.notifies(timeout=1.0, stop_after=1):
                        wake.set()
                await conn.execute("UNLISTEN communication_jobs")
        except (psycopg.Error, Problem):  # polling goes on without the hint
            await asyncio.sleep(1.0)
