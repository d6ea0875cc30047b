"""What a decision, a provider or an attempt can come to: values, matched exhaustively."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from communication_agent.domain.jobs import Channel


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
