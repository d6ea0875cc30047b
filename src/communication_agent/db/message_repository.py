"""Messages as people see them: one of five outcomes, the exact bytes, and everything that happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast
from uuid import UUID

from psycopg import AsyncConnection

from communication_agent.db.query import Row, rows
from communication_agent.db.statements import statements

SQL = statements("messages")


@dataclass(frozen=True, slots=True)
class Listed:
    """One message in a list; `reason` is a code, `detail` the words behind it."""

    tenant: str
    id: UUID
    communication: str
    customer_id: str
    channel: str | None
    to: str | None
    outcome: str
    reason: str | None
    detail: str | None
    delivery: str | None
    provider: str | None
    provider_id: str | None
    created_at: datetime
    sent_at: datetime | None
    run_at: datetime | None
    subject: str | None
    fallback_of: UUID | None
    due_on: date


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a message."""

    at: datetime
    what: str
    reason: str | None
    actor: str


@dataclass(frozen=True, slots=True)
class MessageRepository:
    """Reads on the caller's connection: the engine's, or one that sees a single tenant."""

    async def list(
        self, conn: AsyncConnection, tenant_id: str, *, customer_id: str | None = None, id_: UUID | None = None
    ) -> "Sequence[Listed]":
        """Every message of a tenant, oldest first; of one customer, or just one, when asked."""
        values = {"tenant_id": tenant_id, "customer_id": customer_id, "id": id_}
        return [_listed(tenant_id, row) for row in await rows(conn, SQL["list"], values)]

    async def frozen(self, conn: AsyncConnection, tenant_id: str, id_: UUID) -> Row | None:
        """What was frozen for a message: payload (JSON text), hash, facts, provider; None when nothing was."""
        found = await rows(conn, SQL["frozen"], {"tenant_id": tenant_id, "id": id_})
        return found[0] if found else None

    async def timeline(self, conn: AsyncConnection, tenant_id: str, id_: UUID) -> "Sequence[Step]":
        """Transitions and provider events, in order."""
        values = {"tenant_id": tenant_id, "id": id_}
        steps = [
            Step(cast("datetime", r["at"]), str(r["to_state"]), cast("str | None", r["reason"]), str(r["actor"]))
            for r in await rows(conn, SQL["trail"], values)
        ]
        events = [
            Step(cast("datetime", r["at"]), str(r["kind"]), None, str(r["provider"]))
            for r in await rows(conn, SQL["events"], values)
        ]
        return sorted(steps + events, key=lambda step: step.at)

    async def in_question(self, conn: AsyncConnection) -> "Sequence[tuple[str, str, int]]":
        """Tenant, state (held or uncertain) and number of the messages that wait for a person or for evidence; engine only."""
        return [(str(r["tenant_id"]), str(r["state"]), cast("int", r["jobs"])) for r in await rows(conn, SQL["in_question"], {})]

    async def tenant_of(self, conn: AsyncConnection, id_: UUID) -> str | None:
        """Which tenant a message belongs to; engine connections only."""
        found = await rows(conn, SQL["tenant_of"], {"id": id_})
        return str(found[0]["tenant_id"]) if found else None


def _listed(tenant_id: str, row: Row) -> Listed:
    return Listed(
        tenant=tenant_id,
        id=cast("UUID", row["id"]),
        communication=str(row["communication"]),
        customer_id=str(row["customer_id"]),
        channel=cast("str | None", row["channel"]),
        to=cast("str | None", row["recipient"]),
        outcome=str(row["outcome"]),
        reason=cast("str | None", row["reason"]),
        detail=cast("str | None", row["detail"]),
        delivery=cast("str | None", row["delivery"]),
        provider=cast("str | None", row["provider"]),
        provider_id=cast("str | None", row["provider_id"]),
        created_at=cast("datetime", row["created_at"]),
        sent_at=cast("datetime | None", row["sent_at"]),
        run_at=cast("datetime | None", row["run_at"]),
        subject=cast("str | None", row["subject"]),
        fallback_of=cast("UUID | None", row["fallback_of"]),
        due_on=cast("date", row["due_on"]),
    )
