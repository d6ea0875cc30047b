"""Which worker processes are alive, for people."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from psycopg import AsyncConnection

from communication_agent.db.query import rows
from communication_agent.db.statements import statements

SQL = statements("workers")


@dataclass(frozen=True, slots=True)
class Worker:
    """One process that runs loops; times are by its own business clock."""

    name: str
    started_at: datetime
    seen_at: datetime


async def alive(conn: AsyncConnection) -> list[Worker]:
    """The processes that were seen, the latest first; who ended in an orderly way is not among them."""
    found = await rows(conn, SQL["alive"], {})
    return [Worker(str(r["worker"]), cast("datetime", r["started_at"]), cast("datetime", r["seen_at"])) for r in found]
