"""`communication-agent migrate`: the central database's schema."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from communication_agent.cli.command import Call, command, group
from communication_agent.cli.output import Answer, cell
from communication_agent.cli.session import settings
from communication_agent.db import migrate as migrations
from communication_agent.db.migrate import Status
from communication_agent.db.servers import Servers, connect
from communication_agent.errors import Exit, Problem

cli = group("Bring the central database's schema forward.", "migrate up")


class What(StrEnum):
    """What `migrate` does."""

    STATUS = "status"
    UP = "up"
    CHECK = "check"


Action = Annotated[What, typer.Argument(help="Show what is applied, apply what waits, or end with 3 when something waits.")]


@command(cli, "migrate", "migrate up", "COMMUNICATION_AGENT_HOME, CENTRAL_DB_URL")
async def migrate(call: Call, action: Action = What.STATUS) -> Answer:
    """Show or apply the migrations of the central database; dealers' databases are never touched.

    Every other command migrates by itself; this one is for those who want it to happen at a moment of their own.
    """
    servers = Servers(settings(call))
    try:
        async with await connect(await servers.central()) as conn:
            done = await migrations.up(conn) if action is What.UP else []
            status = await migrations.status(conn)
    finally:
        await servers.stop()
    document = {
        "applied": status.applied,
        "pending": [migration.version for migration in status.pending],
        "newer": status.newer,
        "applied_now": [migration.version for migration in done],
    }
    waits = action is What.CHECK and status.pending
    problems = [_waiting(status)] if waits else []
    return Answer(document, lambda console: _page(console, status, len(done)), Exit.CONFIGURATION if waits else Exit.OK, problems)


def _waiting(status: Status) -> Problem:
    names = ", ".join(f"{migration.version:04d}_{migration.name}" for migration in status.pending)
    return Problem("CA-307", "The central database is behind this program.", f"{names} wait", "communication-agent migrate up")


def _page(console: Console, status: Status, done: int) -> None:
    for migration in status.pending:
        console.print(cell(f"… {migration.version:04d}_{migration.name} waits", "yellow"))
    if done:
        console.print(cell(f"✓ {done} applied now", "green"))
    if status.newer:
        console.print(cell(f"! The database is newer than this program: {', '.join(map(str, status.newer))}", "yellow"))
    console.print(cell(f"{len(status.applied)} applied, {len(status.pending)} waiting", "bold"))
