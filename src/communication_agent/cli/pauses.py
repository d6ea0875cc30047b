"""Pauses, as `pause`, `resume`, `tenants pause` and `tenants resume` share them."""

from typing import Annotated

import typer
from rich.console import Console

from communication_agent.app import App
from communication_agent.cli.actor import actor
from communication_agent.cli.command import Call
from communication_agent.cli.look import counted
from communication_agent.cli.names import type_named
from communication_agent.cli.output import Answer, cell, line
from communication_agent.cli.session import session
from communication_agent.db.tenant_repository import EVERYBODY
from communication_agent.domain import Channel, Pause
from communication_agent.errors import Problem
from communication_agent.outcome import CREDENTIALS_REFUSED
from communication_agent.policy import REASONS

TypeName = Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Only this communication type.")]
Channels = Annotated[Channel | None, typer.Option("--channel", help="Only this channel.")]


async def stop(call: Call, tenant: str | None, type_: str | None, channel: Channel | None, reason: str) -> Answer:
    """Pause, and show what is paused now."""
    async with session(call) as app:
        await app.tenants.pause(tenant or EVERYBODY, _scope(app, type_, channel), reason, actor(), app.clock.now())
        pauses = await app.tenants.pauses()
    return _answer(pauses, "")


async def go_on(call: Call, tenant: str | None, type_: str | None, channel: Channel | None) -> Answer:
    """Resume, let the jobs that waited be looked at now, and show what is still paused."""
    async with session(call) as app:
        scope = _scope(app, type_, channel)
        was = await app.tenants.resume(tenant or EVERYBODY, scope, "resumed by hand", actor(), app.clock.now())
        for one in [tenant] if tenant else [one.id for one in await app.tenants.all()]:
            await let_go_on(app, one)
        pauses = await app.tenants.pauses()
    return _answer(pauses, "" if was else "Nothing was paused there.")


async def let_go_on(app: App, tenant_id: str) -> None:
    """Look now at what waits for a pause or for better credentials, instead of at its next turn."""
    stopped = [reason for reason in REASONS if reason.endswith("_paused")]
    await app.jobs.release_paused(tenant_id, [*stopped, "restored_backup", CREDENTIALS_REFUSED], app.clock.now())


def _scope(app: App, type_: str | None, channel: Channel | None) -> str:
    if type_ and channel:
        raise Problem("CA-205", "Type and channel together?", "a pause is of a type or of a channel", "pause one, then the other")
    if type_ and type_ != "seasonal_reminder":
        type_ = type_named(type_, app.communications).name
    return f"type:{type_}" if type_ else f"channel:{channel}" if channel else "all"


def _answer(pauses: list[Pause], remark: str) -> Answer:
    documents = [{"tenant": p.tenant_id, "scope": p.scope, "reason": p.reason, "actor": p.actor, "since": p.since} for p in pauses]
    return Answer(documents, lambda console: _page(console, pauses, remark))


def _page(console: Console, pauses: list[Pause], remark: str) -> None:
    if remark:
        console.print(cell(remark, "yellow"))
    for pause in pauses:
        who = "everybody" if pause.tenant_id == EVERYBODY else pause.tenant_id
        what = "" if pause.scope == "all" else f" {pause.scope.replace(':', ' ')}"
        since = f"since {pause.since:%Y-%m-%d %H:%M} UTC by {pause.actor}"
        console.print(line(("‖ ", "bold yellow"), (f"{who}{what}: {pause.reason}", "bold"), (f"  {since}", "dim")))
    if not pauses:
        console.print(cell("✓ Nothing is paused.", "bold green"))
    else:
        console.print(cell(f"{counted(len(pauses), 'pause')}; resume, with the same options, takes one back.", "dim"))
