"""`messages`: every message with one outcome, and what a person may do with one that waits, audited."""

import psycopg
import pytest

from communication_agent.errors import Exit
from support.command import MONDAY, Comma

NOW = ("--json", "--now", MONDAY)
EARLY = ("--json", "--now", "2026-11-23T07:00:00-05:00")  # scanned, and not yet time to send


def _planned(comma: Comma) -> str:
    """The id of a message that waits for its time."""
    assert comma("run", "--once", *EARLY).code == 0
    return str(next(row["id"] for row in comma("messages", "list", *EARLY).rows if row["customer_id"] == "991"))


def _held(comma: Comma, conn: psycopg.Connection) -> str:
    """The id of a message that may have arrived: its worker died after it was frozen, and no proof is to be had."""
    id_ = _planned(comma)
    conn.execute(
        "UPDATE communication_jobs SET state = 'held', reason = 'outcome_unknown', unknown_since = '2026-11-23T14:00Z' WHERE id = %s",
        (id_,),
    )
    conn.execute(
        "INSERT INTO messages (tenant_id, id, created_at, channel, recipient, provider, payload, payload_hash, facts, frozen_at)"
        " SELECT tenant_id, id, created_at, 'email', 'karen.smith@mailbox.example', 'smtp', %s, 'x', '{}', created_at"
        " FROM communication_jobs WHERE id = %s",
        (PAYLOAD, id_),
    )
    return id_


PAYLOAD = """{"id": "0199c0de-0000-7000-8000-000000000001", "tenant_id": "hilltop", "channel": "email", "sender": "a@b.example",
 "to": "karen.smith@mailbox.example", "date": "2026-11-23T14:00:00+00:00", "subject": "Hello", "html": "", "text": "Hello", "reply_to": null,
 "headers": [], "message_id": "<x@b.example>", "attachments": []}"""


def _message(comma: Comma, id_: str) -> dict[str, object]:
    return comma("messages", "show", id_, *NOW).fields


def _changes(comma: Comma, id_: str) -> list[str]:
    changes = _message(comma, id_)["changes"]
    assert isinstance(changes, list)
    return [str(change["action"]) for change in changes]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - JSON


def test_every_message_is_listed_with_exactly_one_outcome(hilltop: Comma) -> None:
    hilltop("run", "--once", *NOW)
    rows = hilltop("messages", "list", *NOW).rows
    assert {row["outcome"] for row in rows} >= {"sent", "skipped"}
    for row in rows:
        assert (row["outcome"] == "sent") == (row["sent_at"] is not None)
        assert row["outcome"] == "sent" or row["reason"]
    assert [row["outcome"] for row in hilltop("messages", "list", "--outcome", "skipped", *NOW).rows] == [
        row["outcome"] for row in rows if row["outcome"] == "skipped"
    ]


def test_the_list_can_be_narrowed_to_a_customer_and_a_type(hilltop: Comma) -> None:
    _planned(hilltop)
    found = hilltop("messages", "list", "--customer", "991", "--type", "annual_tuneup", *NOW).rows
    assert [(row["customer_id"], row["communication"]) for row in found] == [("991", "annual_tuneup")]
    assert hilltop("messages", "list", "--customer", "991", "--type", "seven_day_checkin", *NOW).rows == []


def test_a_message_that_waits_can_be_cancelled_and_never_leaves(hilltop: Comma) -> None:
    id_ = _planned(hilltop)
    found = hilltop("messages", "cancel", id_, *EARLY).fields
    assert (found["outcome"], found["reason"]) == ("cancelled", "cancelled_by_a_person")
    assert _changes(hilltop, id_) == ["message_cancelled"]
    hilltop("run", "--once", *NOW)
    assert _message(hilltop, id_)["outcome"] == "cancelled"


def test_a_message_that_was_sent_cannot_be_cancelled_retried_or_settled(hilltop: Comma) -> None:
    id_ = _planned(hilltop)
    hilltop("run", "--once", *NOW)
    for words in (("cancel", id_), ("retry", id_), ("settle", id_, "failed")):
        hilltop("messages", *words, *NOW).assert_problem("CA-602", Exit.REFUSED)
    assert _message(hilltop, id_)["outcome"] == "sent"
    assert _changes(hilltop, id_) == []


def test_only_what_is_held_can_be_tried_again(hilltop: Comma, central_rows: psycopg.Connection) -> None:
    id_ = _planned(hilltop)
    hilltop("messages", "retry", id_, *EARLY).assert_problem("CA-602", Exit.REFUSED)
    hilltop("messages", "settle", id_, "sent", *EARLY).assert_problem("CA-602", Exit.REFUSED)
    central_rows.execute(
        "UPDATE communication_jobs SET state = 'held', reason = 'killed_its_worker_three_times' WHERE id = %s", (id_,)
    )
    assert _message(hilltop, id_)["reason"] == "held"
    assert hilltop("messages", "retry", id_, *NOW).fields["outcome"] == "waiting"
    hilltop("run", "--once", *NOW)
    assert _message(hilltop, id_)["outcome"] == "sent"
    assert _changes(hilltop, id_) == ["message_retried"]


@pytest.mark.parametrize("became", ["sent", "failed"])
def test_a_person_settles_what_nobody_knows(became: str, hilltop: Comma, central_rows: psycopg.Connection) -> None:
    id_ = _held(hilltop, central_rows)
    hilltop("messages", "cancel", id_, *NOW).assert_problem("CA-602", Exit.REFUSED)
    found = hilltop("messages", "settle", id_, became, *NOW).fields
    assert found["outcome"] == became
    assert _changes(hilltop, id_) == [f"message_settled_as_{became}"]
    timeline = found["timeline"]
    assert isinstance(timeline, list)
    assert str(timeline[-1]["actor"]).startswith("cli")


def test_what_was_never_written_cannot_have_been_sent(hilltop: Comma, central_rows: psycopg.Connection) -> None:
    id_ = _planned(hilltop)
    central_rows.execute(
        "UPDATE communication_jobs SET state = 'held', reason = 'killed_its_worker_three_times' WHERE id = %s", (id_,)
    )
    hilltop("messages", "settle", id_, "sent", *NOW).assert_problem("CA-602", Exit.REFUSED)
    assert hilltop("messages", "settle", id_, "failed", *NOW).fields["outcome"] == "failed"


def test_a_message_that_may_have_arrived_is_not_cancelled(hilltop: Comma, central_rows: psycopg.Connection) -> None:
    id_ = _planned(hilltop)
    central_rows.execute("UPDATE communication_jobs SET unknown_since = '2026-11-23T12:00Z' WHERE id = %s", (id_,))
    assert "may have arrived" in hilltop("messages", "cancel", id_, *EARLY).assert_problem("CA-602", Exit.REFUSED)


def test_the_evidence_of_a_held_message_is_shown(hilltop: Comma, central_rows: psycopg.Connection) -> None:
    id_ = _held(hilltop, central_rows)
    evidence = _message(hilltop, id_)["evidence"]
    assert isinstance(evidence, dict)
    assert (evidence["state"], evidence["unknown_since"]) == ("held", "2026-11-23T14:00:00+00:00")
    assert "may have arrived" in hilltop("messages", "show", id_, "--now", MONDAY).out
