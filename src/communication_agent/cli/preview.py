"""`communication-agent preview`: the words that a customer would read."""

import tempfile
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.panel import Panel

from communication_agent.app import App
from communication_agent.cli.command import Call, Day, Tenant, command, group
from communication_agent.cli.names import type_named
from communication_agent.cli.output import Answer, line, note
from communication_agent.cli.session import customer_named, parsed_day, session, tenants_named
from communication_agent.clock import civil_instant
from communication_agent.communication import Communication, daily
from communication_agent.domain import Channel, Customer
from communication_agent.errors import Problem
from communication_agent.preview import Preview, preview
from communication_agent.tenant import TenantSettings

cli = group("The words that a customer would read.", 'preview annual_tuneup --customer "Karen Smith"')

Name = Annotated[str, typer.Argument(metavar="TYPE", help="A communication type.")]
Who = Annotated[str, typer.Option("--customer", "-c", metavar="CUSTOMER", help="An id or a name.")]
Html = Annotated[bool, typer.Option("--html", help="Print the HTML of the email.")]
PlainText = Annotated[bool, typer.Option("--text", help="Print the email's text part only.")]
Sms = Annotated[bool, typer.Option("--sms", help="As a text message.")]
Open = Annotated[bool, typer.Option("--open", help="Open the email in a browser.")]
Facts = Annotated[
    list[str] | None, typer.Option("--fact", metavar="NAME=VALUE", help="A fact of a queue row; examples stand in for others.")
]


@command(cli, "preview", 'preview annual_tuneup --customer "Karen Smith" --open', "COMMUNICATION_AGENT_HOME, CENTRAL_DB_URL")
async def preview_(
    call: Call,
    name: Name,
    who: Who,
    tenant: Tenant = None,
    date_: Day = None,
    html: Html = False,
    text: PlainText = False,
    sms: Sms = False,
    open_: Open = False,
    fact: Facts = None,
) -> Answer:
    """Write the real words for a real customer, due or not; nothing is kept or sent.

    The channel is the one that the message would take, unless --sms, --html or --text say otherwise.
    """
    if sms and (html or text or open_):
        raise Problem("CA-205", "An SMS has no HTML.", "--sms does not go with --html, --text or --open", "leave one out")
    wanted = Channel.SMS if sms else Channel.EMAIL if html or text or open_ else None
    async with session(call) as app:
        communication = type_named(name, app.communications)
        settings, customer = await customer_named(app, await tenants_named(app, tenant), who)
        made = await _made(app, settings, communication, customer, date_, wanted, _facts(fact or []))
    if made.made_up:
        note(f"Examples stand in for {', '.join(made.made_up)}: another system gives these facts.")
    if open_:
        _open(made)
    return Answer(_document(made), lambda console: _page(console, made, customer, html=html, text=text))


async def _made(
    app: App,
    tenant: TenantSettings,
    communication: Communication,
    customer: Customer,
    date_: str | None,
    wanted: Channel | None,
    facts: dict[str, str],
) -> Preview:
    day = parsed_day(date_)
    send_at = (communication.schedule or daily()).send_at
    now = civil_instant(day, send_at, tenant.zone) if day else app.clock.now()
    return await preview(app.cases, tenant, communication, customer.id, now, wanted, facts)


def _facts(given: Sequence[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    if any(not separator for _, separator, _ in pairs):
        raise Problem(
            "CA-205", "--fact needs a name and a value.", "there is no = in it", "write it as in --fact receipt_number=R-88213"
        )
    return {name: value for name, _, value in pairs}


def _document(made: Preview) -> dict[str, object]:
    return {
        "tenant": made.tenant,
        "communication": made.communication,
        "customer_id": made.customer_id,
        "channel": made.channel,
        "to": made.to,
        "subject": made.content.subject,
        "preheader": made.content.preheader,
        "html": made.content.html,
        "text": made.content.text,
        "sms": made.content.sms,
        "facts": made.facts,
        "made_up": made.made_up,
    }


def _open(made: Preview) -> None:
    folder = Path(tempfile.mkdtemp(prefix="communication-agent-"))
    file = folder / f"{made.communication}.html"
    file.write_text(made.content.html, encoding="utf-8")
    if not webbrowser.open(file.as_uri()):
        note(f"No browser could be opened; the email lies in {file}")


def _page(console: Console, made: Preview, customer: Customer, *, html: bool, text: bool) -> None:
    content = made.content
    if html or text:
        console.file.write(content.html if html else content.text)
        return
    to = f"To {customer.name} <{made.to}>" if made.to else f"To {customer.name}, who has no address for it"
    if made.channel is Channel.SMS:
        console.print(line((f"{to} by SMS", "dim")))
        console.print(Panel(line((content.sms, "")), width=60))
        return
    console.print(line((f"{to} by email", "dim")))
    inbox = line((content.subject, "bold"), (f"  {content.preheader}", "dim"))
    console.print(Panel(inbox.append("\n\n").append_text(line((content.text.strip(), ""))), width=100))
