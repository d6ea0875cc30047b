"""What would be sent on a day, and why a customer is or is not due: the real scan and the real gate, changing nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from communication_agent.cases import CaseFile, CaseReader
from communication_agent.communication import Communication
from communication_agent.db.dealer import AudienceRow
from communication_agent.db.occasion_repository import ALREADY_ASKED, Known
from communication_agent.domain import ConditionResult, Hold, Job, Send, Skip, Snooze, Verdict
from communication_agent.errors import Problem
from communication_agent.ids import new_id
from communication_agent.policy import decide, send_time
from communication_agent.scheduler import Scheduler, falls_on, job_type_of, planned_at, useful_until, window_of
from communication_agent.tenant import TenantSettings


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One message that a scan would make, with the gate's verdict at the planned time."""

    tenant: str
    communication: str
    day: date
    customer_id: str
    equipment_ids: tuple[str, ...]
    work_order_id: str | None
    due_on: date
    occasions: tuple[str, ...]
    verdict: str  # send | snooze | skip | hold
    reason: str | None
    detail: str
    send_at: datetime | None
    file: CaseFile | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a customer is due for a type on a day, or why not; `conditions` describe the row that came closest."""

    tenant: str
    customer_id: str
    communication: str
    day: date
    due: bool
    due_on: date | None
    equipment_id: str | None
    conditions: tuple[ConditionResult, ...]
    verdict: str | None  # None when it is not due
    reason: str | None
    detail: str
    send_at: datetime | None
    nearest_miss: str | None


@dataclass(frozen=True, slots=True)
class Foresight:
    """Answers "who gets what on that day" and "why did this customer (not) get it"."""

    scheduler: Scheduler

    @property
    def cases(self) -> CaseReader:
        """The reader that the processor uses too."""
        return self.scheduler.cases

    def types_on(self, tenant: TenantSettings, day: date) -> list[Communication]:
        """The types whose slot falls on the day and that the tenant has switched on."""
        scheduled = [c for c in self.cases.communications.values() if c.schedule and c.audience]
        return [c for c in scheduled if c.schedule and falls_on(c.schedule, day) and tenant.type_is_on(c.name)]

    async def scan(self, tenant: TenantSettings, communication: Communication, day: date, now: datetime) -> list[Foreseen]:
        """Every candidate of the day with its verdict, by customer; raises Problem when the dealer's database does not answer."""
        planned = _planned(communication, day, tenant)
        jobs, known = await self.scheduler.rehearse(tenant, communication, day, now)
        files = [file for some in _chunks(jobs) for file in await self.cases.read(tenant, some, planned)]
        found = [_foreseen(tenant, day, file, decide(file.case)) for file in files]
        found += [_asked(tenant, communication, day, one) for one in known]
        return sorted(found, key=lambda f: (f.customer_id, f.due_on))

    async def explain(self, tenant: TenantSettings, communication: Communication, customer_id: str, day: date) -> Explanation:
        """Each condition with its value for one customer; raises Problem CA-502 when there is no such customer."""
        async with self.cases.gateway.session(tenant) as dealer:
            if customer_id not in await dealer.customers([customer_id]):
                raise Problem(
                    "CA-502",
                    f'Tenant "{tenant.id}" has no customer {customer_id!r}.',
                    "the dealer's comm_customers view has no row with this id",
                    f"communication-agent customers find NAME --tenant {tenant.id}",
                )
            if communication.schedule is None:
                return _not_scanned(tenant, communication, customer_id, day)
            window = window_of(communication, communication.schedule, day, None)
            rows = await dealer.rows(communication, [customer_id], window, self.cases.knobs(communication, tenant))
        return await self._explained(tenant, communication, customer_id, day, rows)

    async def _explained(
        self, tenant: TenantSettings, communication: Communication, customer_id: str, day: date, rows: Sequence[AudienceRow]
    ) -> Explanation:
        if not rows:
            return _without_rows(tenant, communication, customer_id, day)
        row = min(rows, key=_closeness)
        conditions = (_due_condition(communication, row), *row.conditions)
        verdict: Verdict | None = None
        if row.due:
            verdict = await self._verdict(tenant, communication, day, [r for r in rows if r.due and r.due_on == row.due_on])
        outcome, reason, detail, send_at = _told(verdict, _planned(communication, day, tenant))
        failing = next((c.code for c in conditions if not c.holds), None)
        return Explanation(
            tenant=tenant.id,
            customer_id=customer_id,
            communication=communication.name,
            day=day,
            due=row.due,
            due_on=row.due_on,
            equipment_id=row.equipment_id,
            conditions=conditions,
            verdict=outcome,
            reason=reason if row.due else failing,
            detail=detail,
            send_at=send_at,
            nearest_miss=None if row.due else _nearest_miss(row, conditions),
        )

    async def _verdict(
        self, tenant: TenantSettings, communication: Communication, day: date, rows: Sequence[AudienceRow]
    ) -> Verdict:
        keys = [row.occasion or "" for row in rows]
        taken = await self.scheduler.occasions.owners(tenant.id, keys)
        fresh = [row for row in rows if row.occasion not in taken]
        if not fresh:
            return Skip(ALREADY_ASKED)
        job = _job(tenant, communication, day, fresh)
        (file,) = await self.cases.read(tenant, [job], job.run_at)
        return decide(file.case)


def _chunks(jobs: Sequence[Job], size: int = 500) -> list[Sequence[Job]]:
    return [jobs[start : start + size] for start in range(0, len(jobs), size)]


def _planned(communication: Communication, day: date, tenant: TenantSettings) -> datetime:
    if communication.schedule is None:
        raise LookupError(f"{communication.name} has no schedule")
    return planned_at(communication.schedule, day, tenant.zone)


def _told(verdict: Verdict | None, planned: datetime) -> tuple[str | None, str | None, str, datetime | None]:
    # Waiting only for the clock is sending, later.
    match verdict:
        case None:
            return None, None, "", None
        case Send():
            return "send", None, "", planned
        case Snooze(until, "quiet_hours", _):
            return "send", None, "", until
        case Snooze(until, reason, detail):
            return "snooze", reason, detail, until
        case Skip(reason, detail):
            return "skip", reason, detail, None
        case Hold(reason, detail):
            return "hold", reason, detail, None


def _foreseen(tenant: TenantSettings, day: date, file: CaseFile, verdict: Verdict) -> Foreseen:
    job = file.case.job
    outcome, reason, detail, send_at = _told(verdict, file.case.now)
    if reason == "frequency_cap" and send_at:
        send_at = send_time(file.case)  # the cap may end at night
    return Foreseen(
        tenant=tenant.id,
        communication=job.communication,
        day=day,
        customer_id=job.customer_id,
        equipment_ids=job.equipment_ids,
        work_order_id=job.work_order_id,
        due_on=job.due_on,
        occasions=job.occasions,
        verdict=outcome or "skip",
        reason=reason,
        detail=detail,
        send_at=send_at,
        file=file,
    )


def _asked(tenant: TenantSettings, communication: Communication, day: date, known: Known) -> Foreseen:
    return Foreseen(
        tenant=tenant.id,
        communication=communication.name,
        day=day,
        customer_id=known.customer_id,
        equipment_ids=known.equipment_ids,
        work_order_id=known.work_order_id,
        due_on=known.due_on,
        occasions=known.occasions,
        verdict="skip",
        reason=ALREADY_ASKED,
        detail="",
        send_at=None,
    )


def _closeness(row: AudienceRow) -> tuple[int, bool, tuple[int, str]]:
    # The due row; else the one that fails fewest, an id lower first (numbers as numbers).
    fails = (not row.in_window) + sum(not c.holds for c in row.conditions)
    id_ = row.equipment_id or row.work_order_id or ""
    return fails, not row.due, (int(id_), "") if id_.isdecimal() else (0, id_)


def _due_condition(communication: Communication, row: AudienceRow) -> ConditionResult:
    sentence = communication.audience.due_sentence if communication.audience else ""
    return ConditionResult("due_date", sentence, row.in_window, row.due_on.isoformat() if row.due_on else None)


def _nearest_miss(row: AudienceRow, conditions: Sequence[ConditionResult]) -> str | None:
    told = [
        miss for condition, miss in zip(conditions, (_date_miss(row), *row.misses), strict=True) if miss and not condition.holds
    ]
    return told[0] if told else None


def _date_miss(row: AudienceRow) -> str | None:
    if row.next_due_on:
        return f"due on {_long(row.next_due_on)}"
    return f"was due on {_long(row.due_on)}" if row.due_on else None


def _long(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"


def _without_rows(tenant: TenantSettings, communication: Communication, customer_id: str, day: date) -> Explanation:
    condition = ConditionResult("on_file", "has something on file that this type is about", holds=False, value=None)
    return _not_due(tenant, communication, customer_id, day, condition)


def _not_scanned(tenant: TenantSettings, communication: Communication, customer_id: str, day: date) -> Explanation:
    condition = ConditionResult(
        "asked_for", "another system or an inbound mail asks for it; nobody scans for it", holds=False, value=None
    )
    return _not_due(tenant, communication, customer_id, day, condition)


def _not_due(
    tenant: TenantSettings, communication: Communication, customer_id: str, day: date, condition: ConditionResult
) -> Explanation:
    return Explanation(
        tenant=tenant.id,
        customer_id=customer_id,
        communication=communication.name,
        day=day,
        due=False,
        due_on=None,
        equipment_id=None,
        conditions=(condition,),
        verdict=None,
        reason=condition.code,
        detail="",
        send_at=None,
        nearest_miss=None,
    )


def _job(tenant: TenantSettings, communication: Communication, day: date, rows: Sequence[AudienceRow]) -> Job:
    # The job that a scan would make of these rows, which come newest first.
    first = rows[0]
    planned = _planned(communication, day, tenant)
    due_on = first.due_on or day
    return Job(
        tenant_id=tenant.id,
        id=new_id(),
        job_type=job_type_of(communication, tenant),
        communication=communication.name,
        customer_id=first.customer_id,
        source="scheduler",
        occasions=tuple(row.occasion or "" for row in rows),
        due_on=due_on,
        as_of=day,
        run_at=planned,
        useful_until=useful_until(communication, due_on, tenant),
        created_at=planned,
        equipment_ids=tuple(row.equipment_id for row in rows if row.equipment_id),
        work_order_id=first.work_order_id,
        lane=communication.lane,
    )
