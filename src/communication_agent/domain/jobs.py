"""Jobs and their states: what the queue talks about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
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
