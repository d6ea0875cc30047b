"""Messages: every one, the newest first, narrowed by what stands in the address."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from communication_agent.clock import civil_date
from communication_agent.db.console_repository import Counts, Filters, literal
from communication_agent.errors import Problem
from communication_agent.web.console.desk import Desk, Line, Visit, query
from communication_agent.web.console.words import OUTCOMES

PAGE = 50
LONGEST_SEARCH = 100  # characters
NAMES = 200  # customers whose name matches a search


@dataclass(frozen=True, slots=True)
class Tab:
    """One outcome with its number and the address that shows it."""

    outcome: str | None
    word: str
    count: int
    more: bool
    href: str


@dataclass(frozen=True, slots=True)
class Messages:
    """The screen at `/t/{tenant}/messages`, and short ways to one message."""

    desk: Desk

    def routes(self) -> list[BaseRoute]:
        """Their addresses."""
        return [Route("/t/{tenant}/messages", self.page), Route("/m/{id}", self.find)]

    async def page(self, request: Request) -> Response:
        """The list."""
        visit = await self.desk.visit(request)
        filters = await self._with_names(visit, self._filters(request))
        before, tenant_id = _uuid(request.query_params.get("before")), visit.tenant.id
        reads = self.desk.reads
        async with self.desk.house.central.tenant(tenant_id) as conn:
            counts = await reads.counts(conn, tenant_id, filters)
            floor = counts.floor if filters.text else None
            found = await reads.page(conn, tenant_id, filters, before=before, floor=floor, limit=PAGE + 1)
        lines = await self.desk.lines(visit.tenant, found[:PAGE])
        older = found[PAGE - 1].id if len(found) > PAGE else None
        values = {
            "filters": filters,
            "days": _by_day(lines, visit),
            "tabs": _tabs(visit, filters, counts),
            "types": self.desk.types(),
            "more": counts.more,
            "newest": _address(visit, filters) if before else None,
            "older": _address(visit, filters, before=str(older)) if older else None,
            "narrowed": any((filters.communication, filters.channel, filters.text, filters.outcome)),
        }
        return self.desk.page("messages.html", visit, "messages", values)

    async def find(self, request: Request) -> Response:
        """`/m/{id}` goes to the message, `/m/first` to the newest email that was sent; raises Problem CA-503 for none."""
        asked = str(request.path_params["id"])
        place = await self._first() if asked == "first" else await self._place(_uuid(asked))
        if place is None:
            raise Problem(
                "CA-503", "There is no such message.", f"nobody knows a message {asked[:60]}", "look in the list of messages"
            )
        return RedirectResponse(f"/t/{place[0]}/messages/{place[1]}", 303)

    async def _first(self) -> tuple[str, UUID] | None:
        async with self.desk.house.central.engine() as engine:
            tenants = await self.desk.reads.tenant_names(engine)
        for tenant_id, _ in tenants:
            async with self.desk.house.central.tenant(tenant_id) as conn:
                if newest := await self.desk.reads.newest_sent_email(conn, tenant_id):
                    return tenant_id, newest
        return None

    async def _place(self, id_: UUID | None) -> tuple[str, UUID] | None:
        if id_ is None:
            return None
        async with self.desk.house.central.engine() as engine:
            tenant_id = await self.desk.house.messages.tenant_of(engine, id_)
        return (tenant_id, id_) if tenant_id else None

    def _filters(self, request: Request) -> Filters:
        """What the address asks for; what nobody knows is as good as not asked."""
        asked = request.query_params
        outcome, communication, channel = asked.get("outcome"), asked.get("type"), asked.get("channel")
        return Filters(
            outcome=outcome if outcome in OUTCOMES else None,
            communication=communication if communication in self.desk.house.communications else None,
            channel=channel if channel in {"email", "sms"} else None,
            text=(asked.get("q") or "").replace("\0", "").strip()[:LONGEST_SEARCH] or None,
        )

    async def _with_names(self, visit: Visit, filters: Filters) -> Filters:
        """The filters, with the customers whose name matches the text: names are in the dealer's database only."""
        if not filters.text:
            return filters
        try:
            async with self.desk.house.gateway.session(visit.tenant) as dealer:
                found = await dealer.find(literal(filters.text), NAMES)
        except Problem:
            found = []
        return replace(filters, customers=tuple(customer.id for customer in found))


def _tabs(visit: Visit, filters: Filters, counts: Counts) -> list[Tab]:
    every = Tab(None, "All", sum(counts.by_outcome.values()), counts.more, _address(visit, replace(filters, outcome=None)))
    rest = [
        Tab(outcome, word, counts.by_outcome.get(outcome, 0), counts.more, _address(visit, replace(filters, outcome=outcome)))
        for outcome, word in OUTCOMES.items()
        if counts.by_outcome.get(outcome) or outcome != "cancelled" or filters.outcome == outcome
    ]
    return [every, *rest]


def _address(visit: Visit, filters: Filters, before: str | None = None) -> str:
    asked = query(outcome=filters.outcome, type=filters.communication, channel=filters.channel, q=filters.text, before=before)
    return f"{visit.home}/messages{asked}"


def _by_day(lines: Sequence[Line], visit: Visit) -> list[tuple[date, list[Line]]]:
    groups = groupby(lines, key=lambda line: civil_date(line.message.created_at, visit.tenant.zone))
    return [(day, list(some)) for day, some in groups]


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
