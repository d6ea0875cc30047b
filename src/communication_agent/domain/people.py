"""People, machines and wishes: what the gate and the words talk about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from communication_agent.domain.jobs import Channel


@dataclass(frozen=True, slots=True)
class Address:
    """An email address or an E.164 number as the dealer keeps it; status active, bounced or invalid."""

    channel: Channel
    value: str
    primary: bool
    status: str


@dataclass(frozen=True, slots=True)
class Customer:
    """What the gate and the words need to know about a person; consents None = unknown."""

    id: str
    first_name: str
    last_name: str
    company: str
    language: str | None
    postal_code: str | None
    state: str | None
    time_zone: str | None
    do_not_contact: bool
    preferred_channel: Channel | None
    email_consent: bool | None
    sms_consent: bool | None
    sms_consent_at: datetime | None
    addresses: tuple[Address, ...] = ()

    @property
    def name(self) -> str:
        """How people call this customer on a screen."""
        return " ".join(part for part in (self.first_name, self.last_name) if part) or self.company or f"Customer {self.id}"


@dataclass(frozen=True, slots=True)
class Equipment:
    """A machine as the dealer keeps it; dates are civil dates in the dealer's zone."""

    id: str
    make: str
    model: str
    kind: str
    power_source: str | None
    serial_number: str | None
    purchase_date: date | None
    warranty_end: date | None
    machine_hours: int | None
    hours_read_on: date | None
    disposed_on: date | None


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """A work order as the dealer keeps it."""

    id: str
    number: str
    kind: str
    status: str
    summary: str
    completed_on: date | None
    picked_up_on: date | None


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """One condition of a type for one row of the dealer's data: what was asked, whether it holds, and the value seen."""

    code: str
    sentence: str
    holds: bool
    value: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the dealer's database says right now about one job: everything the gate and the words need from there."""

    customer: Customer | None  # None = not known there
    equipment: Equipment | None  # the machine that the message names
    work_order: WorkOrder | None = None
    conditions: tuple[ConditionResult, ...] = ()  # of the type, as of the job's due date; empty for types without audience
    facts: Mapping[str, str] = field(default_factory=dict[str, str])  # computed by the type's audience


@dataclass(frozen=True, slots=True)
class Pause:
    """Somebody stopped sending: of everything (tenant `*`), a tenant, a `type:name` or a `channel:name`."""

    tenant_id: str
    scope: str
    reason: str
    actor: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address that must not be written to; purpose `all` or `marketing`."""

    channel: Channel
    address: str
    purpose: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Consent:
    """A recorded wish of a customer for a channel; the latest one counts."""

    channel: Channel
    purpose: str  # all | marketing
    granted: bool
    at: datetime
