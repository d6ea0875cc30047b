"""Other systems' rows: each becomes one message or is kept with its error, and nobody waits for somebody else's mistake."""

import base64
import json
from datetime import timedelta
from email import policy
from email.parser import BytesParser

import pytest

from communication_agent.app import App
from support.house import MONDAY, DealerRows, at, everything, listed

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
RECEIPT = {
    "external_id": "erp-88213",
    "communication": "purchase_receipt",
    "customer_id": "1",
    "facts": {"receipt_number": "R-88213", "purchase_total": "$5,349.00"},
    "attachments": [
        {"filename": "R-88213.pdf", "content_type": "application/pdf", "content_base64": base64.b64encode(PDF).decode()}
    ],
}


async def _push(house: App, *rows: object) -> list[tuple[str, str, str | None]]:
    tenant = await house.tenants.load("hilltop")
    return [(a.external_id, a.status, a.error) for a in await house.queue.push(tenant, rows, house.clock.now())]


async def _customer(dealer: DealerRows) -> None:
    customer = await dealer.customer()
    await dealer.machine(customer, purchase_date=MONDAY.date(), serial_number="MLZ48-20931")


async def test_a_receipt_arrives_with_its_pdf_also_at_night(house: App, dealer: DealerRows) -> None:
    await _customer(dealer)
    night = at(house, MONDAY + timedelta(hours=13))

    assert await _push(night, RECEIPT) == [("erp-88213", "accepted", None)]
    await everything(night)

    (message,) = await listed(house)
    mail = BytesParser(policy=policy.default).parsebytes((house.config.outbox / "hilltop" / f"{message.id}.eml").read_bytes())
    assert str(mail["Subject"]) == "Your receipt R-88213"
    (attachment,) = mail.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content()) == ("R-88213.pdf", PDF)
    text = mail.get_body(("plain",))
    assert text is not None
    assert "MLZ48-20931" in text.get_content()
    assert "attached" in text.get_content()
    assert mail["List-Unsubscribe"] is None


async def test_without_its_file_the_wording_promises_none(house: App, dealer: DealerRows) -> None:
    await _customer(dealer)
    await _push(house, {**RECEIPT, "attachments": []})
    await everything(house)

    (message,) = await listed(house)
    content = (house.config.outbox / "hilltop" / f"{message.id}.eml").read_text()
    assert "attached" not in content


async def test_the_same_row_twice_is_one_message(house: App, dealer: DealerRows) -> None:
    await _customer(dealer)

    first = await _push(house, RECEIPT, RECEIPT)
    await everything(house)
    later = await _push(house, RECEIPT)

    assert [status for _, status, _ in first + later] == ["accepted", "duplicate", "duplicate"]
    assert len(await listed(house)) == 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"communication": "no_such_type"}, "no_such_type"),
        ({"communication": "annual_tuneup"}, "scheduler"),
        ({"customer_id": None}, "customer_id"),
        ({"facts": {"receipt_number": "R-1"}}, "purchase_total"),
        ({"tenant": "somebody-else"}, "somebody-else"),
        ({"surprise": 1}, "surprise"),
        ({"send_after": "2026-11-24T09:00:00"}, "offset"),
        ({"attachments": [{"filename": "x.pdf", "content_base64": "AAAA"}]}, "neither PDF"),
        ({"attachments": [{"filename": "../x.pdf", "content_base64": base64.b64encode(PDF).decode()}]}, "filename"),
        ({"attachments": [{"filename": "x.pdf", "content_base64": "%%%"}]}, "base64"),
    ],
)
async def test_an_invalid_row_is_kept_with_an_error_that_names_the_field_and_the_others_go_on(
    house: App, dealer: DealerRows, change: dict[str, object], named: str
) -> None:
    await _customer(dealer)

    (bad, good) = await _push(house, {**RECEIPT, "external_id": "bad", **change}, RECEIPT)

    assert (bad[1], good[1]) == ("invalid", "accepted")
    assert named in (bad[2] or "")
    kept = await house.queue_rows.latest("hilltop")
    assert {str(row["external_id"]): row["status"] for row in kept} == {"bad": "invalid", "erp-88213": "accepted"}


@pytest.mark.parametrize(
    "row", [None, 7, "text", [], {"external_id": None}, {"external_id": {}}, {"external_id": "x\x00y"}, {"a": "\ud800"}]
)
async def test_what_is_no_row_at_all_is_answered_too(house: App, row: object) -> None:
    ((_, status, error),) = await _push(house, row)

    assert status == "invalid"
    assert error


async def test_a_corrected_row_is_taken_after_an_invalid_one(house: App, dealer: DealerRows) -> None:
    await _customer(dealer)

    answers = await _push(house, {**RECEIPT, "facts": {}}, RECEIPT)

    assert [status for _, status, _ in answers] == ["invalid", "accepted"]


async def test_rows_that_another_system_writes_into_the_table_are_answered(house: App, dealer: DealerRows) -> None:
    await _customer(dealer)
    insert = "INSERT INTO communication_queue (tenant_id, external_id, payload) VALUES ('hilltop', %s, %s)"
    async with house.central.engine() as conn:
        row = {key: value for key, value in RECEIPT.items() if key != "external_id"}
        await conn.execute(insert, ["sql-1", json.dumps(row)])
        await conn.execute(insert, ["sql-2", json.dumps({"communication": "nonsense"})])
        await conn.execute(insert, ["sql-3", json.dumps([1, 2])])

    await everything(house)

    kept = {str(row["external_id"]): row["status"] for row in await house.queue_rows.latest("hilltop")}
    assert kept == {"sql-1": "accepted", "sql-2": "invalid", "sql-3": "invalid"}
    assert [m.outcome for m in await listed(house)] == ["sent"]


async def test_send_after_is_waited_for(house: App, dealer: DealerRows) -> None:
    await _customer(dealer)
    await _push(house, {**RECEIPT, "send_after": "2026-11-25T15:00:00-05:00"})

    await everything(house)
    assert [(m.outcome, m.reason) for m in await listed(house)] == [("waiting", "planned")]
    await everything(at(house, MONDAY + timedelta(days=2, hours=5)))
    assert [m.outcome for m in await listed(house)] == ["sent"]


async def test_a_customer_that_nobody_knows_is_skipped_by_name(house: App) -> None:
    await _push(house, {**RECEIPT, "customer_id": "no number at all"}, {**RECEIPT, "external_id": "b", "customer_id": "4711"})

    await everything(house)

    assert [(m.outcome, m.reason) for m in await listed(house)] == [("skipped", "not_true_any_more")] * 2
