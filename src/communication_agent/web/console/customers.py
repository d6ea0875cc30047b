"""Customers: found by name or number; and one of them with everything that matters for writing to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from communication_agent.db import audit_log
from communication_agent.db.console_repository import Found, literal
from communication_agent.domain import Address, Channel, Consent, Customer, Equipment, Suppression, WorkOrder
from communication_agent.errors import Problem
from communication_agent.policy import normalise
from communication_agent.web.console.desk import Desk, Visit, named, query
from communication_agent.web.console.messages import LONGEST_SEARCH
from communication_agent.web.console.why import answer
from communication_agent.web.wishes import Address as WishAddress
from communication_agent.web.wishes import Level, Proof, WishBook, Wishes, changes_to

FOUND, RECENT, MESSAGES = 30, 12, 30
FIRST_YEAR, LAST_YEAR = 2000, 2100
LONGEST_WORDS = 300  # characters of what a customer said

LEVELS: Mapping[Level, str] = {
    Level.EVERYTHING: "Everything",
    Level.ESSENTIAL: "No marketing",
    Level.NOTHING: "Nothing at all",
}


@dataclass(frozen=True, slots=True)
class Place:
    """One address of a customer, in its one form where it has one, and what stands against writing to it."""

    address: Address
    usable: str | None
    stops: Sequence[Suppression]


@dataclass(frozen=True, slots=True)
class Wished:
    """What a customer wants on a channel, as far as we were told."""

    channel: Channel
    wishes: Wishes
    flag: bool | None  # the dealer's own record


@dataclass(frozen=True, slots=True)
class Customers:
    """The screens at `/t/{tenant}/customers` (search) and `/t/{tenant}/customer` (one)."""

    desk: Desk

    def routes(self) -> list[BaseRoute]:
        """Their addresses."""
        return [
            Route("/t/{tenant}/customers", self.search),
            Route("/t/{tenant}/customer", self.page, methods=["GET"]),
            Route("/t/{tenant}/customer", self.wish, methods=["POST"]),
        ]

    async def search(self, request: Request) -> Response:
        """Who has this name or number; without words, who was written to lately."""
        visit = await self.desk.visit(request)
        text = request.query_params.get("q", "").replace("\0", "").strip()[:LONGEST_SEARCH]
        async with self.desk.house.gateway.session(visit.tenant) as dealer:
            found = await dealer.find(literal(text), FOUND + 1) if text else []
            known = await dealer.count_customers()
        recent = [] if text else await self._recent(visit)
        values = {"text": text, "found": found[:FOUND], "more": len(found) > FOUND, "known": known, "recent": recent}
        return self.desk.page("customers.html", visit, "customers", {**values, "named": _called})

    async def _recent(self, visit: Visit) -> list[tuple[Customer, datetime]]:
        async with self.desk.house.central.tenant(visit.tenant.id) as conn:
            recent = await self.desk.reads.recent_customers(conn, visit.tenant.id, RECENT)
        customers = await self.desk.customers(visit.tenant, [id_ for id_, _ in recent])
        return [(customers[id_], at) for id_, at in recent if id_ in customers]

    async def page(self, request: Request) -> Response:
        """The customer; raises Problem CA-502 for an unknown one."""
        visit = await self.desk.visit(request)
        return await self._page(request, visit, request.query_params.get("id", ""))

    async def _page(self, request: Request, visit: Visit, customer_id: str, error: str = "") -> Response:
        tenant = visit.tenant
        customer, machines, orders = await self._from_dealer(visit, customer_id)
        found, ledger, places, wished = await self._from_us(visit, customer)
        question = await self._question(request, visit, customer_id)
        values = {
            "customer": customer,
            "name": _called(customer),
            "machines": machines,
            "orders": orders,
            "places": places,
            "wished": wished,
            "levels": LEVELS,
            "ledger": ledger,
            "lines": await self.desk.lines(tenant, found),
            "types": self.desk.types(),
            "guard": visit.guard,
            "error": error,
            **question,
        }
        failed = error or question["problem"]
        return self.desk.page("customer.html", visit, "customers", values, status=422 if failed else 200)

    async def _from_dealer(self, visit: Visit, customer_id: str) -> tuple[Customer, list[Equipment], list[WorkOrder]]:
        async with self.desk.house.gateway.session(visit.tenant) as dealer:
            customer = (await dealer.customers([customer_id])).get(customer_id) if customer_id and "\0" not in customer_id else None
            if customer is None:
                raise _unknown(visit, customer_id)
            return customer, await dealer.machines_of(customer_id), await dealer.work_orders_of(customer_id)

    async def _from_us(
        self, visit: Visit, customer: Customer
    ) -> tuple[list[Found], list[Mapping[str, object]], list[Place], list[Wished]]:
        tenant_id, consents = visit.tenant.id, self.desk.house.consents
        usable = {a: normalise(a.channel, a.value) for a in customer.addresses}
        own = [(a.channel, value) for a, value in usable.items() if value]
        async with self.desk.house.central.tenant(tenant_id) as conn:
            found = await self.desk.reads.of_customer(conn, tenant_id, customer.id, MESSAGES)
            ledger = await consents.ledger_of(conn, tenant_id, customer.id)
            stops = await consents.suppressions(conn, tenant_id, own)
            said = (await consents.consents(conn, tenant_id, [customer.id])).get(customer.id, ())
        places = [
            Place(a, value, [s for s in stops if (s.channel, s.address) == (a.channel, value)]) for a, value in usable.items()
        ]
        flags = {Channel.EMAIL: customer.email_consent, Channel.SMS: customer.sms_consent}
        wished = [
            Wished(channel, _wishes(channel, stops, said), flag)
            for channel, flag in flags.items()
            if any(place.address.channel is channel for place in places)
        ]
        return found, ledger, places, wished

    async def _question(self, request: Request, visit: Visit, customer_id: str) -> dict[str, object]:
        """The answer to `type` and `date` of the address; without a type there is no question."""
        asked = request.query_params
        name, day = asked.get("type", ""), _day(asked.get("date", ""), visit.wall.today)
        problem, found = "", None
        if day is None:
            problem = "That is not a date. Write it like 2026-11-22."
        elif name and name not in self.desk.house.communications:
            problem = "There is no such type of message."
        elif name:
            found = await answer(self.desk.house, visit.tenant, self.desk.house.communications[name], customer_id, day)
        return {"asked_type": name, "asked_day": day or visit.wall.today, "problem": problem, "answer": found}

    async def wish(self, request: Request) -> Response:
        """Write down what the customer told the dealer's people, with their words as proof."""
        visit = await self.desk.visit(request)
        customer_id = request.query_params.get("id", "")
        async with request.form(max_files=0, max_fields=20) as form:
            admitted = visit.guard.admits(form)
            channel, level = str(form.get("channel", "")), str(form.get("level", ""))
            words = " ".join(str(form.get("words", "")).replace("\0", "").split())[:LONGEST_WORDS]
        if not admitted:
            raise Problem(
                "CA-602", "The form is too old.", "it was made for another browser or an earlier visit", "open the page again"
            )
        if channel not in set(Channel) or level not in set(Level) or not words:
            return await self._page(request, visit, customer_id, "Say what the customer wants, and how you know.")
        await self._write(visit, customer_id, Channel(channel), Level(level), words)
        return RedirectResponse(f"{visit.home}/customer{query(id=customer_id)}#consent", 303)

    async def _write(self, visit: Visit, customer_id: str, channel: Channel, level: Level, words: str) -> None:
        customer, *_ = await self._from_dealer(visit, customer_id)
        values = [normalise(a.channel, a.value) for a in customer.addresses if a.channel is channel]
        book = WishBook(self.desk.house, self.desk.reads)
        proof = Proof("console", "staff", words, reason="staff")
        for value in dict.fromkeys(value for value in values if value):
            address = WishAddress(visit.tenant.id, customer_id, channel, self.desk.house.consents.hash(channel, value))
            await book.write(address, changes_to(level, await book.read(address)), proof, visit.now)
        async with self.desk.house.central.tenant(visit.tenant.id) as conn:
            detail = {"channel": str(channel), "level": str(level), "words": words}
            await audit_log.note(conn, visit.tenant.id, "staff", "wish_recorded", f"customer:{customer_id}", detail, visit.now)


def _wishes(channel: Channel, stops: Sequence[Suppression], said: Sequence[Consent]) -> Wishes:
    return Wishes.of([(s.purpose, s.reason) for s in stops if s.channel is channel], [c for c in said if c.channel is channel])


def _day(text: str, today: date) -> date | None:
    """The date that was asked for, today for none, None for what is no date of these times."""
    try:
        day = date.fromisoformat(text) if text else today
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None


def _called(customer: Customer) -> str:
    return named(customer, customer.id)


def _unknown(visit: Visit, customer_id: str) -> Problem:
    why = f"{visit.tenant.name} has no customer {customer_id[:60] or 'without a number'}"
    return Problem("CA-502", "There is no such customer.", why, "search by name or number")
