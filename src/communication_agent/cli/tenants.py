"""`communication-agent tenants`: add dealers, look at them, change, check, pause and resume them."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from communication_agent.app import App
from communication_agent.cli.actor import actor
from communication_agent.cli.command import NOW, Call, Day, command, group
from communication_agent.cli.look import table
from communication_agent.cli.output import Answer, cell, json_text, line, note
from communication_agent.cli.pauses import Channels, TypeName, go_on, let_go_on, stop
from communication_agent.cli.session import day_of, session, tenants_named
from communication_agent.cli.tenant_checks import Checked, checked, exit_for
from communication_agent.cli.tenant_checks import document as checked_document
from communication_agent.cli.tenant_checks import page as checked_page
from communication_agent.cli.tenant_settings import changed, is_secret
from communication_agent.db.tenant_repository import shown
from communication_agent.delivery import is_loopback
from communication_agent.errors import Problem
from communication_agent.tenant import TenantSettings
from communication_agent.tenant_check import check as check_database
from communication_agent.tenant_check import first_problem
from communication_agent.tenant_file import read_tenant_file

cli = group("Add dealers, look at them, change, check, pause and resume them.", "tenants add green_valley.toml")
ENVIRONMENT = "COMMUNICATION_AGENT_HOME, COMMUNICATION_AGENT_KEY, CENTRAL_DB_URL"

File = Annotated[Path, typer.Argument(metavar="FILE", help="A tenant file (docs/examples).")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The dealer's id, as `tenants list` shows it.")]
NoCheck = Annotated[bool, typer.Option("--no-check", help="Save it although its database has not been looked at.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for those who read it later.")]


@command(cli, "add", "tenants add green_valley.toml", ENVIRONMENT)
async def add(call: Call, file: File, no_check: NoCheck = False) -> Answer:
    """Add a dealer, or update the one with this id, when the file is valid and its database is fit for use.

    Exit codes: 3 for a wrong field, or for a view or column that is missing, 4 for a wrong password, 8 when it cannot be reached.
    With embedded = true a database of the reference schema is made.
    """
    tenant = read_tenant_file(file)
    async with session(call) as app:
        known = {one.id for one in await app.tenants.all()}
        resumed = await _save(app, tenant, check=not no_check)
    done = "updated" if tenant.id in known else "added"
    document = {"tenant": tenant.id, "name": tenant.name, "status": done, "checked": not no_check, "resumed": resumed}
    return Answer(document, lambda console: _saved(console, tenant, done))


@command(cli, "list", "tenants list", ENVIRONMENT)
async def list_(call: Call) -> Answer:
    """List the dealers."""
    async with session(call) as app:
        found = await tenants_named(app, None)
        paused = {pause.tenant_id for pause in await app.tenants.pauses() if pause.scope == "all"}
    documents = [_listed(tenant, paused) for tenant in found]
    return Answer(documents, lambda console: _table(console, found, paused))


@command(cli, "show", "tenants show green-valley", ENVIRONMENT)
async def show(call: Call, id_: Id) -> Answer:
    """Show a dealer's settings without secrets; for an embedded database also its address."""
    async with session(call) as app:
        tenant = await app.tenants.load(id_)
        document = shown(tenant)
        if tenant.database.embedded:
            document["database_url"] = await app.central.tenant_embedded_url(tenant.id)
    return Answer(document, lambda console: console.print_json(json_text(document)))


@command(cli, "set", "tenants set green-valley email.reply_to dana@greenvalley.example", ENVIRONMENT)
async def set_(
    call: Call,
    id_: Id,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its place in the tenant file, as in email.reply_to.")],
    value: Annotated[
        str | None, typer.Argument(metavar="[VALUE]", help="Left out, it is asked for: better for keys and passwords.")
    ] = None,
    unset: Annotated[bool, typer.Option("--unset", help="Take the setting out again.")] = False,
    no_check: NoCheck = False,
) -> Answer:
    """Change one setting of a dealer; a key or password that was refused is tried again at once."""
    given = None if unset else _asked(key) if value is None else value
    async with session(call) as app:
        before = await app.tenants.load(id_)
        tenant = changed(before, key, given)
        resumed = await _save(app, tenant, check=not no_check and tenant.database != before.database)
    document = {**shown(tenant), "resumed": resumed}
    return Answer(document, lambda console: _saved(console, tenant, f"{key} changed"))


@command(cli, "check", "tenants check green-valley", ENVIRONMENT)
async def check(
    call: Call,
    id_: Annotated[str | None, typer.Argument(metavar="[ID]", help="Only this dealer.")] = None,
    date_: Day = None,
    no_reach: Annotated[bool, typer.Option("--no-reach", help="Leave out whom each type would reach.")] = False,
) -> Answer:
    """Check a dealer's database: views, columns, types, the plan of each audience, gaps in the data, and whom each type reaches."""
    async with session(call) as app:
        found = [await _checked(app, tenant, date_, reach=not no_reach) for tenant in await tenants_named(app, id_)]
        titles = {name: communication.title for name, communication in app.communications.items()}
    return Answer([checked_document(one) for one in found], lambda console: checked_page(console, found, titles), exit_for(found))


@command(cli, "pause", 'tenants pause green-valley --reason "closed for the holidays"', ENVIRONMENT)
async def pause(call: Call, id_: Id, type_: TypeName = None, channel: Channels = None, reason: Reason = "paused by hand") -> Answer:
    """Stop sending for a dealer, or one of its types or channels."""
    return await stop(call, id_, type_, channel, reason)


@command(cli, "resume", "tenants resume green-valley", ENVIRONMENT)
async def resume(call: Call, id_: Id, type_: TypeName = None, channel: Channels = None) -> Answer:
    """Go on sending for a dealer."""
    return await go_on(call, id_, type_, channel)


async def _save(app: App, tenant: TenantSettings, *, check: bool) -> list[str]:
    """Save a tenant that can be used, and let go on what waited for better credentials; the scopes that were resumed."""
    _refuse_pretending(app, tenant)
    if check:
        found = await check_database(app.foresight, tenant, day_of(None, app, tenant))
        if problem := first_problem(found, tenant):
            raise problem
        for finding in found:
            if finding.level == "warning":
                note(f"{finding.what} {finding.do}")
    await app.tenants.save(tenant, app.clock.now(), actor())
    return await _credentials_again(app, tenant)


def _refuse_pretending(app: App, tenant: TenantSettings) -> None:
    if app.clock.pretended and tenant.sending == "live" and not is_loopback(tenant, app.config):
        why = f'"{tenant.id}" would send to real providers'
        raise Problem("CA-601", "A pretended clock may not send.", why, f"leave out --now and {NOW}, or keep sending = outbox")


async def _credentials_again(app: App, tenant: TenantSettings) -> list[str]:
    refused = [p.scope for p in await app.tenants.pauses() if p.tenant_id == tenant.id and p.reason == "credentials_refused"]
    for scope in refused:
        await app.tenants.resume(tenant.id, scope, "the credentials were given again", actor(), app.clock.now())
    if refused:
        await let_go_on(app, tenant.id)
    return refused


async def _checked(app: App, tenant: TenantSettings, date_: str | None, *, reach: bool) -> Checked:
    return await checked(app.foresight, tenant, day_of(date_, app, tenant), app.clock.now(), with_reach=reach)


def _asked(key: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    answer: str = typer.prompt(key, hide_input=is_secret(key), err=True)
    return answer


def _listed(tenant: TenantSettings, paused: set[str]) -> dict[str, object]:
    database = tenant.database
    return {
        "id": tenant.id,
        "name": tenant.name,
        "time_zone": tenant.time_zone,
        "sending": tenant.sending,
        "database": "embedded" if database.embedded else f"{database.host}:{database.port}/{database.dbname}",
        "paused": bool(paused & {tenant.id, "*"}),
    }


def _table(console: Console, found: Sequence[TenantSettings], paused: set[str]) -> None:
    rows = table("id", "name", "zone", "sending", "database", "", fixed=("id",))
    for tenant in found:
        one = _listed(tenant, paused)
        rows.add_row(
            cell(tenant.id, "bold"),
            cell(tenant.name),
            cell(tenant.time_zone),
            cell(tenant.sending, "green" if tenant.sending == "live" else "dim"),
            cell(one["database"], "dim"),
            cell("paused" if one["paused"] else "", "yellow"),
        )
    if found:
        console.print(rows)


def _saved(console: Console, tenant: TenantSettings, done: str) -> None:
    console.print(line(("✓ ", "green"), (f"{tenant.name} ({tenant.id}): {done}.", "bold")))
    where = "nothing leaves this machine until sending is live" if tenant.sending == "outbox" else "messages really leave"
    console.print(cell(f"  {where}.   Next: communication-agent tenants check {tenant.id}", "dim"))
