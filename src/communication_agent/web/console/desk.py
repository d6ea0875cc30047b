"""What every screen stands on: the dealer in the address, the clock on its wall, and the frame around the page."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from communication_agent.db.console_repository import ConsoleRepository, Found
from communication_agent.domain import Customer, Pause
from communication_agent.errors import Problem
from communication_agent.tenant import TenantSettings
from communication_agent.web.console.guard import Guard
from communication_agent.web.console.times import Wall
from communication_agent.web.console.words import why
from communication_agent.web.house import House
from communication_agent.web.pages import Pages

NAME = 80  # characters of a customer's name in a list


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to a dealer's screens."""

    tenant: TenantSettings
    wall: Wall
    tenants: Sequence[tuple[str, str]]
    pauses: Sequence[Pause]
    guard: Guard

    @property
    def now(self) -> datetime:
        """The moment of the request, in business time."""
        return self.wall.now

    @property
    def home(self) -> str:
        """Where the addresses of this dealer's screens begin."""
        return f"/t/{self.tenant.id}"


@dataclass(frozen=True, slots=True)
class Line:
    """A message in a list, with its customer's name where the dealer's database told it."""

    message: Found
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Desk:
    """Makes visits and pages."""

    house: House
    pages: Pages
    reads: ConsoleRepository

    async def visit(self, request: Request) -> Visit:
        """Who is looked at, and when; raises Problem CA-501 for a dealer that nobody added."""
        tenant = await self.house.tenants.load(str(request.path_params["tenant"]))
        async with self.house.central.engine() as engine:
            tenants = await self.reads.tenant_names(engine)
        async with self.house.central.tenant(tenant.id) as conn:
            pauses = await self.house.consents.pauses(conn, tenant.id)
        wall = Wall(self.house.clock.now(), tenant.zone)
        return Visit(tenant, wall, tenants, pauses, Guard.of(request, self.house.keys))

    def page(self, template: str, visit: Visit, screen: str, values: Mapping[str, object], *, status: int = 200) -> Response:
        """A screen in its frame."""
        frame: dict[str, object] = {
            "visit": visit,
            "tenant": visit.tenant,
            "home": visit.home,
            "screen": screen,
            "wall": visit.wall,
            "pretended": self.house.clock.pretended,
            "rehearsal": visit.tenant.sending == "outbox",
            "pauses": [(pause, why(_pause_code(pause))) for pause in visit.pauses],
        }
        return visit.guard.remembered(self.pages.page(template, {**frame, **values}, status=status))

    def title(self, communication: str) -> str:
        """A type's name for people."""
        known = self.house.communications.get(communication)
        return known.title if known else communication.replace("_", " ").capitalize()

    def types(self) -> list[tuple[str, str]]:
        """Every type with its title, by title."""
        return sorted(((name, c.title) for name, c in self.house.communications.items()), key=lambda pair: pair[1])

    async def customers(self, tenant: TenantSettings, ids: Sequence[str]) -> dict[str, Customer]:
        """Customers by id; none when the dealer's database does not answer: a list without names is still a list."""
        if not ids:
            return {}
        try:
            async with asyncio.timeout(3), self.house.gateway.session(tenant) as dealer:
                return await dealer.customers(ids)
        except (Problem, TimeoutError):
            return {}

    async def lines(self, tenant: TenantSettings, found: Sequence[Found]) -> list[Line]:
        """Messages with names, in their order, by one look into the dealer's database."""
        customers = await self.customers(tenant, [*{message.customer_id for message in found}])
        return [
            Line(message, named(customers.get(message.customer_id), message.customer_id), self.title(message.communication))
            for message in found
        ]


def named(customer: Customer | None, customer_id: str) -> str:
    """A customer's name for a list, never longer than fits."""
    name = customer.name if customer else f"Customer {customer_id}"
    return name if len(name) <= NAME else f"{name[: NAME - 1]}…"


def query(**values: str | None) -> str:
    """A query string of what is set, empty when nothing is."""
    said = [f"{name}={quote(value, safe='')}" for name, value in values.items() if value]
    return "?" + "&".join(said) if said else ""


def _pause_code(pause: Pause) -> str:
    if pause.scope == "all":
        return "all_paused" if pause.tenant_id == "*" else "tenant_paused"
    return {"type": "type_paused", "channel": "channel_paused"}.get(pause.scope.partition(":")[0], pause.scope)
