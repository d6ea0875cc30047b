"""What a customer wishes for a channel: the dealer's flags and our ledger, the more restrictive winning."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from communication_agent.clock import civil_date
from communication_agent.domain import Channel, Customer
from communication_agent.policy.case import Case

EVER, NEVER = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Wish:
    """A yes or a no of the customer; a no to marketing leaves everything else alone, a yes to it is a yes to the channel."""

    granted: bool
    at: datetime | None  # None = nobody knows when
    marketing_only: bool
    source: str

    @property
    def weight(self) -> datetime:
        """When it counts from: an undated yes is older than every no, an undated no younger than every yes."""
        if self.at is None:
            return NEVER if self.granted else EVER
        return self.at.astimezone(UTC)  # in one civil zone the hour that comes twice would compare as one


def refusal(case: Case, customer: Customer, channel: Channel) -> str | None:
    """The no that stands against this message on this channel, in words; None when there is none or a later yes lifted it."""
    wishes = tuple(_wishes(case, customer, channel))
    against = [wish for wish in wishes if not wish.granted and (case.marketing or not wish.marketing_only)]
    if not against:
        return None
    latest = max(against, key=lambda wish: wish.weight)
    lifted = any(wish.granted and wish.weight > latest.weight for wish in wishes)
    return None if lifted else _words(case, latest)


def opted_in(case: Case, customer: Customer, channel: Channel) -> bool:
    """Whether a yes for this channel is on record, by the dealer or in our ledger; whether a no outweighs it is `refusal`."""
    return any(wish.granted for wish in _wishes(case, customer, channel))


def _wishes(case: Case, customer: Customer, channel: Channel) -> Iterator[_Wish]:
    yield from _flag(case, customer, channel)
    for purpose in ("all", "marketing"):
        own = [c for c in case.consents if c.channel is channel and c.purpose == purpose]
        if own:
            last = max(own, key=lambda c: (c.at.astimezone(UTC), not c.granted))  # of two at one instant the no
            yield _Wish(last.granted, last.at, purpose == "marketing", "our record")


def _flag(case: Case, customer: Customer, channel: Channel) -> Iterator[_Wish]:
    """The dealer's flag: email_consent has no date and speaks of marketing, sms_consent speaks of every text."""
    if channel is Channel.EMAIL and customer.email_consent is not None:
        yield _Wish(customer.email_consent, at=None, marketing_only=True, source="email_consent")
    if channel is Channel.SMS and customer.sms_consent is not None:
        dated = customer.sms_consent_at
        # A date that has not come yet is a slip of the keyboard: it must not outweigh a STOP.
        at = dated if dated and dated <= case.now else None
        yield _Wish(customer.sms_consent, at=at, marketing_only=False, source="sms_consent")


def _words(case: Case, wish: _Wish) -> str:
    what = "marketing" if wish.marketing_only else "every message"
    when = f" on {civil_date(wish.at, case.tenant.zone)}" if wish.at else ""
    return f"no to {what}{when} ({wish.source})"
