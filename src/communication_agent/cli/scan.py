"""`communication-agent scan`: who gets what on a day; dry unless --enqueue."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

import typer
from rich.console import Console

from communication_agent.app import App
from communication_agent.cli.command import Call, Day, Tenant, command, group
from communication_agent.cli.look import at, counted, on, said, table, words
from communication_agent.cli.names import types_named
from communication_agent.cli.output import Answer, cell, note
from communication_agent.cli.progress import Steps, steps
from communication_agent.cli.session import day_of, session, tenants_named
from communication_agent.communication import Communication
from communication_agent.domain import Customer
from communication_agent.errors import Exit, Problem
from communication_agent.foresight import Foreseen
from communication_agent.policy import REASONS
from communication_agent.tenant import TenantSettings

cli = group("Who gets what on a day.", "scan")
SHOWN = 40  # rows of a type that people are shown; --json lists all
TypeName = Annotated[str, typer.Argument(metavar="[TYPE|all]", help="A communication type, or all whose turn it is on that day.")]
Days = Annotated[int, typer.Option("--days", min=1, max=366, help="So many days, beginning with the date.")]
Enqueue = Annotated[bool, typer.Option("--enqueue", help="Really ask for these messages, each once. The schedule's place stays.")]


@dataclass(frozen=True, slots=True)
class Turn:
    """One type of one tenant on one day."""

    tenant: TenantSettings
    communication: Communication
    day: date


@dataclass(slots=True)
class Part:
    """What came of one tenant's turns; `problem` is what ended them."""

    found: list[Foreseen]
    asked: int = 0
    problem: Problem | None = None


@command(cli, "scan", "scan annual_tuneup --tenant green-valley --date 2026-11-24", "COMMUNICATION_AGENT_HOME, CENTRAL_DB_URL")
async def scan(
    call: Call,
    type_: TypeName = "all",
    tenant: Tenant = None,
    date_: Day = None,
    days: Days = 1,
    enqueue: Enqueue = False,
) -> Answer:
    """Show who gets what on a day, who does not, and why.

    The verdict is taken for the planned sending time of that day. Without --enqueue nothing is changed anywhere.
    """
    async with session(call) as app:
        tenants = await tenants_named(app, tenant)
        turns = {one.id: _turns(app, one, type_, date_, days) for one in tenants}
        with steps("looking", sum(map(len, turns.values()))) as bar:
            parts = await asyncio.gather(*(_part(app, turns[one.id], bar, enqueue=enqueue) for one in tenants))
    found = [foreseen for part in parts for foreseen in part.found]
    found.sort(key=lambda f: (f.day, f.tenant, f.communication, f.customer_id, f.due_on))
    problems = [part.problem for part in parts if part.problem]
    alone = problems[0].exit if problems and len(tenants) == 1 else Exit.PARTLY_FAILED
    asked = sum(part.asked for part in parts) if enqueue else None
    return Answer(
        [document(f) for f in found],
        lambda console: _page(console, found, {one.id: one for one in tenants}, asked, app.communications),
        alone if problems else Exit.OK,
        problems,
    )


def document(found: Foreseen) -> Mapping[str, object]:
    """One element of the contract's list."""
    return {
        "tenant": found.tenant,
        "communication": found.communication,
        "date": found.day,
        "customer_id": found.customer_id,
        "equipment_ids": found.equipment_ids,
        "work_order_id": found.work_order_id,
        "due_on": found.due_on,
        "occasions": found.occasions,
        "verdict": found.verdict,
        "reason": found.reason,
        "send_at": found.send_at,
    }


def _turns(app: App, tenant: TenantSettings, name: str, date_: str | None, days: int) -> list[Turn]:
    first = day_of(date_, app, tenant)
    named = None if name == "all" else [_scanned(c) for c in types_named(name, app.communications)]
    turns: list[Turn] = []
    for day in (first + timedelta(days=n) for n in range(days)):
        some = app.foresight.types_on(tenant, day) if named is None else [c for c in named if _is_on(c, tenant)]
        turns += [Turn(tenant, c, day) for c in some]
    return turns


def _scanned(communication: Communication) -> Communication:
    if communication.schedule and communication.audience:
        return communication
    why = "another system's row or an inbound mail asks for it"
    raise Problem("CA-201", f"{communication.name} is not scanned for.", why, "communication-agent types list   shows which are")


def _is_on(communication: Communication, tenant: TenantSettings) -> bool:
    if not tenant.type_is_on(communication.name):
        note(f"{communication.name} is switched off for {tenant.id}: nobody is due for it.")
        return False
    return True


async def _part(app: App, turns: Sequence[Turn], bar: Steps, *, enqueue: bool) -> Part:
    """One tenant's turns, one after the other; the first problem ends them, and only theirs."""
    part = Part([])
    for turn in turns:
        try:
            part.found += await app.foresight.scan(turn.tenant, turn.communication, turn.day, app.clock.now())
            if enqueue:
                counts = await app.scheduler.enqueue(turn.tenant, turn.communication, turn.day, app.clock.now())
                part.asked += counts["enqueued"]
        except Problem as problem:
            if problem.exit is Exit.USAGE:
                raise
            part.problem = problem
            return part
        bar.done(f"{turn.tenant.id} {turn.day}")
    return part


def _name(found: Foreseen) -> str:
    customer: Customer | None = found.file.case.customer if found.file else None
    return customer.name if customer else ""


def _page(
    console: Console,
    found: Sequence[Foreseen],
    tenants: Mapping[str, TenantSettings],
    asked: int | None,
    shelf: Mapping[str, Communication],
) -> None:
    for day, tenant, type_ in dict.fromkeys((f.day, f.tenant, f.communication) for f in found):
        some = [f for f in found if (f.day, f.tenant, f.communication) == (day, tenant, type_)]
        going = sum(f.verdict == "send" for f in some)
        console.print()
        console.print(cell(f"{shelf[type_].title}  {on(day)}  {tenants[tenant].name}", "bold"))
        console.print(cell(f"{counted(len(some), 'customer')} due, {going} would get it, {len(some) - going} would not", "dim"))
        rows = table("", "customer", "name", "machine", "due", "why", fixed=("customer",))
        for f in some[:SHOWN]:
            why = f"at {at(f.send_at, tenants[tenant].zone)}" if f.verdict == "send" else _why(f, tenants[tenant])
            rows.add_row(
                said(f.verdict),
                cell(f.customer_id),
                cell(_name(f)),
                cell(", ".join(f.equipment_ids)),
                cell(on(f.due_on)),
                cell(why),
            )
        console.print(rows)
        if len(some) > SHOWN:
            console.print(cell(f"… and {len(some) - SHOWN:,} more: --json lists all", "dim"))
    _sum(console, found, asked)


def _why(found: Foreseen, tenant: TenantSettings) -> str:
    until = f" until {at(found.send_at, tenant.zone)}" if found.send_at else ""
    return f"{words(found.reason)}{until}{': ' if found.detail else ''}{found.detail}"


def _sum(console: Console, found: Sequence[Foreseen], asked: int | None) -> None:
    if not found:
        console.print(cell("Nobody is due.", "bold"))
        return
    reasons = Counter(f.reason for f in found if f.reason)
    console.print()
    for reason, number in reasons.most_common():
        sentence = REASONS.get(reason, "It was asked for before." if reason == "already_asked" else "")
        console.print(cell(f"{number:>5}  {words(reason)}: {sentence}", "dim"))
    if asked is None:
        console.print(cell("Nothing was changed. --enqueue asks for these messages.", "dim"))
    else:
        console.print(
            cell(f"{counted(asked, 'message')} asked for. communication-agent run --once   sends what is due.", "bold green")
        )
