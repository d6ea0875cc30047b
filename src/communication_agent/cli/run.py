"""`communication-agent run`: the service itself, or with --once one round of everything that is due."""

import socket
import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from communication_agent import __version__, telemetry
from communication_agent.app import App, loops_of, opened, run_once
from communication_agent.cli.command import Call, command, group
from communication_agent.cli.look import counted
from communication_agent.cli.output import Answer, cell, line, stderr
from communication_agent.cli.serving import Ending, listening, serve_until_stopped, signals, unless_stopped
from communication_agent.cli.session import settings
from communication_agent.config import Config
from communication_agent.config import Mode as ModeName
from communication_agent.errors import Exit, Problem
from communication_agent.tenant import TenantSettings

cli = group("Run the service, or with --once one round of everything that is due.", "run")
LOOPS = ("scheduler", "processor", "intake", "gmail", "agent", "web")


class Mode(StrEnum):
    """Which loops run."""

    LEGACY = "legacy"
    LEVEL2 = "level2"
    HYBRID = "hybrid"


ModeOption = Annotated[Mode | None, typer.Option("--mode", help="Which loops run (AGENT_MODE).")]
Only = Annotated[str | None, typer.Option("--only", metavar="LOOPS", help=f"Only these, with commas between: {', '.join(LOOPS)}.")]
Once = Annotated[bool, typer.Option("--once", help="Rounds until one changes nothing, then end; no web.")]


@command(cli, "run", "run --once", "all that `communication-agent config` shows")
async def run(call: Call, mode: ModeOption = None, only: Only = None, once: Once = False) -> Answer:
    """Find who is due, decide, write and send, until SIGTERM (drains, ends with 0) or Ctrl-C (drains, ends with 130).

    With --once it ends when nothing is left to do now: with 0, or with 7 when a dealer could not be served. Future retries and
    waits are not awaited.
    """
    config = settings(call, {"agent_mode": mode.value} if mode else None)
    loops = _chosen(config.agent_mode, only) - ({"web"} if once else set[str]())
    telemetry.configure(config.log_format, config.log_level)
    listener = listening(config) if "web" in loops else None
    async with opened(config) as app, signals() as ending:
        await app.check_clock()
        if once:
            unserved = await unless_stopped(app, run_once(app, loops), ending)
            return _once(config, loops, unserved, ending)
        await _begin(app, loops, listener)
        await serve_until_stopped(app, loops, ending, listener)
    telemetry.stopped(mode=config.agent_mode)
    document = {"mode": config.agent_mode, "loops": sorted(loops), "stopped_by": ending.by.name if ending.by else None}
    return Answer(document, lambda _console: None, ending.exit)


def _chosen(mode: ModeName, only: str | None) -> frozenset[str]:
    """The loops of the mode that are asked for; raises Problem CA-305 or CA-205."""
    there = loops_of(mode)
    if only is None:
        return there
    asked = {name.strip() for name in only.split(",") if name.strip()}
    unknown = sorted(asked - {*LOOPS})
    if unknown or not asked:
        raise Problem(
            "CA-205",
            f"There is no loop {', '.join(unknown) or 'to run'}.",
            f"the loops are {', '.join(LOOPS)}",
            "--only scheduler,processor",
        )
    if absent := sorted(asked - there):
        raise Problem(
            "CA-305",
            f"{', '.join(absent)} does not run in {mode} mode.",
            f"its loops are {', '.join(sorted(there))}",
            "leave it out",
        )
    return there & asked


def _once(config: Config, loops: frozenset[str], unserved: Sequence[str] | None, ending: Ending) -> Answer:
    document = {"mode": config.agent_mode, "loops": sorted(loops), "unserved": unserved or []}
    if unserved is None:
        return Answer(
            document, lambda console: console.print(cell("Ended before everything was done; nothing is lost.")), ending.exit
        )
    if not unserved:
        return Answer(document, lambda console: console.print(cell("✓ Nothing is left to do now.", "bold green")))
    do = f"communication-agent tenants check {unserved[0]}"
    why = "a scan failed, or messages wait for the dealer's database; they are tried again by themselves"
    problem = Problem("CA-701", f"Not served: {', '.join(unserved)}.", why, do)
    return Answer(document, lambda _console: None, Exit.PARTLY_FAILED, [problem])


async def _begin(app: App, loops: frozenset[str], listener: socket.socket | None) -> None:
    """Six lines on a terminal, one JSON line otherwise."""
    config, tenants = app.config, await app.tenants.all()
    port = listener.getsockname()[1] if listener else None
    url = f"http://{config.web_host}:{port}" if port else None
    if config.log_format == "json" or (config.log_format == "auto" and not sys.stderr.isatty()):
        telemetry.started(mode=config.agent_mode, version=__version__, tenants=len(tenants), url=url, database=_database(config))
        return
    for label, value in (
        ("mode", f"{config.agent_mode}: {', '.join(sorted(loops))}"),
        ("database", _database(config)),
        (
            "dealers",
            f"{len(tenants)}: {', '.join(tenant.id for tenant in tenants[:5])}"
            if tenants
            else "none yet: communication-agent tenants add FILE",
        ),
        ("schedules", counted(sum(c.schedule is not None for c in app.communications.values()), "type")),
        ("sending", _sending(tenants)),
        ("console", url or "not served"),
    ):
        stderr().print(line((f"{label:<10}", "bold cyan"), (value, "")), soft_wrap=True)


def _database(config: Config) -> str:
    return "CENTRAL_DB_URL" if config.central_db_url else f"embedded PostgreSQL in {config.home}"


def _sending(tenants: Sequence[TenantSettings]) -> str:
    live = sum(tenant.sending == "live" for tenant in tenants)
    return f"{live} live, {len(tenants) - live} to the outbox"
