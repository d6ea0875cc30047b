"""The central database: opened, migrated, and handed out as connections of two roles, the engine's and one tenant's."""

import select
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from psycopg import AsyncConnection, AsyncCursor, OperationalError, errors, sql
from psycopg.pq import ConnStatus, Format, TransactionStatus
from psycopg.rows import AsyncRowFactory, Row, TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from communication_agent.config import Config
from communication_agent.db import app_role, migrate
from communication_agent.db.servers import Servers, connect
from communication_agent.errors import Problem

CONNECTIONS = 8  # of each role and process, at most
PATIENCE = 10.0  # seconds that somebody waits for a free connection

# A transaction that somebody forgot holds locks and rows for everybody.
_ENGINE_SESSION = sql.SQL("SET TimeZone = 'UTC'; SET statement_timeout = '60s'; SET idle_in_transaction_session_timeout = '60s'")
_APP_SESSION = sql.SQL("SET TimeZone = 'UTC'; SET statement_timeout = '10s'; SET idle_in_transaction_session_timeout = '30s'")
_DISTRIBUTED_SESSION = sql.SQL("SET citus.propagate_set_commands = 'local'")  # else row-level security shows nothing

_Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]


class BinaryCursor(AsyncCursor[Row]):
    """Results come in PostgreSQL's binary format, which is cheaper to read, unless a caller says otherwise."""

    def __init__(self, connection: AsyncConnection[object], *, row_factory: AsyncRowFactory[Row]) -> None:
        super().__init__(connection, row_factory=row_factory)
        self.format = Format.BINARY


@dataclass(frozen=True, slots=True)
class CentralDatabase:
    """Two pools on one database; made by `open`, given back by `close`."""

    distributed: bool  # a Citus cluster: one tenant a statement
    app_problem: Problem | None  # why `tenant` cannot work, for doctor
    _servers: Servers
    _engine: _Pool
    _app: _Pool

    @classmethod
    async def open(cls, config: Config) -> "CentralDatabase":
        """Start or find the server, migrate, make the app role, open the pools.

        Raises Problem CA-401 (password), CA-801 (unreachable), CA-302 (setting, rights), CA-307 (drift), CA-309 (embedded).
        """
        servers = Servers(config)
        distributed = config.central_db_distributed
        role, problem = await _prepare(servers, distributed=distributed)
        session = [_APP_SESSION, *([_DISTRIBUTED_SESSION] if distributed else []), *_taking(role)]
        engine = _pool("engine", servers.central, _ENGINE_SESSION, idle=1)
        app = _pool("app", servers.app, sql.SQL("; ").join(session), idle=0)
        await engine.open()
        await app.open()
        return cls(distributed, problem, servers, engine, app)

    @asynccontextmanager
    async def engine(self) -> AsyncGenerator[AsyncConnection[TupleRow]]:
        """A connection of the engine, which sees every tenant: autocommit, `transaction()` where statements belong together.

        Raises Problem CA-401 or CA-801 when there is none to be had.
        """
        async with self._borrowed(self._engine, self._servers.central) as conn:
            yield conn

    @asynccontextmanager
    async def tenant(self, tenant_id: str) -> AsyncGenerator[AsyncConnection[TupleRow]]:
        """A transaction of web, API or agent that sees the rows of one tenant.

        Raises Problem CA-302 where there is no app role, CA-401 or CA-801 when no connection is to be had.
        """
        if self.app_problem:
            raise replace(self.app_problem)
        async with self._borrowed(self._app, self._servers.app) as conn, _work(conn, tenant_id):
            yield conn

    async def tenant_embedded_dsn(self, tenant_id: str) -> str:
        """Connection string of the database of a tenant with `embedded = true`; made with the reference schema when missing."""
        return await self._servers.tenant_dsn(tenant_id)

    async def tenant_embedded_url(self, tenant_id: str) -> str:
        """The same as a URL that other programs can use for an hour, also when none of ours runs."""
        return await self._servers.tenant_url(tenant_id)

    async def drop_tenant_embedded(self, tenant_id: str) -> None:
        """Remove the database that `tenant_embedded_dsn` made, if it is there."""
        await self._servers.drop_tenant(tenant_id)

    async def close(self) -> None:
        """Close the pools and leave the embedded server, which its last user stops."""
        await self._app.close()
        await self._engine.close()
        await self._servers.stop()

    @asynccontextmanager
    async def _borrowed(self, pool: _Pool, address: Callable[[], Awaitable[str]]) -> AsyncGenerator[AsyncConnection[TupleRow]]:
        try:
            conn = await pool.getconn()
        except PoolTimeout as error:
            # The pool does not say why; a connection of our own does, unless all that happened is that all were busy.
            await (await connect(await address())).close()
            raise Problem(
                "CA-801",
                "The central database has no free connection.",
                f"all {pool.max_size} of this process were busy for {PATIENCE:g} seconds",
                "look for statements that hang, or run more processes",
            ) from error
        try:
            yield conn
        finally:
            await pool.putconn(conn)


@asynccontextmanager
async def _work(conn: AsyncConnection[TupleRow], tenant_id: str) -> AsyncGenerator[None]:
    # In one message with BEGIN, so that it costs no round trip of its own; a literal, because Citus hands SET LOCAL on to
    # its workers, and set_config not.
    await AsyncCursor(conn).execute(sql.SQL("BEGIN; SET LOCAL app.tenant = {}").format(sql.Literal(tenant_id)))
    try:
        yield
        _refuse_swallowed_error(conn)
    except BaseException:
        if conn.info.transaction_status in {TransactionStatus.INTRANS, TransactionStatus.INERROR}:
            await conn.rollback()
        raise
    await conn.commit()


def _refuse_swallowed_error(conn: AsyncConnection[TupleRow]) -> None:
    if conn.info.transaction_status == TransactionStatus.INERROR:
        raise errors.InFailedSqlTransaction("an error was swallowed: COMMIT would silently have kept nothing")


async def _prepare(servers: Servers, *, distributed: bool) -> tuple[str | None, Problem | None]:
    """Migrate and make the app role: its name when it is to be taken by SET ROLE, and what is wrong with it."""
    async with await connect(await servers.central()) as conn:
        engine = conn.info.user
        user, problem = await _own_user(servers, engine)
        role = user or app_role.role_of(engine)
        if distributed and not user:
            problem = app_role.missing_on_citus()
        if (await migrate.status(conn)).pending or not await app_role.is_ready(conn, role, taken=not user):
            async with migrate.exclusive(conn):
                await migrate.up(conn)
                problem = problem or await app_role.make(conn, role, taken=not user)
        return (None if user else role), problem


async def _own_user(servers: Servers, engine: str) -> tuple[str | None, Problem | None]:
    """The user of CENTRAL_DB_APP_URL, where one is set, and why it must not be it."""
    dsn = servers.app_user()
    if not dsn:
        return None, None
    async with await connect(dsn, "The central database", "mend CENTRAL_DB_APP_URL") as conn:
        return conn.info.user, await app_role.why_unfit(conn, engine)


def _pool(name: str, address: Callable[[], Awaitable[str]], session: sql.Composable, *, idle: int) -> _Pool:
    async def begin(conn: AsyncConnection[TupleRow]) -> None:
        await AsyncCursor(conn).execute(sql.Composed([session]))

    return AsyncConnectionPool(
        address,
        connection_class=AsyncConnection[TupleRow],
        kwargs={"autocommit": True, "cursor_factory": BinaryCursor},
        min_size=idle,
        max_size=CONNECTIONS,
        timeout=PATIENCE,
        configure=begin,
        check=_answers,
        name=name,
        open=False,
    )


def _taking(role: str | None) -> list[sql.Composable]:
    return [sql.SQL("SET ROLE {}").format(sql.Identifier(role))] if role else []


async def _answers(conn: AsyncConnection[TupleRow]) -> None:
    """A server that hung up while the connection lay idle is noticed without asking it: what it said last can be read."""
    waiting = select.poll()
    waiting.register(conn.fileno(), select.POLLIN)
    while waiting.poll(0):
        conn.pgconn.consume_input()
    if conn.pgconn.status != ConnStatus.OK:
        raise OperationalError("the server closed the connection")
