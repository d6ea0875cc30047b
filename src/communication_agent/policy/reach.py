"""Where a message can go: the channels in the order they are wanted, and the address that may be written to."""

from communication_agent.clock import civil_date
from communication_agent.domain import Channel, Customer, Purpose, Send, Skip, Suppression
from communication_agent.policy.addresses import fault, normalise, of_channel, usable
from communication_agent.policy.case import Case
from communication_agent.policy.consent import opted_in, refusal
from communication_agent.policy.reasons import Reason

# In the order in which they are met: when no channel is possible, the one that came furthest names the reason.
OBSTACLES: tuple[Reason, ...] = ("no_address", "bad_address", "suppressed", "no_consent")


def channels(case: Case) -> tuple[Channel, ...]:
    """The channels that the job may take, the wanted one first."""
    asked = case.job.job_type.channel
    if asked is None:
        preferred = case.customer.preferred_channel if case.customer else None
        return (Channel.SMS, Channel.EMAIL) if preferred is Channel.SMS else (Channel.EMAIL, Channel.SMS)
    if asked is Channel.SMS and case.communication.fallback is Channel.EMAIL:
        return (Channel.SMS, Channel.EMAIL)
    return (asked,)


def reach(case: Case) -> Send | Skip:
    """The address on the first possible channel, or why no channel is possible (a reason of OBSTACLES).

    Empty facts and pauses never change the channel: they speak of the message, not of the customer.
    """
    tried = [(channel, _on(case, channel)) for channel in channels(case)]
    for _, verdict in tried:
        if isinstance(verdict, Send):
            return verdict
    closed = [(channel, verdict) for channel, verdict in tried if isinstance(verdict, Skip)]
    furthest = max((skip.reason for _, skip in closed), key=OBSTACLES.index)
    return Skip(furthest, "; ".join(f"{channel}: {skip.detail}" for channel, skip in closed))


def channel_of(case: Case) -> Channel:
    """The channel it takes or, when none is possible, the one that was wanted."""
    verdict = reach(case)
    return verdict.channel if isinstance(verdict, Send) else channels(case)[0]


def _on(case: Case, channel: Channel) -> Send | Skip:
    customer = case.customer
    known = of_channel(customer, channel) if customer else ()
    if not customer or not known:
        return Skip("no_address", "none on record")
    values = usable(known)
    if not values:
        return Skip("bad_address", ", ".join(sorted({fault(address) or "" for address in known})))
    stopped = _suppressed(case, channel)
    stop = _stop(case, customer, [s for a in known if (s := stopped.get(normalise(channel, a.value) or ""))])
    refused = stop or refusal(case, customer, channel)
    free = [value for value in values if value not in stopped]
    if refused or not free:
        return Skip("suppressed", refused or "the address bounced")
    if case.marketing and channel is Channel.SMS and not opted_in(case, customer, channel):
        return Skip("no_consent", "no consent to marketing texts on record")
    return Send(channel, free[0])


def _stop(case: Case, customer: Customer, own: list[Suppression]) -> str | None:
    """What closes a whole channel, in words: a person who told us to stop at one address is not written to at another."""
    if customer.do_not_contact:
        return "do not contact"
    wish = next((s for s in own if s.reason != "bounced"), None)
    return f"{wish.reason} on {civil_date(wish.since, case.tenant.zone)}" if wish else None


def _suppressed(case: Case, channel: Channel) -> dict[str, Suppression]:
    """The suppressions that concern this message, by normalised address; a bounce never hides a wish for the same address."""
    if not case.suppressions:
        return {}
    concerned = [s for s in case.suppressions if s.channel is channel and (case.marketing or s.purpose != Purpose.MARKETING)]
    ordered = sorted(concerned, key=lambda s: s.reason != "bounced")
    return {normalise(channel, s.address) or s.address: s for s in ordered}
