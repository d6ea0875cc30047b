"""Where the databases are: a server that an address names, or the embedded one, started when somebody asks for it."""

import asyncio
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from psycopg import AsyncConnection, OperationalError
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from communication_agent.config import Config
from communication_agent.db import migrate
from communication_agent.db.connecting import connection_problem, connection_string
from communication_agent.db.embedded import EmbeddedPostgres
from communication_agent.db.statements import packaged

DATABASE = "communication_agent"
REFERENCE_SCHEMA = Path(__file__).parent / "reference" / "tenant_schema.sql"

_REMEDY = "look whether its server runs and CENTRAL_DB_URL names it; unset, an embedded database is used"
KEPT_SECONDS = 3600.0


@dataclass(slots=True)
class Servers:
    """What this configuration has to connect to."""

    config: Config
    _embedded: EmbeddedPostgres | None = None
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def central(self) -> str:
        """The engine's connection string; starts the embedded server, or revives it, when there is no CENTRAL_DB_URL."""
        if url := self.config.central_db_url:
            return connection_string(url.get_secret_value(), "CENTRAL_DB_URL")
        server = await self.embedded()
        return connection_string(server.dsn(DATABASE), "CENTRAL_DB_URL")

    def app_user(self) -> str | None:
        """The connection string of the app role's own user, None when the engine takes the role instead."""
        url = self.config.central_db_app_url
        return connection_string(url.get_secret_value(), "CENTRAL_DB_APP_URL") if url else None

    async def app(self) -> str:
        """What the app role's connections begin as."""
        return self.app_user() or await self.central()

    async def embedded(self) -> EmbeddedPostgres:
        """The embedded server, running."""
        async with self._starting:
            server = self._embedded or EmbeddedPostgres(self.config.home)
            await asyncio.to_thread(server.start)
            if self._embedded is None and not self.config.central_db_url:
                await asyncio.to_thread(server.create_database, DATABASE)
            self._embedded = server
            return server

    async def stop(self) -> None:
        """Leave the embedded server; its last user stops it."""
        async with self._starting:
            if self._embedded:
                await asyncio.to_thread(self._embedded.stop)
            self._embedded = None

    async def tenant_dsn(self, tenant_id: str) -> str:
        """Where a tenant with `embedded = true` has its data: a database of the reference schema, made when it is missing."""
        server = await self.embedded()
        name = tenant_database(tenant_id)
        await asyncio.to_thread(server.create_database, name)
        dsn = connection_string(server.dsn(name), "COMMUNICATION_AGENT_HOME")
        async with await connect(dsn, f"The database of {tenant_id}", _REMEDY) as conn, migrate.exclusive(conn):
            row = await (await conn.execute("SELECT to_regclass('comm.comm_customers') IS NULL")).fetchone()
            if row == (True,):
                async with conn.transaction():
                    await conn.execute(packaged(REFERENCE_SCHEMA.read_text(encoding="utf-8")))
        return dsn

    async def tenant_url(self, tenant_id: str) -> str:
        """The same as a URL for other programs; the server goes on for an hour after its last user, so that they find it."""
        parts = conninfo_to_dict(await self.tenant_dsn(tenant_id))
        (await self.embedded()).keep(KEPT_SECONDS)
        return f"postgresql://{parts['user']}@/{parts['dbname']}?host={quote(str(parts['host']), safe='')}&port={parts['port']}"

    async def drop_tenant(self, tenant_id: str) -> None:
        """Remove the database that `tenant_dsn` made, if it is there."""
        server = await self.embedded()
        await asyncio.to_thread(server.drop_database, tenant_database(tenant_id))


def tenant_database(tenant_id: str) -> str:
    """The name of the database of a tenant with `embedded = true`; PostgreSQL's names have 63 bytes at most."""
    name = f"tenant_{tenant_id.replace('-', '_')}"
    return name if len(name) <= 63 else f"{name[:46]}_{hashlib.sha256(tenant_id.encode()).hexdigest()[:16]}"


async def connect(dsn: str, database: str = "The central database", remedy: str = _REMEDY) -> AsyncConnection[TupleRow]:
    """One connection in autocommit mode outside the pools; raises Problem CA-401 or CA-801 with the server's reason."""
    try:
        return await AsyncConnection.connect(dsn, autocommit=True)
    except OperationalError as error:
        raise connection_problem(error, database, remedy) from error
