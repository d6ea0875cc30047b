"""Rows of the comm views as nouns."""

from datetime import date, datetime
from typing import TypedDict

from communication_agent.domain import Address, Channel, Customer, Equipment, WorkOrder


class CustomerRow(TypedDict):
    """What is read of comm_customers."""

    id: str
    first_name: str | None
    last_name: str | None
    company: str | None
    language: str | None
    postal_code: str | None
    state: str | None
    time_zone: str | None
    do_not_contact: bool | None
    preferred_channel: str | None
    email_consent: bool | None
    sms_consent: bool | None
    sms_consent_at: datetime | None


class AddressRow(TypedDict):
    """What is read of comm_emails and comm_phones."""

    customer_id: str
    value: str | None
    is_primary: bool | None
    status: str | None


class EquipmentRow(TypedDict):
    """What is read of comm_equipment."""

    id: str
    customer_id: str | None
    make: str | None
    model: str | None
    kind: str | None
    power_source: str | None
    serial_number: str | None
    purchase_date: date | None
    warranty_end: date | None
    machine_hours: int | None
    hours_read_on: date | None
    disposed_on: date | None


class WorkOrderRow(TypedDict):
    """What is read of comm_work_orders."""

    id: str
    number: str | None
    kind: str | None
    status: str | None
    summary: str | None
    completed_on: date | None
    picked_up_on: date | None


def customer_of(row: CustomerRow, addresses: tuple[Address, ...]) -> Customer:
    """A customer with the given addresses; what is null reads as empty."""
    preferred = row["preferred_channel"]
    return Customer(
        id=row["id"],
        first_name=row["first_name"] or "",
        last_name=row["last_name"] or "",
        company=row["company"] or "",
        language=row["language"],
        postal_code=row["postal_code"],
        state=row["state"],
        time_zone=row["time_zone"],
        do_not_contact=bool(row["do_not_contact"]),
        preferred_channel=Channel(preferred) if preferred in {"email", "sms"} else None,
        email_consent=row["email_consent"],
        sms_consent=row["sms_consent"],
        sms_consent_at=row["sms_consent_at"],
        addresses=addresses,
    )


def address_of(channel: Channel, row: AddressRow) -> Address:
    """An address; a null status is active."""
    return Address(channel, row["value"] or "", bool(row["is_primary"]), row["status"] or "active")


def equipment_of(row: EquipmentRow) -> Equipment:
    """A machine."""
    return Equipment(
        id=row["id"],
        make=row["make"] or "",
        model=row["model"] or "",
        kind=row["kind"] or "",
        power_source=row["power_source"],
        serial_number=row["serial_number"],
        purchase_date=row["purchase_date"],
        warranty_end=row["warranty_end"],
        machine_hours=row["machine_hours"],
        hours_read_on=row["hours_read_on"],
        disposed_on=row["disposed_on"],
    )


def work_order_of(row: WorkOrderRow) -> WorkOrder:
    """A work order."""
    return WorkOrder(
        id=row["id"],
        number=row["number"] or "",
        kind=row["kind"] or "",
        status=row["status"] or "",
        summary=row["summary"] or "",
        completed_on=row["completed_on"],
        picked_up_on=row["picked_up_on"],
    )
