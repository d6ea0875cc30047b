"""The nouns: what every room talks about. Imports nothing of ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID


class Channel(StrEnum):
    """How a message reaches a person."""

    EMAIL = "email"
    SMS = "sms"


class Purpose(StrEnum):
    """Which rules a message obeys; in doubt it is marketing."""

    TRANSACTIONAL = "transactional"
    INFORMATIONAL = "informational"
    MARKETING = "marketing"


class JobType(StrEnum):
    """What a job asks for; notify_customer leaves the channel to the gate."""

    SEND_EMAIL = "send_email"
    SEND_SMS = "send_sms"
    NOTIFY_CUSTOMER = "notify_customer"

    @property
    def channel(self) -> Channel | None:
        """The channel that is asked for, None when the gate picks."""
        return {JobType.SEND_EMAIL: Channel.EMAIL, JobType.SEND_SMS: Channel.SMS}.get(self)


# Lanes of the queue: 0 a person waits, 1 normal, 2 bulk. Bulk never delays lane 0.
LANE_PERSON, LANE_NORMAL, LANE_BULK = 0, 1, 2


class State(StrEnum):
    """Where a job is; the last four are outcomes and live in the history."""

    SCHEDULED = "scheduled"
    READY = "ready"
    CLAIMED = "claimed"
    DISPATCHING = "dispatching"
    UNCERTAIN = "uncertain"
    HELD = "held"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINISHED = frozenset({State.SENT, State.SKIPPED, State.FAILED, State.CANCELLED})

# The one table of legal transitions. Evidence from a provider may settle dispatching, uncertain and held.
TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.SCHEDULED: frozenset({State.READY, State.CANCELLED}),
    State.READY: frozenset({State.CLAIMED, State.CANCELLED}),
    State.CLAIMED: frozenset(
        {State.READY, State.SCHEDULED, State.DISPATCHING, State.HELD, State.SKIPPED, State.FAILED, State.CANCELLED}
    ),
    State.DISPATCHING: frozenset({State.SENT, State.SCHEDULED, State.FAILED, State.UNCERTAIN}),
    State.UNCERTAIN: frozenset({State.SENT, State.SCHEDULED, State.FAILED, State.HELD}),
    State.HELD: frozenset({State.SENT, State.SCHEDULED, State.FAILED, State.CANCELLED}),
    State.SENT: frozenset(),
    State.SKIPPED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a message; the content lies in the central database under its hash."""

    filename: str
    content_type: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Job:
    """One message that is to be sent, as the queue knows it; `id` is also the message's id."""

    tenant_id: str
    id: UUID
    job_type: JobType
    communication: str
    customer_id: str
    source: str  # scheduler | queue | fallback | ...
    occasions: tuple[str, ...]  # keys in the ledger that this job took
    due_on: date
    run_at: datetime
    useful_until: datetime
    created_at: datetime
    as_of: date | None = None  # the day whose scan found it, as of which the conditions are re-checked; None = due_on
    equipment_ids: tuple[str, ...] = ()  # the newest first
    work_order_id: str | None = None
    lane: int = LANE_NORMAL
    state: State = State.READY
    reason: str | None = None  # what it waits for
    attempts: int = 0  # burned by definite failures
    deaths: int = 0  # workers that died while they had it claimed
    fence: int = 0
    checks: int = 0  # how often a search for it found nothing
    unknown_since: datetime | None = None  # since when an earlier attempt may have arrived
    facts: Mapping[str, str] = field(default_factory=dict[str, str])  # given by a queue row, win over the database
    attachments: tuple[Attachment, ...] = ()
    fallback_of: UUID | None = None


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


# ---- verdicts of the gate ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Send:
    """The message may go, to this address."""

    channel: Channel
    address: str


@dataclass(frozen=True, slots=True)
class Snooze:
    """Not now: look again at `until` (aware, UTC)."""

    until: datetime
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Skip:
    """Never: the occasion ends here, on purpose."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Only a person may decide."""

    reason: str
    detail: str = ""


Verdict = Send | Snooze | Skip | Hold


# ---- receipts of providers -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took it; the id is the provider's, when it told one."""

    provider_id: str | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A definite no; `credentials` when it is the account that was refused, not the message."""

    reason: str
    credentials: bool = False


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Definitely not taken, for a while; `retry_after` when the provider said how long (then no attempt is burned)."""

    reason: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request may have arrived."""

    reason: str


Receipt = Accepted | Refused | Unavailable | Unknown


# ---- outcomes of an attempt ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sent:
    """Done."""

    provider_id: str | None


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again at `at`; `burned` when this attempt counts."""

    at: datetime
    reason: str
    burned: bool = True


@dataclass(frozen=True, slots=True)
class Failed:
    """Given up; `follow_up` names the channel that a fallback job takes, if any."""

    reason: str
    follow_up: Channel | None = None


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The reconciler has to find out, not before `check_at`."""

    reason: str
    check_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """A person has to decide."""

    reason: str


Outcome = Sent | Retry | Failed | Uncertain | Held


# ---- what leaves the house -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Content:
    """Composed words, before the envelope; email: subject, html, text; SMS: sms."""

    subject: str = ""
    preheader: str = ""
    html: str = ""
    text: str = ""
    sms: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A frozen message with its envelope: the same value always makes the same bytes."""

    id: UUID
    tenant_id: str
    channel: Channel
    sender: str  # email: display name and address; SMS: number, messaging service or short name
    to: str
    date: datetime
    subject: str = ""
    html: str = ""
    text: str = ""  # email: the plain-text part; SMS: the body
    reply_to: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    message_id: str = ""  # email: deterministic Message-ID with its angle brackets
    attachments: tuple[Attachment, ...] = ()
