"""Whatever the dealer's rows hold: one row is skipped with its reason, nothing else stops, and no message has a hole."""

from dataclasses import replace
from datetime import date, timedelta
from email import policy
from email.parser import BytesParser

import pytest

from communication_agent.app import App
from support.house import MONDAY, DealerRows, everything, listed

TODAY = MONDAY.date()
BOUGHT = TODAY - timedelta(days=7)

NASTY_NAMES = [
    None,
    "",
    "   ",
    "Karen\r\nBcc: everybody@victim.example",
    "😀😀",
    "x" * 10_000,
    "\u202eKaren",
    "Ka\u200bren",
    "<script>alert(1)</script>",
    "{{ dealership_phone }}",
    "{% for i in (1..99999999) %}x{% endfor %}",
    'O\'Brien & "Sons"',
    "José Ñandú",
    "N/A",
    "Robert'); DROP TABLE customers;--",
]


@pytest.mark.parametrize("name", NASTY_NAMES)
async def test_a_strange_name_neither_stops_nor_poisons_a_message(house: App, dealer: DealerRows, name: str | None) -> None:
    await dealer.bought(BOUGHT, first_name=name, last_name=name)
    await dealer.bought(BOUGHT, first_name="Karen")

    assert await everything(house) == []

    outcomes = [message.outcome for message in await listed(house)]
    assert outcomes == ["sent", "sent"]
    for file in (house.config.outbox / "hilltop").iterdir():
        mail = BytesParser(policy=policy.default).parsebytes(file.read_bytes())
        assert mail["Bcc"] is None
        assert "mail.example" in str(mail["To"])
        body = mail.get_body(("html",))
        assert body is not None
        html = body.get_content()
        assert "<script" not in html
        assert "None" not in html


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"email": None}, "no_address"),
        ({"email": "not an address"}, "bad_address"),
        ({"email": "a@b"}, "bad_address"),
        ({"email": "karen@mail.example\r\nBcc: x@victim.example"}, "bad_address"),
        ({"do_not_contact": True}, "suppressed"),
        ({"email_consent": False}, "suppressed"),
    ],
)
async def test_who_cannot_or_must_not_be_reached_is_skipped_by_name(
    house: App, dealer: DealerRows, columns: dict[str, object], reason: str
) -> None:
    await dealer.bought(BOUGHT, **columns)
    await dealer.bought(BOUGHT)

    await everything(house)

    assert [(m.outcome, m.reason) for m in await listed(house)] == [("skipped", reason), ("sent", None)]


async def test_an_empty_fact_that_the_wording_needs_is_named(house: App, dealer: DealerRows) -> None:
    customer = await dealer.customer()
    await dealer.machine(customer, purchase_date=BOUGHT, make=None, model=None, kind=None)

    await everything(house)

    (message,) = await listed(house)
    assert (message.outcome, message.reason) == ("skipped", "missing_fact")
    assert message.detail is not None
    assert "equipment_model" in message.detail


async def test_a_machine_that_was_returned_after_the_scan_gets_no_message(house: App, dealer: DealerRows) -> None:
    customer = await dealer.bought(BOUGHT)
    tenant = await house.tenants.load("hilltop")
    await house.scheduler.enqueue(tenant, house.communications["seven_day_checkin"], TODAY, house.clock.now())
    await dealer.conn.execute("UPDATE equipment SET disposed_at = now() - interval '300 days' WHERE customer_id = %s", [customer])

    await everything(house)

    (message,) = await listed(house)
    assert (message.outcome, message.reason) == ("skipped", "not_true_any_more")
    assert "still_owned" in (message.detail or "")


async def test_a_null_date_makes_no_candidate(house: App, dealer: DealerRows) -> None:
    customer = await dealer.customer()
    await dealer.machine(customer, purchase_date=None, machine_hours=None, hours_read_at=None)

    await everything(house)

    assert await listed(house) == []


async def test_a_typing_error_in_a_template_is_named_and_stops_no_other_type(house: App, dealer: DealerRows) -> None:
    await dealer.bought(BOUGHT)
    await dealer.bought(date(2024, 12, 7))
    broken = house.communications["seven_day_checkin"]
    broken = replace(broken, wording=replace(broken.wording, subject="How is your {{ equipment_modle }} doing?"))
    shelf = {**house.communications, broken.name: broken}
    cases = replace(house.cases, communications=shelf)
    scheduler = replace(house.scheduler, cases=cases)
    changed = replace(
        house, communications=shelf, cases=cases, scheduler=scheduler, processor=replace(house.processor, cases=cases)
    )

    await everything(changed)

    told = {m.communication: (m.outcome, m.reason, m.detail or "") for m in await listed(changed)}
    assert told["annual_tuneup"][0] == "sent"
    outcome, reason, detail = told["seven_day_checkin"]
    assert (outcome, reason) == ("failed", "template_error")
    assert "equipment_modle" in detail
    assert "equipment_model" in detail
