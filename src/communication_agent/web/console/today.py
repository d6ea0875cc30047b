"""Today: is all well, what was sent, and what needs a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from communication_agent.clock import civil_instant
from communication_agent.communication import Communication
from communication_agent.db.console_repository import Ended, Waiting
from communication_agent.policy import next_allowed
from communication_agent.scheduler import falls_on
from communication_agent.tenant import QuietHours
from communication_agent.web.console.chart import chart
from communication_agent.web.console.desk import Desk, Visit
from communication_agent.web.console.words import Why, why

DAYS = 30
FOR_A_PERSON = ("held", "uncertain")


@dataclass(slots=True)
class TypeRow:
    """What came of one type's messages today."""

    name: str
    title: str
    counts: dict[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Tally:
    """Today in numbers."""

    counts: Mapping[str, int]
    channels: Mapping[str, int]  # of what was sent
    skips: Sequence[tuple[Why, int]]  # the most frequent first
    waits: Sequence[tuple[Why, int, datetime]]
    types: Sequence[TypeRow]

    @property
    def waiting(self) -> int:
        """Messages that have not ended."""
        return sum(count for _, count, _ in self.waits)


@dataclass(frozen=True, slots=True)
class RightNow:
    """What the clock says: whether sending is open, until or from when, and the next scan."""

    open: bool
    changes_at: datetime | None  # None = open around the clock
    next_scan: datetime | None
    next_titles: Sequence[str]


@dataclass(frozen=True, slots=True)
class Today:
    """The screen at `/t/{tenant}`."""

    desk: Desk

    def routes(self) -> list[BaseRoute]:
        """Its address."""
        return [Route("/t/{tenant}", self.page)]

    async def page(self, request: Request) -> Response:
        """The screen."""
        visit = await self.desk.visit(request)
        house, reads, tenant = self.desk.house, self.desk.reads, visit.tenant
        span = _span(visit.wall.today, visit)
        async with house.central.tenant(tenant.id) as conn:
            ended = await reads.ended(conn, tenant.id, span, tenant.time_zone)
            waiting = await reads.waiting(conn, tenant.id)
            scans = await reads.scans(conn, tenant.id, visit.wall.today)
            last_failure = await reads.last_failure(conn, tenant.id, visit.now)
            open_ones = any(row.reason in FOR_A_PERSON for row in waiting)
            urgent = await reads.urgent(conn, tenant.id, 5) if open_ones else []
        tally = self._tally([one for one in ended if one.day == visit.wall.today], waiting)
        values = {
            "tally": tally,
            "chart": chart(ended, visit.wall.today, DAYS),
            "right_now": self._right_now(visit),
            "scans": [(self.desk.title(scan.task), scan) for scan in scans],
            "failed_scans": [(self.desk.title(scan.task), scan) for scan in scans if scan.state == "failed"],
            "last_failure": last_failure,
            "urgent": await self.desk.lines(tenant, urgent),
        }
        return self.desk.page("today.html", visit, "today", values)

    def _tally(self, ended: Sequence[Ended], waiting: Sequence[Waiting]) -> Tally:
        counts, channels, skips = dict[str, int](), dict[str, int](), dict[str, int]()
        types: dict[str, TypeRow] = {}
        for one in ended:
            counts[one.outcome] = counts.get(one.outcome, 0) + one.messages
            row = types.setdefault(one.communication, TypeRow(one.communication, self.desk.title(one.communication)))
            row.counts[one.outcome] = row.counts.get(one.outcome, 0) + one.messages
            if one.outcome == "sent":
                channels[one.channel or "email"] = channels.get(one.channel or "email", 0) + one.messages
            if one.outcome == "skipped":
                skips[one.reason or ""] = skips.get(one.reason or "", 0) + one.messages
        for wait in waiting:
            row = types.setdefault(wait.communication, TypeRow(wait.communication, self.desk.title(wait.communication)))
            row.counts["waiting"] = row.counts.get("waiting", 0) + wait.messages
        frequent = sorted(skips.items(), key=lambda pair: (-pair[1], pair[0]))
        named = [(reason, count) for code, count in frequent if (reason := why(code))]
        return Tally(counts, channels, named, _waits(waiting), sorted(types.values(), key=lambda row: row.title))

    def _right_now(self, visit: Visit) -> RightNow:
        config, tenant = self.desk.house.config, visit.tenant
        quiet = tenant.quiet_hours or QuietHours(start=config.quiet_hours_start, end=config.quiet_hours_end)
        opens = next_allowed(visit.now, quiet, tenant.zone, timedelta())
        is_open = opens <= visit.now
        changes = _next_at(quiet.start, visit) if is_open and quiet.start != quiet.end else None if is_open else opens
        known = self.desk.house.communications.values()
        upcoming = [(at, c.title) for c in known if tenant.type_is_on(c.name) and (at := _next_scan(c, visit))]
        first = min((at for at, _ in upcoming), default=None)
        return RightNow(is_open, changes, first, sorted(title for at, title in upcoming if at == first))


def _span(today: date, visit: Visit) -> tuple[datetime, datetime]:
    first = civil_instant(today - timedelta(days=DAYS - 1), time(), visit.tenant.zone)
    return first, civil_instant(today + timedelta(days=1), time(), visit.tenant.zone)


def _waits(waiting: Sequence[Waiting]) -> list[tuple[Why, int, datetime]]:
    by_reason: dict[str, tuple[int, datetime]] = {}
    for wait in waiting:
        count, first = by_reason.get(wait.reason, (0, wait.next_at))
        by_reason[wait.reason] = (count + wait.messages, min(first, wait.next_at))
    found = [(reason, count, first) for code, (count, first) in by_reason.items() if (reason := why(code))]
    return sorted(found, key=lambda wait: (-wait[1], wait[0].code))


def _next_at(wall_time: time, visit: Visit) -> datetime:
    """The next instant at which the dealer's clock shows this time."""
    today = civil_instant(visit.wall.today, wall_time, visit.tenant.zone)
    return today if today > visit.now else civil_instant(visit.wall.today + timedelta(days=1), wall_time, visit.tenant.zone)


def _next_scan(communication: Communication, visit: Visit) -> datetime | None:
    schedule = communication.schedule
    if schedule is None or communication.audience is None:
        return None
    days = (visit.wall.today + timedelta(days=ahead) for ahead in range(367))
    slots = (civil_instant(day, schedule.scan_at, visit.tenant.zone) for day in days if falls_on(schedule, day))
    return next((slot for slot in slots if slot > visit.now), None)
