"""`queue push`: each row answered, an invalid one kept with its error; the same row twice is one message."""

import base64
import json
from pathlib import Path

import pytest

from communication_agent.demo_receipt import pdf
from communication_agent.errors import Exit
from support.command import MONDAY, Comma, tenant_file

NOW = ("--json", "--now", MONDAY)
ROW = {
    "external_id": "erp-1",
    "communication": "purchase_receipt",
    "customer_id": "991",
    "facts": {"receipt_number": "R-1", "purchase_total": "$5,349.00"},
}


def _file(folder: Path, rows: object) -> Path:
    path = folder / "rows.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def test_rows_are_answered_in_their_order_and_invalid_ones_hold_up_nobody(hilltop: Comma, tmp_path: Path) -> None:
    rows = [ROW, {**ROW, "external_id": "erp-2", "communication": "no_such"}, {**ROW, "external_id": "erp-3"}, ROW]
    ran = hilltop("queue", "push", _file(tmp_path, rows), "--tenant", "hilltop", *NOW)
    assert ran.code == Exit.PARTLY_FAILED
    assert [(row["external_id"], row["status"]) for row in ran.rows] == [
        ("erp-1", "accepted"), ("erp-2", "invalid"), ("erp-3", "accepted"), ("erp-1", "duplicate"),
    ]  # fmt: skip
    assert [*ran.rows[0]] == ["external_id", "status", "message_id", "error"]
    assert ran.rows[0]["message_id"] == ran.rows[3]["message_id"]
    assert "no_such" in str(ran.rows[1]["error"])
    assert {row["external_id"] for row in hilltop("queue", "list", *NOW).rows} == {"erp-1", "erp-2", "erp-3"}


def test_a_receipt_leaves_with_its_pdf(hilltop: Comma, tmp_path: Path) -> None:
    page = pdf("Hilltop (Mowers)", ["Receipt R-1", "Total $5,349.00"])
    row = {**ROW, "attachments": [{"filename": "receipt.pdf", "content_base64": base64.b64encode(page).decode()}]}
    ran = hilltop("queue", "push", _file(tmp_path, row), *NOW)
    assert ran.code == 0
    assert hilltop("run", "--once", *NOW).code == 0
    mail = (tmp_path / "home/outbox/hilltop" / f"{ran.rows[0]['message_id']}.eml").read_bytes()
    assert base64.b64encode(page)[:60] in mail.replace(b"\r\n", b"")


def test_a_row_names_its_dealer_itself(hilltop: Comma, sample_template: str, tmp_path: Path) -> None:
    assert hilltop("tenants", "add", tenant_file(tmp_path, sample_template, "aspen")).code == 0
    rows = [{**ROW, "tenant": "aspen"}, {**ROW, "tenant": "hilltop"}]
    assert hilltop("queue", "push", _file(tmp_path, rows), *NOW).code == 0
    assert [row["tenant"] for row in hilltop("messages", "list", *NOW).rows] == ["aspen", "hilltop"]
    err = hilltop("queue", "push", _file(tmp_path, ROW), *NOW).assert_problem("CA-203", Exit.USAGE)
    assert "--tenant" in err


@pytest.mark.parametrize("text", ["{", "7", '"rows"', "\x00"])
def test_a_file_without_rows_is_refused(text: str, hilltop: Comma, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(text)
    hilltop("queue", "push", tmp_path / "bad.json", *NOW).assert_problem("CA-204", Exit.USAGE)


def test_an_empty_list_is_no_error(hilltop: Comma, tmp_path: Path) -> None:
    ran = hilltop("queue", "push", _file(tmp_path, []), "--tenant", "hilltop", *NOW)
    assert (ran.code, ran.document) == (0, [])
