"""Everything the gate and the words need to know about jobs, read now: one reader for sending, scanning and explaining."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from communication_agent.clock import civil_date
from communication_agent.communication import Communication
from communication_agent.config import Config
from communication_agent.content.composer import MessageLinks
from communication_agent.content.variables import facts_for, missing
from communication_agent.db.central_db import CentralDatabase
from communication_agent.db.consent_repository import ConsentRepository, Contact
from communication_agent.db.query import Connection
from communication_agent.db.tenant_data_gateway import TenantDataGateway, knob_values
from communication_agent.db.tenant_repository import TenantRepository
from communication_agent.domain import Channel, Consent, Customer, Job, Pause, Snapshot, Suppression
from communication_agent.keys import Keys
from communication_agent.policy import Case, normalise
from communication_agent.tenant import QuietHours, TenantSettings
from communication_agent.tokens import PreferenceToken, sign


@dataclass(frozen=True, slots=True)
class CaseFile:
    """One job with what was read about it: the case for the gate, the dealer's snapshot, the facts for the words."""

    case: Case
    snapshot: Snapshot
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CaseReader:
    """Reads cases; holds the doors to both databases and what never changes while the process runs."""

    central: CentralDatabase
    gateway: TenantDataGateway
    tenants: TenantRepository
    consents: ConsentRepository
    communications: Mapping[str, Communication]
    config: Config
    environment: Mapping[str, str]
    keys: Keys

    async def read(self, tenant: TenantSettings, jobs: Sequence[Job], now: datetime) -> list[CaseFile]:
        """The case files of one tenant's jobs, in their order; raises Problem when the dealer's database does not answer."""
        snapshots = await self._snapshots(tenant, jobs)
        async with self.central.engine() as conn:
            return await self.complete(conn, tenant, jobs, snapshots, now)

    async def _snapshots(self, tenant: TenantSettings, jobs: Sequence[Job]) -> list[Snapshot]:
        groups: dict[tuple[str, date], list[int]] = {}
        for place, job in enumerate(jobs):
            groups.setdefault((job.communication, job.as_of or job.due_on), []).append(place)
        found: dict[int, Snapshot] = {}
        async with self.gateway.session(tenant) as dealer:
            for (name, as_of), places in groups.items():
                communication = self.communications[name]
                knobs = self.knobs(communication, tenant)
                some = await dealer.snapshots(communication, [jobs[place] for place in places], as_of, knobs)
                found.update(zip(places, some, strict=True))
        return [found[place] for place in range(len(jobs))]

    def knobs(self, communication: Communication, tenant: TenantSettings) -> dict[str, int]:
        """The type's thresholds for this tenant, by parameter name."""
        return knob_values(communication, tenant, self.environment)

    async def complete(
        self, conn: Connection, tenant: TenantSettings, jobs: Sequence[Job], snapshots: Sequence[Snapshot], now: datetime
    ) -> list[CaseFile]:
        """Case files from snapshots and what our own ledger says on this connection."""
        ledger = await self.ledger(conn, tenant.id, [s.customer for s in snapshots if s.customer])
        return [self._file(tenant, job, snapshot, ledger, now) for job, snapshot in zip(jobs, snapshots, strict=True)]

    async def again(
        self, conn: Connection, tenant: TenantSettings, files: Sequence[CaseFile], now: datetime, *, lock: bool
    ) -> list[CaseFile]:
        """The same files with suppressions, consents, pauses and frequency cap re-read on this connection; `lock` for begin-dispatch."""
        ledger = await self.ledger(conn, tenant.id, [f.case.customer for f in files if f.case.customer], lock=lock)
        return [replace(f, case=ledger.applied(replace(f.case, now=now))) for f in files]

    async def ledger(self, conn: Connection, tenant_id: str, customers: Sequence[Customer], *, lock: bool = False) -> "Ledger":
        """What our own database knows about these customers."""
        ids = [customer.id for customer in customers]
        addresses = {(a.channel, value) for c in customers for a in c.addresses if (value := normalise(a.channel, a.value))}
        contacts = await self.consents.contacts(conn, tenant_id, ids, lock=lock) if ids else {}
        suppressions = await self.consents.suppressions(conn, tenant_id, [*addresses])
        consents = await self.consents.consents(conn, tenant_id, ids)
        pauses = await self.consents.pauses(conn, tenant_id)
        return Ledger(contacts, tuple(suppressions), consents, tuple(pauses))

    def _file(self, tenant: TenantSettings, job: Job, snapshot: Snapshot, ledger: "Ledger", now: datetime) -> CaseFile:
        communication = self.communications[job.communication]
        facts = facts_for(
            communication,
            tenant,
            snapshot,
            given=job.facts,
            links=self._links(tenant),
            due_on=job.due_on,
            sent_on=civil_date(now, tenant.zone),
            has_attachment=bool(job.attachments),
        )
        case = Case(
            now=now,
            tenant=tenant,
            quiet_hours=tenant.quiet_hours or QuietHours(start=self.config.quiet_hours_start, end=self.config.quiet_hours_end),
            cap=timedelta(days=self.config.frequency_cap_days),
            communication=communication,
            job=job,
            customer=snapshot.customer,
            conditions=snapshot.conditions,
            missing={channel: missing(communication, facts, channel) for channel in Channel},
        )
        return CaseFile(ledger.applied(case), snapshot, facts)

    def _links(self, tenant: TenantSettings) -> dict[str, str]:
        # The booking page without its scheme: what a person types, and short enough for a text.
        return {"short_link": (tenant.booking_url or "").split("://")[-1]}

    def message_links(self, tenant: TenantSettings, customer_id: str, channel: Channel, address: str) -> MessageLinks:
        """The links that go into a message to this address."""
        token = PreferenceToken(tenant.id, customer_id, channel, self.consents.hash(channel, address))
        return MessageLinks(
            preferences=f"{self.config.base_url}/p/{sign(self.keys, token)}",
            reply=tenant.email.reply_to or tenant.email.from_,
        )


@dataclass(frozen=True, slots=True)
class Ledger:
    """What our own database says about some customers at one moment."""

    contacts: Mapping[str, Contact]
    suppressions: tuple[Suppression, ...]
    consents: Mapping[str, tuple[Consent, ...]]
    pauses: tuple[Pause, ...]

    def applied(self, case: Case) -> Case:
        """The case with these facts; the job itself never counts for its own frequency cap."""
        customer = case.customer
        if customer is None:
            return replace(case, pauses=self.pauses)
        own = {(a.channel, normalise(a.channel, a.value)) for a in customer.addresses}
        contact = self.contacts.get(customer.id)
        return replace(
            case,
            suppressions=tuple(s for s in self.suppressions if (s.channel, s.address) in own),
            consents=self.consents.get(customer.id, ()),
            last_marketing_at=contact.before(case.job.id) if contact else None,
            pauses=self.pauses,
        )
