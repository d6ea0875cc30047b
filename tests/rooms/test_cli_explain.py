"""`explain` and `preview`: by id or by name, with what was seen, and the very words."""

from pathlib import Path

import pytest

from communication_agent.errors import Exit
from support.command import MONDAY, Comma, tenant_file

ON_MONDAY = ("--json", "--now", MONDAY)


def test_a_customer_is_found_by_id_and_by_name(hilltop: Comma) -> None:
    by_id = hilltop("explain", "991", "annual_tuneup", *ON_MONDAY).fields
    by_name = hilltop("explain", "karen smith", "annual_tuneup", *ON_MONDAY).fields
    assert by_id == by_name
    assert (by_id["due"], by_id["verdict"], by_id["equipment_id"]) == (True, "send", "99101")


def test_without_a_type_every_scanned_type_is_explained(hilltop: Comma) -> None:
    rows = hilltop("explain", "991", *ON_MONDAY).rows
    assert {row["communication"] for row in rows} >= {"annual_tuneup", "first_service_alert", "seven_day_checkin"}


def test_several_customers_of_one_name_are_listed_and_none_is_guessed(hilltop: Comma) -> None:
    err = hilltop("explain", "smith", "annual_tuneup", *ON_MONDAY).assert_problem("CA-502", Exit.NOT_FOUND)
    assert "991  Karen Smith" in err


def test_the_dealer_is_asked_for_when_several_have_the_customer(hilltop: Comma, sample_template: str, tmp_path: Path) -> None:
    assert hilltop("tenants", "add", tenant_file(tmp_path, sample_template, "aspen")).code == 0
    assert "aspen" in hilltop("explain", "991", "annual_tuneup", *ON_MONDAY).assert_problem("CA-203", Exit.USAGE)
    assert hilltop("explain", "991", "annual_tuneup", "--tenant", "aspen", *ON_MONDAY).fields["tenant"] == "aspen"


def test_what_is_missing_is_named_with_its_value(hilltop: Comma) -> None:
    found = hilltop("explain", "994", "annual_tuneup", *ON_MONDAY).fields
    assert (found["due"], found["verdict"], found["reason"]) == (False, None, "still_owned")
    page = hilltop("explain", "994", "annual_tuneup", "--now", MONDAY).out
    assert "✗ the machine is still theirs" in page


def test_explain_and_scan_say_the_same_of_everybody_who_is_due(hilltop: Comma) -> None:
    for row in hilltop("scan", "annual_tuneup", "--date", "2026-11-23", *ON_MONDAY).rows:
        found = hilltop("explain", row["customer_id"], "annual_tuneup", *ON_MONDAY).fields
        assert {key: found[key] for key in ("due_on", "verdict", "reason", "send_at")} == {
            key: row[key] for key in ("due_on", "verdict", "reason", "send_at")
        }


def test_a_message_is_explained_with_its_timeline(hilltop: Comma) -> None:
    hilltop("run", "--once", "--now", MONDAY)
    sent = next(row for row in hilltop("messages", "list", "--outcome", "sent", *ON_MONDAY).rows if row["customer_id"] == "991")
    found = hilltop("explain", "message", sent["id"], *ON_MONDAY).fields
    assert isinstance(found["timeline"], list)
    assert [step["what"] for step in found["timeline"]] == ["asked_for", "claimed", "dispatching", "sent"]  # pyright: ignore[reportUnknownVariableType] - JSON
    assert isinstance(found["facts"], dict)
    assert found["facts"]["equipment_model"] == "Meadowlark ZT-48"
    assert "Time for your Meadowlark ZT-48 tune-up" in hilltop("explain", "message", sent["id"], "--now", MONDAY).out


def test_a_preview_has_the_words_of_the_message_that_is_sent(hilltop: Comma) -> None:
    seen = hilltop("preview", "annual_tuneup", "--customer", "Karen Smith", *ON_MONDAY).fields
    assert (seen["channel"], seen["to"]) == ("email", "karen.smith@mailbox.example")
    hilltop("run", "--once", "--now", MONDAY)
    sent = next(row for row in hilltop("messages", "list", *ON_MONDAY).rows if row["customer_id"] == "991")
    payload = hilltop("messages", "show", sent["id"], *ON_MONDAY).fields["payload"]
    assert isinstance(payload, dict)
    assert (payload["subject"], payload["text"]) == (seen["subject"], seen["text"])


@pytest.mark.parametrize(("flag", "begins"), [("--html", "<!doctype html>"), ("--text", "Hi Karen")])
def test_a_preview_prints_the_bare_part_for_other_programs(flag: str, begins: str, hilltop: Comma) -> None:
    assert hilltop("preview", "annual_tuneup", "--customer", "991", flag, "--now", MONDAY).out.lower().startswith(begins.lower())


def test_a_preview_works_for_who_is_not_due_and_as_a_text(hilltop: Comma) -> None:
    seen = hilltop("preview", "annual_tuneup", "--customer", "992", "--sms", *ON_MONDAY).fields
    assert str(seen["sms"]).startswith("Hilltop: Hi Marcus, your ")
    assert (seen["channel"], seen["html"]) == ("sms", "")


def test_examples_stand_in_for_what_another_system_gives_and_are_named(hilltop: Comma) -> None:
    ran = hilltop("preview", "purchase_receipt", "--customer", "991", "--fact", "receipt_number=R-1", *ON_MONDAY)
    assert ran.fields["subject"] == "Your receipt R-1"
    assert ran.fields["made_up"] == ["purchase_total"]
    assert "purchase_total" in ran.err


def test_names_cannot_command_a_terminal(hilltop: Comma, sample_template: str) -> None:
    ran = hilltop("explain", "\x1b]0;gotcha\x07\x1b[2J", "annual_tuneup")
    err = ran.assert_problem("CA-502", Exit.NOT_FOUND)
    assert "\x1b" not in err
