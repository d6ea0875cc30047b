"""The audit log: who changed what, appended in the transaction of the change, shown on the object itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from psycopg import AsyncConnection

from communication_agent.db.query import jsonb, rows
from communication_agent.db.statements import statements
from communication_agent.ids import new_id

SQL = statements("audit")


@dataclass(frozen=True, slots=True)
class Entry:
    """One change by a person; `detail` is what they said about it."""

    at: datetime
    actor: str
    action: str
    detail: Mapping[str, object]


async def note(
    conn: AsyncConnection, tenant_id: str, actor: str, action: str, about: str, detail: Mapping[str, object], now: datetime
) -> None:
    """Append one entry in the caller's transaction; `about` is written as kind:id (message:0190…)."""
    values = {"tenant_id": tenant_id, "id": new_id(), "now": now, "actor": actor, "action": action}
    await conn.execute(SQL["note"].text, {**values, "object": about, "detail": jsonb(detail)})


async def entries(conn: AsyncConnection, tenant_id: str, about: str) -> Sequence[Entry]:
    """What people changed about one object, in order."""
    found = await rows(conn, SQL["entries"], {"tenant_id": tenant_id, "object": about})
    return [
        Entry(cast("datetime", r["at"]), str(r["actor"]), str(r["action"]), cast("Mapping[str, object]", r["detail"]))
        for r in found
    ]
