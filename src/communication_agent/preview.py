"""The words that a customer would read, made by the same rooms as the real ones, due or not; nothing is kept or sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from communication_agent.cases import CaseFile, CaseReader
from communication_agent.clock import civil_date
from communication_agent.communication import Communication
from communication_agent.content.catalogue import CATALOGUE
from communication_agent.content.composer import compose
from communication_agent.content.variables import missing
from communication_agent.db.audience_sql import Window
from communication_agent.domain import Channel, Content, Job, JobType, Send
from communication_agent.errors import Problem
from communication_agent.ids import new_id
from communication_agent.policy import decide
from communication_agent.tenant import TenantSettings

_JOB_TYPES = {Channel.EMAIL: JobType.SEND_EMAIL, Channel.SMS: JobType.SEND_SMS, None: JobType.NOTIFY_CUSTOMER}


@dataclass(frozen=True, slots=True)
class Preview:
    """Words for one customer; `made_up` names the facts that the catalogue's examples had to stand in for."""

    tenant: str
    communication: str
    customer_id: str
    channel: Channel
    to: str | None  # None when the customer has no address that may be written to
    content: Content
    facts: Mapping[str, str]
    made_up: tuple[str, ...]


async def preview(
    cases: CaseReader,
    tenant: TenantSettings,
    communication: Communication,
    customer_id: str,
    now: datetime,
    channel: Channel | None = None,
    given: Mapping[str, str] | None = None,
) -> Preview:
    """The message as it would be written at `now`; `given` are facts of a queue row, else examples stand in for them.

    Raises Problem CA-502 for an unknown customer, CA-308 when the wording would have a hole, CA-801 and others of the database.
    """
    wanted = channel or communication.channel
    facts = {**_examples(communication), **(given or {})}
    job = await _job(cases, tenant, communication, customer_id, now, facts, wanted)
    (file,) = await cases.read(tenant, [job], now)
    if file.case.customer is None:
        raise Problem(
            "CA-502",
            f'Tenant "{tenant.id}" has no customer {customer_id!r}.',
            "the dealer's comm_customers view has no row with this id",
            f"communication-agent customers find NAME --tenant {tenant.id}",
        )
    made_up = {name for name in _examples(communication) if name not in (given or {})}
    return _composed(cases, tenant, file, wanted, made_up)


def _composed(cases: CaseReader, tenant: TenantSettings, file: CaseFile, wanted: Channel | None, made_up: set[str]) -> Preview:
    case = file.case
    verdict = decide(case)
    channel = verdict.channel if isinstance(verdict, Send) else wanted or Channel.EMAIL
    to = verdict.address if isinstance(verdict, Send) else _first(file, channel)
    lacking = {name for name in missing(case.communication, file.facts, channel) if name in CATALOGUE and not _of_dealer(name)}
    examples = {name: CATALOGUE[name].example for name in lacking if case.communication.audience is None}
    facts = {**file.facts, **examples}
    links = cases.message_links(tenant, case.job.customer_id, channel, to or "nobody@customer.invalid")
    content = compose(case.communication, tenant, channel, facts, links)
    return Preview(
        tenant=tenant.id,
        communication=case.communication.name,
        customer_id=case.job.customer_id,
        channel=channel,
        to=to,
        content=content,
        facts=facts,
        made_up=tuple(sorted(made_up | examples.keys())),
    )


async def _job(
    cases: CaseReader,
    tenant: TenantSettings,
    communication: Communication,
    customer_id: str,
    now: datetime,
    facts: Mapping[str, str],
    wanted: Channel | None,
) -> Job:
    day = civil_date(now, tenant.zone)
    equipment, order = await _about(cases, tenant, communication, customer_id, day)
    return Job(
        tenant_id=tenant.id,
        id=new_id(),
        job_type=_JOB_TYPES[wanted],
        communication=communication.name,
        customer_id=customer_id,
        source="preview",
        occasions=(),
        due_on=day,
        run_at=now,
        useful_until=now + timedelta(days=communication.useful_days),
        created_at=now,
        equipment_ids=equipment,
        work_order_id=order,
        facts=facts,
    )


async def _about(
    cases: CaseReader, tenant: TenantSettings, communication: Communication, customer_id: str, day: date
) -> tuple[tuple[str, ...], str | None]:
    """The machine and the work order of the row that comes closest to being due."""
    async with cases.gateway.session(tenant) as dealer:
        rows = await dealer.rows(communication, [customer_id], Window(day, day, day), cases.knobs(communication, tenant))
    if not rows:
        return (), None
    row = min(rows, key=lambda row: sum(not condition.holds for condition in row.conditions))
    return (row.equipment_id,) if row.equipment_id else (), row.work_order_id


def _examples(communication: Communication) -> dict[str, str]:
    return {name: CATALOGUE[name].example for name in communication.given if name in CATALOGUE}


def _of_dealer(name: str) -> bool:
    return CATALOGUE[name].source.startswith("central.tenants")  # only the tenant file may say it


def _first(file: CaseFile, channel: Channel) -> str | None:
    customer = file.case.customer
    return next((a.value for a in customer.addresses if a.channel is channel), None) if customer else None
