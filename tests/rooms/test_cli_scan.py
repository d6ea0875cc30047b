"""`scan`: sorted, dry, and with --enqueue each message once; one dealer's trouble hides nobody else's customers."""

from pathlib import Path

import psycopg

from communication_agent.errors import Exit
from support.command import MONDAY, Comma, tenant_file

TUESDAY = ("--date", "2026-11-24", "--now", MONDAY, "--json")
COUNTS = "SELECT (SELECT count(*) FROM communication_jobs), (SELECT count(*) FROM occasions), (SELECT count(*) FROM schedule_runs)"


def _counts(conn: psycopg.Connection) -> tuple[int, ...]:
    row = conn.execute(COUNTS).fetchone()
    assert row is not None
    return row


def test_the_list_is_sorted_by_date_tenant_type_and_customer(hilltop: Comma, sample_template: str, tmp_path: Path) -> None:
    assert hilltop("tenants", "add", tenant_file(tmp_path, sample_template, "aspen")).code == 0
    rows = hilltop("scan", "all", *TUESDAY, "--days", 3).rows
    order = [(row["date"], row["tenant"], row["communication"], row["customer_id"]) for row in rows]
    assert order == sorted(order)
    assert {row["date"] for row in rows} == {"2026-11-24", "2026-11-25", "2026-11-26"}
    assert {row["tenant"] for row in rows} == {"aspen", "hilltop"}


def test_all_takes_the_types_whose_turn_it_is_and_a_named_one_any_day(hilltop: Comma) -> None:
    tuesday = {row["communication"] for row in hilltop("scan", "all", *TUESDAY).rows}
    assert "annual_tuneup" in tuesday
    assert "first_service_alert" not in tuesday, "its turn is Monday"
    assert {row["communication"] for row in hilltop("scan", "first_service_alert", *TUESDAY).rows} == {"first_service_alert"}


def test_a_dry_scan_changes_nothing(hilltop: Comma, central_rows: psycopg.Connection) -> None:
    before = _counts(central_rows)
    assert hilltop("scan", "all", *TUESDAY).rows
    assert _counts(central_rows) == before


def test_enqueue_asks_for_each_message_once_and_moves_no_watermark(hilltop: Comma, central_rows: psycopg.Connection) -> None:
    first = hilltop("scan", "annual_tuneup", *TUESDAY, "--enqueue").rows
    jobs, occasions, runs = _counts(central_rows)
    assert jobs == len(first) > 0
    assert occasions == sum(str(row["occasions"]).count("annual_tuneup:") for row in first)
    assert runs == 0
    again = hilltop("scan", "annual_tuneup", *TUESDAY, "--enqueue").rows
    assert {row["reason"] for row in again} == {"already_asked"}
    assert _counts(central_rows) == (jobs, occasions, runs)


def test_every_row_has_a_verdict_and_whoever_gets_nothing_a_reason(hilltop: Comma) -> None:
    rows = hilltop("scan", "first_service_alert", *TUESDAY).rows
    verdicts = {row["verdict"] for row in rows}
    assert verdicts == {"send", "skip"}
    for row in rows:
        assert (row["verdict"] == "send") == (row["reason"] is None)
        assert (row["verdict"] == "send") == (row["send_at"] is not None)


def test_a_type_that_is_switched_off_finds_nobody_and_says_so(hilltop: Comma, sample_template: str, tmp_path: Path) -> None:
    file = tenant_file(tmp_path, sample_template)
    file.write_text(file.read_text() + "[types]\nannual_tuneup = false\n")
    assert hilltop("tenants", "add", file).code == 0
    ran = hilltop("scan", "annual_tuneup", *TUESDAY, "--enqueue")
    assert (ran.code, ran.document) == (0, [])
    assert "switched off" in ran.err
    assert "annual_tuneup" not in {row["communication"] for row in hilltop("scan", "all", *TUESDAY).rows}


def test_a_dealer_whose_database_is_down_does_not_hide_the_others(hilltop: Comma, sample_template: str, tmp_path: Path) -> None:
    gone = tenant_file(tmp_path, sample_template, "gone", host="127.0.0.1", port=1)
    assert hilltop("tenants", "add", gone, "--no-check").code == 0
    ran = hilltop("scan", "annual_tuneup", *TUESDAY)
    assert ran.code == Exit.PARTLY_FAILED
    assert {row["tenant"] for row in ran.rows} == {"hilltop"}
    assert 'CA-801: The database of tenant "gone"' in ran.err
    alone = hilltop("scan", "annual_tuneup", "--tenant", "gone", *TUESDAY)
    assert (alone.code, alone.document) == (Exit.UNREACHABLE, [])


def test_the_date_defaults_to_today_in_the_dealers_zone(hilltop: Comma) -> None:
    late = hilltop("scan", "annual_tuneup", "--json", "--now", "2026-11-24T03:00:00Z").rows
    assert {row["date"] for row in late} == {"2026-11-23"}, "it is still Monday evening in New York"


def test_without_any_dealer_nobody_is_due(comma: Comma) -> None:
    ran = comma("scan", "--json")
    assert (ran.code, ran.document) == (0, [])
    assert "tenants add" in ran.err


def test_people_read_names_and_reasons(hilltop: Comma) -> None:
    page = hilltop("scan", "annual_tuneup", "--date", "2026-11-23", "--now", MONDAY).out
    assert "Karen Smith" in page
    assert "at Nov 23, 9:00 am" in page
    assert "has told us to stop" in page, "the sentence behind `suppressed`"
