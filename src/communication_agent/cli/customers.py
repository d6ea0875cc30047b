"""`communication-agent customers`: find one, and record what they wish to hear."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from communication_agent.app import App
from communication_agent.cli.actor import actor
from communication_agent.cli.command import Call, Tenant, command, group
from communication_agent.cli.look import counted, table
from communication_agent.cli.output import Answer, cell, line
from communication_agent.cli.session import customer_named, session, tenants_named
from communication_agent.db.consent_repository import Wish
from communication_agent.domain import Channel, Customer
from communication_agent.policy import normalise
from communication_agent.tenant import TenantSettings

cli = group("Find a customer, and record what they wish to hear.", "customers find smith")
ENVIRONMENT = "COMMUNICATION_AGENT_HOME, CENTRAL_DB_URL"


class Purposes(StrEnum):
    """What a wish is about."""

    ALL = "all"
    MARKETING = "marketing"


Who = Annotated[str, typer.Argument(metavar="CUSTOMER", help="An id or a name.")]
On = Annotated[Channel, typer.Option("--channel", help="email or sms.")]
About = Annotated[Purposes, typer.Option("--purpose", help="marketing, or all messages of the channel.")]
Words = Annotated[str | None, typer.Option("--words", help="What the customer said or wrote, as proof.")]


@command(cli, "find", "customers find smith --tenant green-valley", ENVIRONMENT)
async def find(
    call: Call, name: Annotated[str, typer.Argument(metavar="NAME", help="An id or a part of a name.")], tenant: Tenant = None
) -> Answer:
    """Find customers by id or by a part of their name."""
    async with session(call) as app:
        found = [(one, customer) for one in await tenants_named(app, tenant) for customer in await _find(app, one, name)]
    return Answer([document(one, customer) for one, customer in found], lambda console: _page(console, found))


@command(cli, "optout", 'customers optout 991 --channel email --words "no more mail please"', ENVIRONMENT)
async def optout(
    call: Call, who: Who, channel: On, tenant: Tenant = None, purpose: About = Purposes.MARKETING, words: Words = None
) -> Answer:
    """Record that a customer wants no more marketing, or nothing more, on a channel; effective at once."""
    return await _wish(call, who, channel, tenant, purpose, words, granted=False)


@command(cli, "optin", 'customers optin 991 --channel sms --words "signed at the counter"', ENVIRONMENT)
async def optin(
    call: Call, who: Who, channel: On, tenant: Tenant = None, purpose: About = Purposes.MARKETING, words: Words = None
) -> Answer:
    """Record that a customer wants to hear from us again; bounced addresses and complaints stay closed."""
    return await _wish(call, who, channel, tenant, purpose, words, granted=True)


def document(tenant: TenantSettings, customer: Customer) -> dict[str, object]:
    """A customer with addresses as the dealer has them."""
    return {
        "tenant": tenant.id,
        "customer_id": customer.id,
        "name": customer.name,
        "emails": _addresses(customer, Channel.EMAIL),
        "phones": _addresses(customer, Channel.SMS),
        "preferred_channel": customer.preferred_channel,
        "do_not_contact": customer.do_not_contact,
        "email_consent": customer.email_consent,
        "sms_consent": customer.sms_consent,
    }


async def _find(app: App, tenant: TenantSettings, name: str) -> list[Customer]:
    async with app.gateway.session(tenant) as dealer:
        return await dealer.find(name)


async def _wish(
    call: Call, who: str, channel: Channel, named: str | None, purpose: Purposes, words: str | None, *, granted: bool
) -> Answer:
    async with session(call) as app:
        tenant, customer = await customer_named(app, await tenants_named(app, named), who)
        async with app.central.engine() as conn, conn.transaction():
            for wish in _wishes(app, customer, channel, purpose, words, granted=granted):
                await (app.consents.release if granted else app.consents.suppress)(conn, tenant.id, wish, app.clock.now())
            ledger = await app.consents.ledger_of(conn, tenant.id, customer.id)
    said = f"{customer.name} opted {'in' if granted else 'out'}: {channel}, {purpose}."
    return Answer(
        {**document(tenant, customer), "wishes": ledger},
        lambda console: console.print(line(("✓ ", "green"), (said, "bold"))),
    )


def _wishes(app: App, customer: Customer, channel: Channel, purpose: Purposes, words: str | None, *, granted: bool) -> list[Wish]:
    # Whoever wants everything again wants marketing too; who has no address yet must be able to say no all the same.
    purposes = [*Purposes] if granted and purpose is Purposes.ALL else [purpose]
    addresses = sorted({v for a in customer.addresses if a.channel is channel and (v := normalise(channel, a.value))})
    return [
        Wish(
            customer_id=customer.id,
            channel=channel,
            address_hash=app.consents.hash(channel, address),
            purpose=one.value,
            source="command line",
            actor=actor(),
            words=words,
            reason="staff",
        )
        for address in addresses or [f"customer {customer.id}"]
        for one in purposes
    ]


def _addresses(customer: Customer, channel: Channel) -> list[dict[str, object]]:
    return [{"value": a.value, "primary": a.primary, "status": a.status} for a in customer.addresses if a.channel is channel]


def _page(console: Console, found: Sequence[tuple[TenantSettings, Customer]]) -> None:
    rows = table("id", "name", "email", "phone", "dealer", fixed=("id",))
    for tenant, customer in found:
        first = {a.channel: a.value for a in reversed(customer.addresses)}
        rows.add_row(
            cell(customer.id),
            cell(customer.name, "bold"),
            cell(first.get(Channel.EMAIL)),
            cell(first.get(Channel.SMS)),
            cell(tenant.id, "dim"),
        )
    if found:
        console.print(rows)
    console.print(cell(f"{counted(len(found), 'customer')} found", "bold"))
