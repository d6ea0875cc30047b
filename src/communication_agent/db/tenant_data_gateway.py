"""The dealer's own database: read only, a few short connections, everything through the comm views."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo

from communication_agent.communication import Communication
from communication_agent.db.dealer import Dealer
from communication_agent.db.dealer_errors import explained
from communication_agent.errors import Problem
from communication_agent.tenant import TenantSettings

IDLE_SECONDS = 30.0
KEPT = 32  # idle connections kept for single look-ups, at most one per tenant


@dataclass(slots=True)
class TenantDataGateway:
    """Opens dealers' databases; `embedded` names the connection string of a tenant on the embedded server."""

    embedded: Callable[[str], Awaitable[str]]
    at_once: int = 16
    _slots: asyncio.Semaphore = field(init=False)
    _idle: dict[str, tuple[AsyncConnection, str, float]] = field(
        init=False, default_factory=dict[str, tuple[AsyncConnection, str, float]]
    )

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.at_once)

    @asynccontextmanager
    async def session(self, tenant: TenantSettings) -> AsyncGenerator[Dealer]:
        """A connection to the tenant's database for a few statements; raises Problem CA-801, CA-401 or CA-303."""
        async with self._slots:
            conninfo = await self._conninfo(tenant)
            conn = await self._borrow(tenant, conninfo)
            try:
                yield Dealer(conn, tenant)
            finally:
                await self._give_back(tenant.id, conn, conninfo)

    async def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            conn, *_ = self._idle.popitem()[1]
            await conn.close()

    async def _conninfo(self, tenant: TenantSettings) -> str:
        db = tenant.database
        where: Mapping[str, str | int] = {}
        base = await self.embedded(tenant.id) if db.embedded else ""
        if not db.embedded:
            where = {
                "host": db.host,
                "port": db.port,
                "dbname": db.dbname,
                "user": db.user,
                "password": db.password.get_secret_value(),
                "sslmode": db.sslmode,
            }
        # Civil dates of timestamps are the dealer's: the session's zone makes ::date mean that.
        options = f"-c default_transaction_read_only=on -c statement_timeout=30000 -c timezone={tenant.time_zone} -c jit=off"
        extras = {"application_name": "communication-agent", "connect_timeout": 5, "tcp_user_timeout": 15000, "options": options}
        return make_conninfo(base, **where, **extras)

    async def _borrow(self, tenant: TenantSettings, conninfo: str) -> AsyncConnection:
        await self._expire()
        kept = self._idle.pop(tenant.id, None)
        if kept and kept[1] == conninfo and not kept[0].closed:
            return kept[0]
        if kept:
            await kept[0].close()
        try:
            return await AsyncConnection.connect(conninfo, autocommit=True)
        except psycopg.Error as error:
            raise explained(error, tenant) from error

    async def _give_back(self, tenant_id: str, conn: AsyncConnection, conninfo: str) -> None:
        if (
            conn.closed
            or tenant_id in self._idle
            or len(self._idle) >= KEPT
            or conn.info.transaction_status != psycopg.pq.TransactionStatus.IDLE
        ):
            await conn.close()
        else:
            self._idle[tenant_id] = (conn, conninfo, monotonic())

    async def _expire(self) -> None:
        old = [tenant for tenant, (_, _, since) in self._idle.items() if monotonic() - since > IDLE_SECONDS]
        for tenant in old:
            conn, *_ = self._idle.pop(tenant)
            await conn.close()


def knob_values(communication: Communication, tenant: TenantSettings, environment: Mapping[str, str]) -> dict[str, int]:
    """The type's thresholds by parameter name: tenant, else environment, else default; out of range raises Problem CA-302."""
    return {
        knob.parameter: _knob(knob.name, knob.minimum, knob.maximum, _first(knob.name, knob.default, tenant, environment))
        for knob in communication.knobs
    }


def _first(name: str, default: int, tenant: TenantSettings, environment: Mapping[str, str]) -> int | str:
    return tenant.knobs.get(name, environment.get(name) or default)


def _knob(name: str, minimum: int, maximum: int, value: int | str) -> int:
    try:
        number = int(value)
    except ValueError:
        number = minimum - 1
    if not minimum <= number <= maximum:
        raise Problem(
            "CA-302",
            f"{name} is not valid.",
            f"{value!r} is not a whole number from {minimum} to {maximum}",
            f"set {name} to such a number",
        )
    return number
