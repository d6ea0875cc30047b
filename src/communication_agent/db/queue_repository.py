"""Rows of other systems: what they asked for and what was answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from psycopg import AsyncConnection

from communication_agent.db.central_db import CentralDatabase
from communication_agent.db.query import Row, jsonb, rows
from communication_agent.db.statements import statements

SQL = statements("queue")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a row was answered: accepted, duplicate or invalid."""

    external_id: str
    status: str
    message_id: UUID | None
    error: str | None


@dataclass(frozen=True, slots=True)
class QueueRepository:
    """Keeps rows; always in the caller's transaction."""

    central: CentralDatabase

    async def put(
        self, conn: AsyncConnection, tenant_id: str, answer: Answer, payload: Mapping[str, object], now: datetime
    ) -> bool:
        """Keep a row with its answer; False when the row was there before."""
        values = {**_values(tenant_id, answer, payload), "now": now}
        return bool(await rows(conn, SQL["put"], values))

    async def one(self, conn: AsyncConnection, tenant_id: str, external_id: str) -> Answer | None:
        """What was answered the first time, None when the row is new or was invalid."""
        found = await rows(conn, SQL["one"], {"tenant_id": tenant_id, "external_id": external_id})
        if not found or found[0]["status"] == "invalid":
            return None
        return Answer(external_id, str(found[0]["status"]), cast("UUID | None", found[0]["job_id"]), None)

    async def waiting_tenants(self) -> list[str]:
        """Tenants whose other systems wrote rows that nobody answered yet."""
        async with self.central.engine() as conn:
            return [str(row["tenant_id"]) for row in await rows(conn, SQL["tenants_with_received"], {})]

    async def received(self, conn: AsyncConnection, tenant_id: str, limit: int) -> list[tuple[str, object]]:
        """Unanswered rows (external id, payload), locked."""
        found = await rows(conn, SQL["received"], {"tenant_id": tenant_id, "limit": limit})
        return [(str(row["external_id"]), row["payload"]) for row in found]

    async def answer(
        self, conn: AsyncConnection, tenant_id: str, answer: Answer, payload: Mapping[str, object], now: datetime
    ) -> None:
        """Answer a row that another system wrote."""
        await conn.execute(SQL["answer"].text, {**_values(tenant_id, answer, payload), "now": now})

    async def latest(self, tenant_id: str, limit: int = 100) -> list[Row]:
        """The newest rows, for people."""
        async with self.central.engine() as conn:
            return await rows(conn, SQL["latest"], {"tenant_id": tenant_id, "limit": limit})


def _values(tenant_id: str, answer: Answer, payload: Mapping[str, object]) -> dict[str, object]:
    return {
        "tenant_id": tenant_id,
        "external_id": answer.external_id,
        "payload": jsonb(payload),
        "status": answer.status,
        "error": answer.error,
        "job_id": answer.message_id,
    }
