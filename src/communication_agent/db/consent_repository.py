"""Who must not be written to, and who wished what: suppressions, consents, and the last marketing message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from psycopg import AsyncConnection

from communication_agent.db.query import rows
from communication_agent.db.statements import statements
from communication_agent.domain import Channel, Consent, Pause, Suppression
from communication_agent.ids import new_id
from communication_agent.keys import Keys
from communication_agent.tokens import address_hash

SQL = statements("consents")


@dataclass(frozen=True, slots=True)
class Contact:
    """A customer's last marketing message, and the one before it."""

    last_at: datetime | None
    last_job_id: UUID
    previous_at: datetime | None

    def before(self, job_id: UUID) -> datetime | None:
        """When the customer last got marketing from another job than this one."""
        return self.previous_at if self.last_job_id == job_id else self.last_at


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to hear no more of, or again: an address, a purpose, and how we know."""

    customer_id: str
    channel: Channel
    address_hash: str
    purpose: str  # all | marketing
    source: str
    actor: str
    words: str | None = None
    reason: str = "unsubscribed"


@dataclass(frozen=True, slots=True)
class ConsentRepository:
    """Reads and writes on the caller's connection, so that begin-dispatch reads in its own transaction."""

    keys: Keys

    def hash(self, channel: Channel, address: str) -> str:
        """The hash under which an address is kept."""
        return address_hash(self.keys, channel, address)

    async def suppressions(
        self, conn: AsyncConnection, tenant_id: str, addresses: Sequence[tuple[Channel, str]]
    ) -> list[Suppression]:
        """The suppressions of normalised addresses."""
        known = {self.hash(channel, value): (channel, value) for channel, value in addresses}
        found = await rows(conn, SQL["suppressed"], {"tenant_id": tenant_id, "hashes": [*known]})
        return [
            Suppression(*known[str(r["address_hash"])], str(r["purpose"]), str(r["reason"]), cast("datetime", r["since"]))
            for r in found
            if known[str(r["address_hash"])][0] == r["channel"]
        ]

    async def consents(self, conn: AsyncConnection, tenant_id: str, customers: Sequence[str]) -> dict[str, tuple[Consent, ...]]:
        """The latest wishes by customer id."""
        found: dict[str, tuple[Consent, ...]] = {}
        for r in await rows(conn, SQL["consents"], {"tenant_id": tenant_id, "customers": [*customers]}):
            one = Consent(Channel(str(r["channel"])), str(r["purpose"]), bool(r["granted"]), cast("datetime", r["at"]))
            found[str(r["customer_id"])] = (*found.get(str(r["customer_id"]), ()), one)
        return found

    async def contacts(
        self, conn: AsyncConnection, tenant_id: str, customers: Sequence[str], *, lock: bool = False
    ) -> dict[str, Contact]:
        """The last marketing messages by customer id; `lock` keeps other workers from taking the same customer's turn."""
        values = {"tenant_id": tenant_id, "customers": sorted({*customers})}
        if lock:
            await conn.execute(SQL["lock_contacts"].text, values)
            found = await rows(conn, SQL["read_contacts"], values)
        else:
            found = await rows(conn, SQL["contacts"], values)
        return {
            str(r["customer_id"]): Contact(
                cast("datetime | None", r["last_at"]), cast("UUID", r["last_job_id"]), cast("datetime | None", r["previous_at"])
            )
            for r in found
        }

    async def pauses(self, conn: AsyncConnection, tenant_id: str) -> list[Pause]:
        """What somebody stopped, for this tenant or for everybody."""
        found = await rows(conn, SQL["pauses"], {"tenant_id": tenant_id})
        return [
            Pause(str(r["tenant_id"]), str(r["scope"]), str(r["reason"]), str(r["actor"]), cast("datetime", r["since"]))
            for r in found
        ]

    async def take(self, conn: AsyncConnection, tenant_id: str, turns: Sequence[tuple[str, UUID]], now: datetime) -> None:
        """Take customers' turns for marketing (customer id, job id); their rows are locked by the caller."""
        customers, jobs = [t[0] for t in turns], [t[1] for t in turns]
        await conn.execute(SQL["take_contacts"].text, {"tenant_id": tenant_id, "customers": customers, "jobs": jobs, "now": now})

    async def suppress(self, conn: AsyncConnection, tenant_id: str, wish: Wish, now: datetime) -> None:
        """No more of this to this address, with its proof."""
        await conn.execute(SQL["suppress"].text, {**_wish(tenant_id, wish, now), "reason": wish.reason})
        await self._record(conn, tenant_id, wish, now, granted=False)

    async def release(self, conn: AsyncConnection, tenant_id: str, wish: Wish, now: datetime) -> None:
        """The customer wants it again, with its proof; bounces and complaints stay suppressed."""
        await conn.execute(SQL["release"].text, _wish(tenant_id, wish, now))
        await self._record(conn, tenant_id, wish, now, granted=True)

    async def ledger_of(self, conn: AsyncConnection, tenant_id: str, customer_id: str) -> list[Mapping[str, object]]:
        """A customer's wishes, the newest first, with source, words and actor."""
        return [*await rows(conn, SQL["ledger_of"], {"tenant_id": tenant_id, "customer_id": customer_id})]

    async def _record(self, conn: AsyncConnection, tenant_id: str, wish: Wish, now: datetime, *, granted: bool) -> None:
        values = {**_wish(tenant_id, wish, now), "id": new_id(), "customer_id": wish.customer_id, "granted": granted}
        await conn.execute(SQL["record"].text, values)


def _wish(tenant_id: str, wish: Wish, now: datetime) -> dict[str, object]:
    return {
        "tenant_id": tenant_id,
        "channel": str(wish.channel),
        "address_hash": wish.address_hash,
        "purpose": wish.purpose,
        "source": wish.source,
        "words": wish.words,
        "actor": wish.actor,
        "now": now,
    }
