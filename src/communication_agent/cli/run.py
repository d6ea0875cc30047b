"""`communication-agent run`: the service itself, or with --once one round of everything that is due."""

import asyncio
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from communication_agent import __version__, telemetry
from communication_agent.app import App, loops_of, opened, run_once
from communication_agent.app import run as run_loops
from communication_agent.cli.command import Call, command, group
from communication_agent.cli.look import counted
from communication_agent.cli.output import Answer, cell, line, stderr
from communication_agent.cli.serving import Signals, serving
from communication_agent.cli.session import settings
from communication_agent.config import Config, Mode
from communication_agent.errors import Exit, Problem
from communication_agent.tenant import TenantSettings

cli = group("Run the service, or with --once one round of everything that is due.", "run")
LOOPS = ("scheduler", "processor", "intake", "gmail", "agent", "web")

ModeName = Annotated[str | None, typer.Option("--mode", metavar="legacy|level2|hybrid", help="Which loops run (AGENT_MODE).")]
Only = Annotated[str | None, typer.Option("--only", metavar="LOOPS", help=f"Only these, with commas between: {', '.join(LOOPS)}.")]
Once = Annotated[bool, typer.Option("--once", help="Rounds until one changes nothing, then end; no web.")]


@command(cli, "run", "run --once --now 2026-11-23T10:00:00-05:00", "all that `communication-agent config` shows")
async def run(call: Call, mode: ModeName = None, only: Only = None, once: Once = False) -> Answer | Exit:
    """Find who is due, decide, write and send, until SIGTERM (drains, ends with 0) or Ctrl-C (drains, ends with 130).

    With --once it ends when nothing is left to do now: with 0, or with 7 when a dealer could not be served. Future retries and
    waits are not awaited.
    """
    config = settings(call, {"agent_mode": mode} if mode else None)
    loops = _chosen(config.agent_mode, only)
    telemetry.configure(config.log_format, config.log_level)
    async with opened(config) as app:
        await app.check_clock()
        if once:
            return await _once(app, loops - {"web"})
        if "web" in loops:
            refuse_taken(config)
        await _start_lines(app, config.agent_mode, loops)
        ended = await _until_stopped(app, loops)
    telemetry.stopped(mode=config.agent_mode)
    document = {"mode": config.agent_mode, "loops": sorted(loops), "stopped_by": ended.name}
    return Answer(document, lambda console: console.print(cell("Ended, nothing is lost.", "dim")), ended.exit)
