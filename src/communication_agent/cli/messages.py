"""`communication-agent messages`: what became of every message, and what a person may do with one that waits."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from communication_agent.app import App
from communication_agent.cli.actor import actor
from communication_agent.cli.command import Call, Tenant, command, group
from communication_agent.cli.look import at, counted, said, table, words
from communication_agent.cli.message_page import listed_document, message_document, message_page, read_message
from communication_agent.cli.output import Answer, cell, line
from communication_agent.cli.session import message_named, session, tenants_named
from communication_agent.db.message_repository import Listed
from communication_agent.domain import State
from communication_agent.message_actions import Person, cancel, retry, settle
from communication_agent.tenant import TenantSettings

cli = group("What became of every message; cancel, retry or settle one that waits.", "messages list")
SHOWN = 50  # the latest ones, on a screen; --json lists every message
ROOMY = 130  # columns from which the id has a column of its own
ENVIRONMENT = "COMMUNICATION_AGENT_HOME, CENTRAL_DB_URL"

Id = Annotated[str, typer.Argument(metavar="ID", help="The message's id, as `messages list` shows it.")]
CustomerId = Annotated[str | None, typer.Option("--customer", "-c", metavar="ID", help="Only this customer's.")]
TypeName = Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Only this communication type.")]


class Outcome(StrEnum):
    """What people see of a message."""

    WAITING = "waiting"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Settled(StrEnum):
    """What a person may say became of a message."""

    SENT = "sent"
    FAILED = "failed"


OutcomeName = Annotated[Outcome | None, typer.Option("--outcome", "-o", help="Only messages with this outcome.")]


@command(cli, "list", "messages list --tenant green-valley --outcome waiting", ENVIRONMENT)
async def list_(
    call: Call, tenant: Tenant = None, customer: CustomerId = None, outcome: OutcomeName = None, type_: TypeName = None
) -> Answer:
    """List every message with its outcome: waiting, sent, skipped, failed or cancelled, never mixed.

    On a screen the latest ones are shown; --json lists every message.
    """
    async with session(call) as app:
        tenants = await tenants_named(app, tenant)
        found = [message for one in tenants for message in await _messages(app, one, customer)]
    found = [m for m in found if outcome in {None, m.outcome} and type_ in {None, m.communication}]
    return Answer(
        [listed_document(message) for message in found],
        lambda console: _page(console, found, {one.id: one for one in tenants}, app),
    )


@command(cli, "show", "messages show 0199c0de-0000-7000-8000-000000000001", ENVIRONMENT)
async def show(call: Call, id_: Id) -> Answer:
    """Show all that is known about a message: timeline, evidence, facts, and the words exactly as they were frozen."""
    async with session(call) as app:
        message = await read_message(app, *await message_named(app, id_))
    return Answer(message_document(message), lambda console: message_page(console, message))


@command(cli, "cancel", "messages cancel 0199c0de-0000-7000-8000-000000000001", ENVIRONMENT)
async def cancel_(call: Call, id_: Id) -> Answer:
    """Cancel a message that has not left; exit code 6 when it has."""
    return await _act(call, id_, lambda app, tenant, one, person: cancel(app.jobs, tenant, one, person))


@command(cli, "retry", "messages retry 0199c0de-0000-7000-8000-000000000001", ENVIRONMENT)
async def retry_(call: Call, id_: Id) -> Answer:
    """Send a held message after all.

    You say by this that it never arrived: look at its evidence first, with messages show.
    """
    return await _act(call, id_, lambda app, tenant, one, person: retry(app.jobs, tenant, one, person))


@command(cli, "settle", "messages settle 0199c0de-0000-7000-8000-000000000001 sent", ENVIRONMENT)
async def settle_(
    call: Call, id_: Id, became: Annotated[Settled, typer.Argument(help="What became of it, as you have found out.")]
) -> Answer:
    """Say what became of a message that is held or uncertain: sent or failed."""
    return await _act(call, id_, lambda app, tenant, one, person: settle(app.jobs, tenant, one, became.value, person))


Act = Callable[[App, str, UUID, Person], Awaitable[None]]


async def _act(call: Call, id_: str, act: Act) -> Answer:
    async with session(call) as app:
        tenant_id, one = await message_named(app, id_)
        await act(app, tenant_id, one, Person(actor(), app.clock.now()))
        message = await read_message(app, tenant_id, one)
    return Answer(message_document(message), lambda console: message_page(console, message))


async def _messages(app: App, tenant: TenantSettings, customer: str | None) -> Sequence[Listed]:
    async with app.central.engine() as conn:
        return await app.messages.list(conn, tenant.id, customer_id=customer)


def _page(console: Console, found: Sequence[Listed], tenants: Mapping[str, TenantSettings], app: App) -> None:
    wide = console.width >= ROOMY
    names = ("", "when", "customer", "message", "to", "why", "id") if wide else ("", "when", "message", "why")
    rows = table(*names, fixed=("id", "when", "message"))
    for m in found[-SHOWN:]:
        title = app.communications[m.communication].title if m.communication in app.communications else m.communication
        when = cell(at(m.sent_at or m.run_at or m.created_at, tenants[m.tenant].zone))
        if wide:
            rows.add_row(
                said(m.outcome), when, cell(m.customer_id), cell(title), cell(m.to or m.channel), cell(_why(m)), cell(m.id, "dim")
            )
        else:
            message = line((title, ""), (f" to {m.customer_id}\n", ""), (m.id, "dim"))
            rows.add_row(said(m.outcome), when, message, cell(_why(m)))
    if found:
        console.print(rows)
    if len(found) > SHOWN:
        console.print(cell(f"… and {len(found) - SHOWN:,} before these: --json lists all", "dim"))
    counts = Counter(m.outcome for m in found)
    each = ", ".join(f"{counts[str(state)]:,} {state}" for state in (*Outcome,) if counts[str(state)])
    console.print(cell(f"{counted(len(found), 'message')}{': ' if each else ''}{each}", "bold"))


def _why(message: Listed) -> str:
    if message.outcome == State.SENT:
        return message.delivery or ("instead of an SMS" if message.fallback_of else "")
    return words(message.reason)
