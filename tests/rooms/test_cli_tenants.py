"""`tenants`: saved only when they can be used, shown without secrets, mended with one command."""

from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from communication_agent.errors import Exit
from support.command import MONDAY, Comma, program, tenant_file
from support.ordinary_server import OrdinaryServer, free_port

TEXT_FOR_BOOLEAN = """DROP VIEW comm.comm_emails; CREATE VIEW comm.comm_emails AS SELECT cust_no AS customer_id, mail AS address,
    'yes'::text AS is_primary, NULL::text AS status FROM public.contact_mail; GRANT SELECT ON comm.comm_emails TO comm_reader"""
NOW = ("--json", "--now", MONDAY)


def _foreign(folder: Path, server: OrdinaryServer, password: str = "reads-only") -> Path:
    database: dict[str, object] = {"port": server.port, "dbname": "dealer", "user": "comm_reader", "password": password}
    return tenant_file(folder, "host=127.0.0.1", "foreign", "", **database)


def test_a_dealers_own_server_is_added_checked_and_scanned(comma: Comma, foreign_dealer: OrdinaryServer, tmp_path: Path) -> None:
    added = comma("tenants", "add", _foreign(tmp_path, foreign_dealer), *NOW)
    assert (added.code, added.fields["status"]) == (0, "added")
    assert comma("tenants", "add", _foreign(tmp_path, foreign_dealer), *NOW).fields["status"] == "updated"
    checked = comma("tenants", "check", "foreign", "--date", "2026-06-15", *NOW)
    assert checked.code == 0, checked
    reach = {r["communication"]: (r["due"], r["send"]) for r in checked.rows[0]["reach"]}  # pyright: ignore - JSON
    assert {name: due for name, (due, _) in reach.items()} == {
        "seven_day_checkin": 59,
        "annual_tuneup": 58,
        "first_service_alert": 28,
    }
    assert all(0 < send < due for due, send in reach.values())
    assert len(comma("scan", "annual_tuneup", "--date", "2026-06-15", *NOW).rows) == 58


def test_a_wrong_password_is_told_before_anything_is_saved(comma: Comma, foreign_dealer: OrdinaryServer, tmp_path: Path) -> None:
    wrong = _foreign(tmp_path, foreign_dealer, password="guessed")
    err = comma("tenants", "add", wrong, *NOW).assert_problem("CA-401", Exit.CREDENTIALS)
    assert "guessed" not in err
    assert comma("tenants", "list", *NOW).document == []


def test_a_server_that_is_not_there_is_told_before_anything_is_saved(comma: Comma, tmp_path: Path) -> None:
    nowhere = tenant_file(tmp_path, "host=x", "nowhere", host="127.0.0.1", port=free_port(), dbname="d", user="u")
    comma("tenants", "add", nowhere, *NOW).assert_problem("CA-801", Exit.UNREACHABLE)
    assert comma("tenants", "list", *NOW).document == []
    assert comma("tenants", "add", nowhere, "--no-check", *NOW).code == 0
    assert comma("tenants", "check", "nowhere", *NOW).code == Exit.UNREACHABLE


def test_a_missing_column_is_named_with_its_view(comma: Comma, foreign_dealer: OrdinaryServer, tmp_path: Path) -> None:
    _administer(foreign_dealer, "DROP VIEW comm.comm_phones; CREATE VIEW comm.comm_phones AS SELECT cust_no AS customer_id, dial AS number,"
                " rank = 1 AS is_primary FROM public.contact_phone; GRANT SELECT ON comm.comm_phones TO comm_reader")  # fmt: skip
    err = comma("tenants", "add", _foreign(tmp_path, foreign_dealer), *NOW).assert_problem("CA-303", Exit.CONFIGURATION)
    assert "comm.comm_phones has no column status" in err
    assert comma("tenants", "list", *NOW).document == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("DROP VIEW comm.comm_work_orders", "comm.comm_work_orders does not exist"),
        ("REVOKE SELECT ON comm.comm_emails FROM comm_reader", "may not read comm.comm_emails"),
        ("REVOKE USAGE ON SCHEMA comm FROM comm_reader", "may not read comm.comm_customers"),
        (TEXT_FOR_BOOLEAN, "comm.comm_emails.is_primary is text and should be boolean"),
    ],
)
def test_a_view_that_does_not_keep_the_contract_is_told(
    change: str, told: str, comma: Comma, foreign_dealer: OrdinaryServer, tmp_path: Path
) -> None:
    _administer(foreign_dealer, change)
    file = _foreign(tmp_path, foreign_dealer)
    assert told in comma("tenants", "add", file, *NOW).assert_problem("CA-303", Exit.CONFIGURATION)
    assert comma("tenants", "add", file, "--no-check", *NOW).code == 0
    checked = comma("tenants", "check", "foreign", *NOW)
    assert checked.code == Exit.CONFIGURATION
    assert told in checked.out


def test_a_time_without_zone_is_a_warning(comma: Comma, foreign_dealer: OrdinaryServer, tmp_path: Path) -> None:
    _administer(foreign_dealer, "CREATE VIEW comm.comm_hour_readings AS SELECT unit_id AS equipment_id, meter_on AS read_at, meter AS hours"
                " FROM public.unit; GRANT SELECT ON comm.comm_hour_readings TO comm_reader")  # fmt: skip
    added = comma("tenants", "add", _foreign(tmp_path, foreign_dealer), *NOW)
    assert added.code == 0
    assert "civil days may be off by one" in added.err


def test_a_scan_that_reads_a_large_table_from_end_to_end_is_a_warning(comma: Comma, dealer_dsn: str, tmp_path: Path) -> None:
    with psycopg.connect(dealer_dsn, autocommit=True) as conn:
        conn.execute("INSERT INTO customers (id) SELECT generate_series(1, 10)")
        conn.execute(
            "INSERT INTO equipment (id, customer_id, purchase_date) SELECT n, 1 + n % 10, '2020-01-01'::date + n % 2000 FROM generate_series(1, 101000) n"
        )
        conn.execute("DROP INDEX equipment_purchase, equipment_hours_read; ANALYZE equipment")
    comma("tenants", "add", tenant_file(tmp_path, dealer_dsn), *NOW)
    page = comma("tenants", "check", "hilltop", "--no-reach", "--now", MONDAY)
    assert page.code == 0
    assert "Seven-day check-in: each scan reads equipment (101,000 rows) from end to end" in page.out


def test_an_embedded_tenant_gets_a_database_and_tells_its_address(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert program(home, "tenants", "add", tenant_file(tmp_path, None)).code == 0
    url = str(program(home, "tenants", "show", "hilltop", "--json").fields["database_url"])
    with psycopg.connect(url) as conn:
        assert conn.execute("SELECT count(*) FROM comm.comm_customers").fetchone() == (0,)
    (home / "keep").unlink()  # the hour in which the address holds is over
    assert [row["database"] for row in program(home, "tenants", "list", "--json").rows] == ["embedded"]
    assert not (home / "pg/postmaster.pid").exists(), "the last command stops the server"


def test_settings_are_shown_without_secrets(comma: Comma, dealer_dsn: str, tmp_path: Path) -> None:
    comma("tenants", "add", tenant_file(tmp_path, dealer_dsn, password="top-secret"), *NOW)
    shown = comma("tenants", "show", "hilltop", *NOW)
    assert "top-secret" not in shown.out
    assert "database_url" not in shown.fields
    assert shown.fields["name"] == "Hilltop Mowers"


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("hours", "Sat 9-1", "Sat 9-1"),
        ("brand_color", "#112233", "#112233"),
        ("approval_above", "20", 20),
        ("languages", '["en", "es"]', ["en", "es"]),
        ("email.reply_to", "luis@hilltop.example", "luis@hilltop.example"),
        ("knobs.GHOST_CUSTOMER_MONTHS", "18", 18),
        ("types.annual_tuneup", "false", False),
        ("channels.annual_tuneup", "sms", "sms"),
        ("quiet_hours.start", "20:30", "20:30:00"),
        ("offer.expires", "2027-01-31", "2027-01-31"),
        ("phone", "6145550142", "6145550142"),
    ],
)
def test_one_setting_is_changed_by_its_place_in_the_file(key: str, value: str, expected: object, hilltop: Comma) -> None:
    assert hilltop("tenants", "set", "hilltop", key, value, *NOW).code == 0
    found: object = hilltop("tenants", "show", "hilltop", *NOW).document
    for part in key.split("."):
        assert isinstance(found, dict)
        found = found[part]  # pyright: ignore[reportUnknownVariableType] - JSON
    assert found == expected


def test_a_setting_is_taken_out_again(hilltop: Comma) -> None:
    assert hilltop("tenants", "set", "hilltop", "booking_url", "--unset", *NOW).fields["booking_url"] is None


def test_a_key_that_was_refused_is_tried_again_as_soon_as_it_is_changed(
    hilltop: Comma, central_rows: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hilltop("run", "--once", "--now", "2026-11-23T07:00:00-05:00").code == 0
    central_rows.execute("UPDATE communication_jobs SET reason = 'credentials_refused', run_at = '2026-11-24T12:00Z'")
    central_rows.execute(
        "INSERT INTO controls VALUES ('hilltop', 'channel:email', 'credentials_refused', 'worker', '2026-11-23T12:00Z')"
    )
    monkeypatch.setattr("sys.stdin", _Lines("SG.a-new-key\n"))
    changed = hilltop("tenants", "set", "hilltop", "email.sendgrid_api_key", *NOW)
    assert changed.fields["resumed"] == ["channel:email"]
    assert "SG.a-new-key" not in changed.out
    assert hilltop("run", "--once", "--now", "2026-11-23T10:05:00-05:00").code == 0
    assert {row["outcome"] for row in hilltop("messages", "list", *NOW).rows} <= {"sent", "skipped"}


def test_a_dealer_that_really_sends_is_not_added_under_a_pretended_clock(comma: Comma, dealer_dsn: str, tmp_path: Path) -> None:
    file = tenant_file(tmp_path, dealer_dsn, more='sending = "live"')
    file.write_text(file.read_text().replace("[email]\n", '[email]\nsmtp_url = "smtp://mail.hilltop.example"\n'))
    comma("tenants", "add", file, *NOW).assert_problem("CA-601", Exit.REFUSED)
    assert comma("tenants", "add", file, "--json").code == 0


def test_a_tenant_file_with_a_wrong_field_names_it(comma: Comma, dealer_dsn: str, tmp_path: Path) -> None:
    file = tenant_file(tmp_path, dealer_dsn, more='time_zon = "x"')
    assert "time_zon" in comma("tenants", "add", file, *NOW).assert_problem("CA-301", Exit.CONFIGURATION)


def test_a_tenant_under_another_key_is_told(comma: Comma, hilltop: Comma, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMUNICATION_AGENT_KEY", bytes(range(32, 64)).hex())
    hilltop("tenants", "list").assert_problem("CA-306", Exit.CONFIGURATION)


class _Lines:
    """A stdin that is no terminal."""

    def __init__(self, text: str) -> None:
        self.text = text

    def isatty(self) -> bool:
        return False

    def readline(self) -> str:
        return self.text


def _administer(server: OrdinaryServer, command: str) -> None:
    with psycopg.connect(server.dsn("dealer"), autocommit=True) as conn:
        for one in command.split("; "):
            conn.execute(sql.SQL(one))  # pyright: ignore[reportArgumentType] - the tests' own words
