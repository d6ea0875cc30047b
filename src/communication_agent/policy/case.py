"""The case that the gate decides: facts only, gathered by whoever asks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from communication_agent.communication import Communication
from communication_agent.domain import (
    Channel,
    ConditionResult,
    Consent,
    Customer,
    Hold,
    Job,
    Pause,
    Purpose,
    Skip,
    Snooze,
    Suppression,
)
from communication_agent.policy.quiet_hours import known_zone
from communication_agent.tenant import QuietHours, TenantSettings


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that decides about one job at one moment."""

    now: datetime  # aware UTC
    tenant: TenantSettings
    quiet_hours: QuietHours  # the tenant's, else the default
    cap: timedelta  # least time between two marketing messages to a customer
    communication: Communication
    job: Job
    customer: Customer | None  # None = the dealer's database does not know this customer
    conditions: tuple[ConditionResult, ...] = ()
    missing: Mapping[Channel, tuple[str, ...]] = field(default_factory=dict[Channel, tuple[str, ...]])  # empty variables by wording
    suppressions: tuple[Suppression, ...] = ()  # of this customer's addresses, normalised
    consents: tuple[Consent, ...] = ()  # our ledger, in any order
    last_marketing_at: datetime | None = None  # by other jobs only
    pauses: tuple[Pause, ...] = ()

    @property
    def marketing(self) -> bool:
        """Whether the stricter rules hold."""
        return self.communication.purpose is Purpose.MARKETING

    @property
    def zone(self) -> ZoneInfo:
        """The customer's time zone where the records name one that exists, else the dealer's."""
        return known_zone(self.customer.time_zone if self.customer else None) or self.tenant.zone


Veto = Skip | Snooze | Hold
Rule = Callable[[Case], Veto | None]
