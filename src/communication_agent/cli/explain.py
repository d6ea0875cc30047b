"""`communication-agent explain`: why a customer is due for a message or not, and what became of one message."""

from collections.abc import Mapping, Sequence
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from communication_agent.app import App
from communication_agent.cli.command import Call, Day, Tenant, command, group
from communication_agent.cli.look import at, on, words
from communication_agent.cli.message_page import message_document, message_page, read_message
from communication_agent.cli.names import types_named
from communication_agent.cli.output import Answer, cell, line, note
from communication_agent.cli.session import customer_named, day_of, message_named, session, tenants_named
from communication_agent.communication import Communication
from communication_agent.domain import ConditionResult, Customer
from communication_agent.errors import Problem
from communication_agent.foresight import Explanation
from communication_agent.policy import REASONS

cli = group("Why a customer is due for a message, or why not.", "explain")

Who = Annotated[str, typer.Argument(metavar="CUSTOMER|message", help="An id or a name; or the word message, followed by its id.")]
What = Annotated[str | None, typer.Argument(metavar="[TYPE|ID]", help="A communication type; all scanned ones when left out.")]


@command(cli, "explain", 'explain "Karen Smith" annual_tuneup --date 2026-11-23', "COMMUNICATION_AGENT_HOME, CENTRAL_DB_URL")
async def explain(call: Call, who: Who, what: What = None, tenant: Tenant = None, date_: Day = None) -> Answer:
    """Tell which conditions hold, with the values seen, and what the gate would say.

    Instead of a customer, `explain message ID` tells how a message came about and what became of it.
    """
    async with session(call) as app:
        if who == "message":
            return await _message(app, what)
        tenants = await tenants_named(app, tenant)
        types = types_named(what, app.communications) if what else [c for c in app.communications.values() if c.audience]
        settings, customer = await customer_named(app, tenants, who)
        day = day_of(date_, app, settings)
        found = [await app.foresight.explain(settings, c, customer.id, day) for c in types]
    for communication in types:
        if not settings.type_is_on(communication.name):
            note(f"{communication.name} is switched off for {settings.id}: nobody gets it.")
    documents = [document(explanation) for explanation in found]
    alone = what is not None and len(documents) == 1
    return Answer(
        documents[0] if alone else documents,
        lambda console: _page(console, customer, found, settings.zone, app.communications),
    )


def document(found: Explanation) -> Mapping[str, object]:
    """The contract's object."""
    return {
        "tenant": found.tenant,
        "customer_id": found.customer_id,
        "communication": found.communication,
        "date": found.day,
        "due": found.due,
        "due_on": found.due_on,
        "equipment_id": found.equipment_id,
        "conditions": [{"code": c.code, "sentence": c.sentence, "holds": c.holds, "value": c.value} for c in found.conditions],
        "verdict": found.verdict,
        "reason": found.reason,
        "send_at": found.send_at,
        "nearest_miss": found.nearest_miss,
    }


async def _message(app: App, id_: str | None) -> Answer:
    if not id_:
        raise Problem("CA-205", "Which message?", "explain message needs an id", "communication-agent messages list")
    message = await read_message(app, *await message_named(app, id_))
    return Answer(message_document(message), lambda console: message_page(console, message))


def _page(
    console: Console, customer: Customer, found: Sequence[Explanation], zone: ZoneInfo, shelf: Mapping[str, Communication]
) -> None:
    first = found[0]
    console.print(cell(f"{customer.name}  (customer {customer.id} of {first.tenant})  on {on(first.day)}", "bold"))
    for explanation in found:
        console.print()
        _one(console, explanation, zone, shelf[explanation.communication].title)


def _one(console: Console, found: Explanation, zone: ZoneInfo, title: str) -> None:
    about = f" for machine {found.equipment_id}" if found.equipment_id else ""
    state, style = ("is due", "bold green") if found.due else ("is not due", "bold")
    console.print(cell(f"{title} {state}{about}", style))
    for condition in found.conditions:
        _condition(console, condition)
    if found.nearest_miss:
        console.print(cell(f"      nearest: {found.nearest_miss}", "yellow"))
    if found.verdict:
        _verdict(console, found, zone)


def _condition(console: Console, condition: ConditionResult) -> None:
    sign, style = ("  ✓ ", "green") if condition.holds else ("  ✗ ", "red")
    value = "" if condition.value is None else f"  ({condition.value})"
    console.print(line((sign, style), (condition.sentence, ""), (value, "dim")))


def _verdict(console: Console, found: Explanation, zone: ZoneInfo) -> None:
    if found.verdict == "send":
        console.print(cell(f"  → would be sent at {at(found.send_at, zone)}", "bold green"))
        return
    sentence = REASONS.get(found.reason or "", "It was asked for before." if found.reason == "already_asked" else "")
    until = f" until {at(found.send_at, zone)}" if found.send_at else ""
    console.print(cell(f"  → {found.verdict}: {words(found.reason)}{until}. {sentence}", "bold yellow"))
    if found.detail:
        console.print(cell(f"      {found.detail}", "dim"))
