"""`demo`: the whole system in seconds, its numbers true, and nothing of anybody else's touched."""

import email
import email.policy
import json
import signal
from datetime import date
from itertools import takewhile
from pathlib import Path

import pytest

from communication_agent.demo import MARKER, monday_from
from communication_agent.demo_receipt import pdf
from communication_agent.errors import Exit
from support.command import Comma, Ran, fetched, program, started

KEYS = ["tenants", "customers", "messages", "seconds_to_first_message", "outbox", "url"]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, Path]:
    """A demo that was played once, and its home."""
    home = tmp_path_factory.mktemp("demo") / "home"
    return program(
        home, "demo", "--once", "--json", "--date", "2026-11-23", CENTRAL_DB_URL="host=127.0.0.1 port=1", MAX_RETRIES="0"
    ), home / "demo"


def _messages(home: Path) -> list[dict[str, object]]:
    ran = program(home, "messages", "list", "--json")
    assert ran.code == 0, ran
    return ran.rows


def test_the_document_is_the_contracts_and_its_numbers_are_good(played: tuple[Ran, Path]) -> None:
    ran, home = played
    assert ran.code == 0, ran
    found = ran.fields
    assert [*found] == KEYS
    assert found["tenants"] == ["green-valley", "prairie-ridge"]
    assert found["customers"] == 2260
    messages = found["messages"]
    assert isinstance(messages, dict)
    assert [*messages] == ["sent", "waiting", "skipped", "failed", "cancelled"]
    assert messages["sent"] >= 20
    assert messages["failed"] == 0
    assert found["outbox"] == str(home / "outbox")
    assert isinstance(found["seconds_to_first_message"], float)


def test_the_numbers_are_those_of_the_messages_themselves(played: tuple[Ran, Path]) -> None:
    ran, home = played
    messages = [row for row in _messages(home) if str(row["created_at"]) >= "2026-11-23T05:00"]
    refused = [row for row in messages if row["outcome"] == "failed"]
    assert [row["reason"] for row in refused] == ["refused_by_outbox"], "the one text that became an email"
    told = ran.fields["messages"]
    assert isinstance(told, dict)
    for outcome in ("sent", "waiting", "skipped"):
        assert sum(row["outcome"] == outcome for row in messages) == told[outcome]
    for row in _messages(home):
        assert row["outcome"] == "sent" or row["reason"], "everybody else can see why"
        if row["outcome"] == "sent":
            ending = "eml" if row["channel"] == "email" else "sms.json"
            assert (home / "outbox" / str(row["tenant"]) / f"{row['id']}.{ending}").is_file()


def test_the_story_is_true(played: tuple[Ran, Path]) -> None:
    _, home = played
    messages = _messages(home)
    karen = [row for row in messages if row["customer_id"] == "991" and row["tenant"] == "green-valley"]
    assert [(row["communication"], row["outcome"]) for row in karen] == [("annual_tuneup", "sent")]
    mail = email.message_from_bytes((home / f"outbox/green-valley/{karen[0]['id']}.eml").read_bytes(), policy=email.policy.default)
    assert mail["subject"] == "Time for your Meadowlark ZT-48 tune-up"
    marcus = [
        (row["channel"], row["outcome"]) for row in messages if row["customer_id"] == "992" and row["tenant"] == "green-valley"
    ]
    assert marcus == [("sms", "failed"), ("email", "sent")]
    receipts = [row for row in messages if row["communication"] == "purchase_receipt" and row["outcome"] == "sent"]
    assert receipts
    receipt = (home / f"outbox/green-valley/{receipts[0]['id']}.eml").read_bytes()
    attached = [*email.message_from_bytes(receipt, policy=email.policy.default).iter_attachments()]
    assert attached[0].get_content_type() == "application/pdf"
    rows = program(home, "queue", "list", "--tenant", "green-valley", "--json").rows
    assert [row["error"] for row in rows if row["status"] == "invalid"] == ["facts: receipt_number missing"]


def test_two_weeks_have_really_happened(played: tuple[Ran, Path]) -> None:
    _, home = played
    days = {str(row["sent_at"])[:10] for row in _messages(home) if row["sent_at"]}
    assert {f"2026-11-{day:02}" for day in range(9, 24)} == days


def test_a_directory_that_holds_anything_else_is_left_alone(comma: Comma, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.txt").write_text("keep me")
    comma("demo", "--once", "--keep", mine).assert_problem("CA-602", Exit.REFUSED)
    assert [path.name for path in mine.iterdir()] == ["letter.txt"]


def test_a_directory_that_cannot_be_used_is_told(comma: Comma, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    comma("demo", "--once", "--keep", tmp_path / "file").assert_problem("CA-504", Exit.NOT_FOUND)


def test_the_demo_plays_on_a_monday_within_the_week() -> None:
    assert [monday_from(date(2026, 11, day)).isoformat() for day in (23, 24, 29)] == ["2026-11-23", "2026-11-30", "2026-11-30"]


def test_a_receipt_is_a_pdf_whose_table_points_at_its_objects() -> None:
    page = pdf("Hilltop (Mowers) \\ Co.", ["Total $31.50", "Grüße ✓"])
    start = int(page.rsplit(b"startxref\n", 1)[1].split(b"\n", 1)[0])
    table = page[start:].split(b"trailer", 1)[0].splitlines()
    places = [int(line.split()[0]) for line in table[3:]]
    assert table[0] == b"xref"
    assert [page[place:].split(b" ", 1)[0] for place in places] == [b"1", b"2", b"3", b"4", b"5"]
    assert b"(Hilltop \\(Mowers\\) \\\\ Co.)" in page


@pytest.mark.long
def test_the_console_is_served_until_ctrl_c_and_then_everything_ends(tmp_path: Path) -> None:
    process = started(tmp_path / "home", "demo", "--json", "--no-browser", HEALTH_PORT="8460", PYTHONUNBUFFERED="1")
    assert process.stdout is not None
    lines = [*takewhile(lambda line: line != "}\n", process.stdout)]
    found = json.loads("".join([*lines, "}"]))
    assert [*found] == KEYS
    assert "Green Valley" in fetched(found["url"], "/")
    second = program(tmp_path / "home", "demo", "--once")
    second.assert_problem("CA-602", Exit.REFUSED)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=40)
    assert process.returncode == Exit.INTERRUPTED
    assert not (tmp_path / "home/demo/pg/postmaster.pid").exists()
    assert (tmp_path / "home/demo" / MARKER).is_file()
