"""The facts of one message, from the tenant file, the dealer's database, the queue row and our links, fit to be read."""

from collections.abc import Mapping
from datetime import date

from communication_agent.communication import Communication
from communication_agent.content.catalogue import ALWAYS_OPTIONAL, CATALOGUE, CHOOSES_WORDS, Kind, Variable
from communication_agent.content.fact_text import written
from communication_agent.content.gsm7 import to_gsm7
from communication_agent.content.machine_names import full_name, model_name, short_name, shortened
from communication_agent.content.template_renderer import compile_template
from communication_agent.domain import Channel, Customer, Equipment, Snapshot, WorkOrder
from communication_agent.tenant import TenantSettings


def facts_for(
    communication: Communication,
    tenant: TenantSettings,
    snapshot: Snapshot,
    *,
    given: Mapping[str, str],
    links: Mapping[str, str],
    due_on: date,
    sent_on: date,
    has_attachment: bool,
) -> dict[str, str]:
    """Every fact that is known for one message, as people write it: names, dates, money; what is not known is left out.

    `given` are a queue row's facts and win over the dealer's database, never over what the dealer says about itself;
    `links` are made for this message. `due_on` and `sent_on` are civil dates of the dealer; the optional variables are
    always there, empty when there is nothing to say.
    """
    raw = {
        **_of_customer(snapshot.customer),
        **_of_machine(snapshot.equipment, max(due_on, sent_on), given),
        **_of_work(snapshot.work_order),
        **snapshot.facts,
        **given,
        **links,
        # Last, so that no row can put words into the dealer's mouth, an offer least of all.
        **_of_dealer(tenant, sent_on),
        "has_attachment": "true" if has_attachment else "",
    }
    facts = {name: _written(name, value) for name, value in raw.items() if _known(name, communication)}
    optional = dict.fromkeys(may_be_empty(communication), "")
    return optional | {name: value for name, value in facts.items() if value}


def may_be_empty(communication: Communication) -> frozenset[str]:
    """The variables without which this type's words still work."""
    return ALWAYS_OPTIONAL | CHOOSES_WORDS | communication.may_be_empty


def missing(communication: Communication, facts: Mapping[str, str], channel: Channel) -> tuple[str, ...]:
    """The variables that this channel's words need for these facts and that are empty or absent, in alphabetical order.

    A variable counts when the words look it up: inside a branch that these facts do not take, it may be absent.
    A name that no catalogue knows is a mistake in the words, which compose reports, not a missing fact.
    """
    texts, target = _words_of(communication, channel)
    known = {name: to_gsm7(value) for name, value in facts.items()} if channel is Channel.SMS else facts
    needed = {name for name in _named(texts) | target if _known(name, communication)} - may_be_empty(communication)
    empty = {name for name in needed if not known.get(name, "").strip()}
    if not empty:
        return ()
    looked_up = frozenset[str]().union(*(compile_template(text, html=False).used(values_of(known)) for text in texts))
    return tuple(sorted(empty & (looked_up | target)))


def values_of(facts: Mapping[str, str]) -> dict[str, str | int | bool]:
    """The facts as templates compare them: numbers are numbers (`years_owned == 1`), yes and no are booleans."""
    return {name: _value(CATALOGUE.get(name), text) for name, text in facts.items()}


def _words_of(communication: Communication, channel: Channel) -> tuple[tuple[str, ...], frozenset[str]]:
    wording = communication.wording
    if channel is Channel.SMS:
        return (wording.sms,), frozenset()
    target = frozenset({wording.button.target}) - {"reply"}
    return (wording.subject, wording.preheader, wording.body), target


def _named(texts: tuple[str, ...]) -> frozenset[str]:
    return frozenset[str]().union(*(compile_template(text, html=False).variables for text in texts))


def _value(variable: Variable | None, text: str) -> str | int | bool:
    if variable and variable.kind is Kind.BOOLEAN:
        return text == "true"
    if variable and variable.kind is Kind.INTEGER and text.isdecimal():
        return int(text)
    return text


def _known(name: str, communication: Communication) -> bool:
    return name in CATALOGUE or name in communication.given


def _written(name: str, raw: str) -> str:
    return written(CATALOGUE.get(name) or Variable(name, "text <= 160", "queue payload", "", "", ""), raw)


def _of_dealer(tenant: TenantSettings, sent_on: date) -> dict[str, str]:
    # The words say "until ...": an offer without a last day cannot be said, and one that has ended is none.
    expires = tenant.offer.expires
    offered = bool(tenant.offer.text) and expires is not None and expires >= sent_on
    return {
        "dealership_name": tenant.name,
        "sms_name": tenant.sms_name,
        "dealership_phone": tenant.phone,
        "dealership_address": tenant.address,
        "dealership_hours": tenant.hours,
        "sender_name": tenant.sender_name,
        "booking_url": tenant.booking_url or "",
        "inventory_url": tenant.inventory_url or "",
        "response_promise": tenant.response_promise,
        "offer_text": tenant.offer.text if offered else "",
        "offer_expires": _day(expires) if offered else "",
    }


def _of_customer(customer: Customer | None) -> dict[str, str]:
    if customer is None:
        return {}
    emails = [address for address in customer.addresses if address.channel is Channel.EMAIL and address.status == "active"]
    best = max(emails, key=lambda address: address.primary, default=None)
    return {"first_name": customer.first_name, "customer_email": best.value if best else ""}


def _of_machine(machine: Equipment | None, today: date, given: Mapping[str, str]) -> dict[str, str]:
    if machine is None:
        # A queue row may name a machine that the dealer's database does not have: its other names follow from the one given.
        model = given.get("equipment_model") or given.get("equipment_name", "")
        return {"equipment_name": model, "equipment_model": model, "equipment_short": shortened(model)}
    return {
        "equipment_name": full_name(machine),
        "equipment_model": model_name(machine),
        "equipment_short": short_name(machine),
        "power_source": machine.power_source or "",
        "serial_number": machine.serial_number or "",
        "purchase_date": _day(machine.purchase_date),
        "years_owned": str(_full_years(machine.purchase_date, today)) if machine.purchase_date else "",
        "machine_hours": "" if machine.machine_hours is None else str(machine.machine_hours),
        "hours_read_date": _day(machine.hours_read_on),
        "warranty_end_date": _day(machine.warranty_end),
    }


def _of_work(order: WorkOrder | None) -> dict[str, str]:
    if order is None:
        return {}
    return {"work_order_number": order.number, "service_summary": order.summary, "ready_since": _day(order.completed_on)}


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _full_years(since: date, today: date) -> int:
    """Anniversaries of a February 29 fall on the 28th in common years, as the audiences count them."""
    last_day = 28 if (since.month, since.day) == (2, 29) and not _leap(today.year) else since.day
    return today.year - since.year - ((today.month, today.day) < (since.month, last_day))


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
