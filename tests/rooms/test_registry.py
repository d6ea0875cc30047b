"""The shelves are found by looking, and every declaration has its file's name."""

from communication_agent import communications, providers
from communication_agent.communication import Communication
from communication_agent.provider import Provider
from communication_agent.registry import discover


def test_the_shelves_hold_what_this_version_promises() -> None:
    assert {"annual_tuneup", "first_service_alert", "purchase_receipt", "seven_day_checkin"} <= set(
        discover(communications, Communication)
    )
    assert {"outbox", "smtp"} <= set(discover(providers, Provider))
