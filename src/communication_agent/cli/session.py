"""The program on its databases, as a command opens it; and whom a command speaks of."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date
from uuid import UUID

from communication_agent import config as configuration
from communication_agent import telemetry
from communication_agent.app import App, opened
from communication_agent.cli.command import NOW, Call, instant
from communication_agent.cli.output import note
from communication_agent.clock import civil_date
from communication_agent.config import Config
from communication_agent.domain import Customer
from communication_agent.errors import Problem
from communication_agent.tenant import TenantSettings


def settings(call: Call, overrides: Mapping[str, object] | None = None, *, remarks: bool = True) -> Config:
    """The configuration with the pretended clock of this call; raises Problem CA-302 or CA-202."""
    pretended = {"communication_agent_now": call.now} if call.now else {}
    config = configuration.load(**pretended, **(overrides or {}))
    if config.communication_agent_now and config.communication_agent_now.tzinfo is None:
        instant(configuration.environment().get(NOW, ""))  # raises: a clock has to know its offset
    for name in configuration.unknown_names() if remarks else ():
        note(f"{name} is set, and nobody reads it; `communication-agent config` shows the names that exist.")
    return config


@asynccontextmanager
async def session(call: Call) -> AsyncGenerator[App]:
    """The program, open, with quiet logs; a pretended clock is refused where it could send to somebody outside."""
    config = settings(call)
    telemetry.configure("text", "ERROR")
    async with opened(config) as app:
        await app.check_clock()
        yield app


async def tenants_named(app: App, named: str | None) -> list[TenantSettings]:
    """The one that was named, else all; raises Problem CA-501."""
    if named:
        return [await app.tenants.load(named)]
    found = await app.tenants.all()
    if not found:
        note("There are no dealers yet: communication-agent tenants add FILE")
    return found


async def one_tenant(app: App, named: str | None) -> TenantSettings:
    """The one that was named, or the only one there is; raises Problem CA-501 or CA-203."""
    found = await tenants_named(app, named)
    if len(found) == 1:
        return found[0]
    if not found:
        raise Problem("CA-501", "There is no dealer yet.", "nobody added one", "communication-agent tenants add FILE")
    raise _which([tenant.id for tenant in found], "This command works on one dealer.")


def day_of(text: str | None, app: App, tenant: TenantSettings) -> date:
    """The day that was given, else today in the dealer's zone; raises Problem CA-202."""
    return parsed_day(text) or civil_date(app.clock.now(), tenant.zone)


def parsed_day(text: str | None) -> date | None:
    """A civil date; raises Problem CA-202 when it is none."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Problem("CA-202", f"{text!r} is not a date.", str(error), "write it as in 2026-11-24") from error


async def customer_named(app: App, tenants: Sequence[TenantSettings], text: str) -> tuple[TenantSettings, Customer]:
    """The customer with this id, else the only one with this name; raises Problem CA-502 listing several, CA-203."""
    found = [(tenant, customer) for tenant in tenants for customer in await _matching(app, tenant, text)]
    if len(found) == 1:
        return found[0]
    where = f'of tenant "{tenants[0].id}"' if len(tenants) == 1 else "of any dealer"
    if not found:
        do = "communication-agent customers find NAME   looks for parts of a name"
        raise Problem("CA-502", f"No customer {where} is called {text!r}.", "neither an id nor a name is like it", do)
    if {customer.id for _, customer in found} == {text}:
        raise _which([tenant.id for tenant, _ in found], f"Several dealers have a customer {text}.")
    several = "\n      ".join(f"{customer.id}  {customer.name}  ({tenant.id})" for tenant, customer in found[:10])
    more = f"\n      and {len(found) - 10} more" if len(found) > 10 else ""
    what = f"{len(found)} customers are called {text!r}."
    raise Problem("CA-502", what, f"they are\n      {several}{more}", "give the id, and --tenant where several dealers have it")


async def message_named(app: App, text: str) -> tuple[str, UUID]:
    """The tenant and the id of a message; raises Problem CA-503."""
    unknown = Problem("CA-503", f"There is no message {text!r}.", "no message has this id", "communication-agent messages list")
    try:
        id_ = UUID(text)
    except ValueError as error:
        raise unknown from error
    async with app.central.engine() as conn:
        tenant_id = await app.messages.tenant_of(conn, id_)
    if tenant_id is None:
        raise unknown
    return tenant_id, id_


async def _matching(app: App, tenant: TenantSettings, text: str) -> list[Customer]:
    async with app.gateway.session(tenant) as dealer:
        found = await dealer.find(text)
    exact = [customer for customer in found if customer.id == text]
    named = [customer for customer in found if text.casefold() in {customer.name.casefold(), customer.company.casefold()}]
    return exact or named or found


def _which(tenants: Sequence[str], what: str) -> Problem:
    return Problem("CA-203", what, f"there are {', '.join(tenants)}", f"name one: --tenant {tenants[0]}")
