"""`doctor`, `config`, `migrate`: the cause of what is wrong, by name, and the command that mends it."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from communication_agent.errors import Exit
from support.command import MONDAY, Comma, program, tenant_file
from support.ordinary_server import free_port

NOW = ("--json", "--now", MONDAY)


def _findings(comma: Comma, *words: str) -> list[dict[str, object]]:
    found = comma("doctor", *words, *NOW).fields["findings"]
    assert isinstance(found, list)
    return found  # pyright: ignore[reportUnknownVariableType] - JSON


def _red(comma: Comma) -> str:
    ran = comma("doctor", *NOW)
    assert (ran.code, ran.fields["ok"]) == (Exit.CONFIGURATION, False)
    return "\n".join(f"{f['subject']}: {f['what']} → {f['do']}" for f in _findings(comma) if f["level"] == "error")


def test_all_is_well_on_a_healthy_installation(hilltop: Comma) -> None:
    ran = hilltop("doctor", *NOW)
    assert (ran.code, ran.fields["ok"]) == (0, True)
    subjects = {f["subject"] for f in _findings(hilltop) if f["level"] == "ok"}
    assert {
        "home",
        "central database",
        "migrations",
        "app role",
        "providers",
        "workers",
        "comm_customers",
        "annual_tuneup",
    } <= subjects


def test_a_newcomer_is_told_to_add_a_dealer(comma: Comma) -> None:
    assert [f["do"] for f in _findings(comma) if f["subject"] == "tenants"] == ["communication-agent tenants add FILE"]


Fault = Callable[[Comma, psycopg.Connection, Path], object]


def _gone(comma: Comma, _conn: psycopg.Connection, folder: Path) -> object:
    return comma(
        "tenants", "add", tenant_file(folder, "host=127.0.0.1", "gone", port=free_port(), dbname="d", user="u"), "--no-check"
    )


def _no_provider(comma: Comma, _conn: psycopg.Connection, _folder: Path) -> object:
    # The rest of live is there; what it names is not on the shelf.
    comma("tenants", "set", "hilltop", "email.provider", "sendgrid")
    return comma("tenants", "set", "hilltop", "sending", "live")


def _refused_key(_comma: Comma, conn: psycopg.Connection, _folder: Path) -> object:
    return conn.execute(
        "INSERT INTO controls VALUES ('hilltop', 'channel:email', 'credentials_refused', 'worker', '2026-11-23T12:00Z')"
    )


def _failed_scan(_comma: Comma, conn: psycopg.Connection, _folder: Path) -> object:
    return conn.execute(
        "INSERT INTO schedule_runs (tenant_id, task, slot, state, scanned_until, attempts, retry_at, error, started_at)"
        " VALUES ('hilltop', 'annual_tuneup', '2026-11-23', 'failed', '2026-11-23', 2, '2026-11-23T16:00Z', 'CA-801', '2026-11-23T11:00Z')"
    )


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (_gone, ("cannot be reached", "communication-agent tenants check gone")),
        (_no_provider, ("sendgrid", "communication-agent tenants set hilltop")),
        (_refused_key, ("credentials_refused", "communication-agent tenants set hilltop")),
        (_failed_scan, ("The scan of annual_tuneup for 2026-11-23 failed 2 times", "communication-agent tenants check hilltop")),
    ],
)
def test_what_is_red_is_named_with_the_command_that_mends_it(
    fault: Fault, told: tuple[str, ...], hilltop: Comma, central_rows: psycopg.Connection, tmp_path: Path
) -> None:
    fault(hilltop, central_rows, tmp_path)
    found = hilltop("doctor", "--json")  # at the real time: a dealer that is live refuses a pretended one
    assert found.code == Exit.CONFIGURATION
    for words in told:
        assert words in found.out


def test_what_is_paused_or_waits_for_a_person_is_a_warning(hilltop: Comma, central_rows: psycopg.Connection) -> None:
    hilltop("pause", "--reason", "wrong prices", *NOW)
    hilltop("run", "--once", "--now", "2026-11-23T07:00:00-05:00")
    central_rows.execute("UPDATE communication_jobs SET state = 'held', reason = 'outcome_unknown' WHERE customer_id = '991'")
    warnings = {str(f["subject"]): str(f["what"]) for f in _findings(hilltop) if f["level"] == "warning"}
    assert "wrong prices" in warnings["pause"]
    assert "1 messages are held" in warnings["messages"]
    assert "None is running" in warnings["workers"]


def test_the_wrong_key_is_red(hilltop: Comma, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMUNICATION_AGENT_KEY", bytes(range(32, 64)).hex())
    assert "cannot be decrypted" in _red(hilltop)


def test_a_weak_key_is_red(comma: Comma, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMUNICATION_AGENT_KEY", "changeme")
    assert "openssl rand" in _red(comma)


def test_a_database_that_is_away_is_red_and_the_rest_is_still_told(tmp_path: Path) -> None:
    ran = program(
        tmp_path / "home",
        "doctor",
        "--json",
        central_url=f"host=127.0.0.1 port={free_port()} dbname=x user=y",
        COMMUNICATION_AGENT_HOEM="x",
    )
    assert ran.code == Exit.CONFIGURATION
    assert "cannot be reached" in ran.out
    assert "COMMUNICATION_AGENT_HOEM is set, and nobody reads it" in ran.out


def test_a_home_that_others_may_look_into_is_a_warning(comma: Comma, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o755)
    (tmp_path / "home").chmod(0o755)
    assert [f["do"] for f in _findings(comma) if f["subject"] == "home"] == [f"chmod 700 {tmp_path / 'home'}"]


def test_a_pretended_clock_is_told(hilltop: Comma) -> None:
    assert [f["level"] for f in _findings(hilltop) if f["subject"] == "clock"] == ["warning"]


def test_an_unknown_dealer_is_no_finding_but_an_error(comma: Comma) -> None:
    comma("doctor", "--tenant", "nobody").assert_problem("CA-501", Exit.NOT_FOUND)


def test_config_shows_value_origin_and_meaning_of_every_setting(
    comma: Comma, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MAX_RETRIES", "7")
    monkeypatch.setenv("GHOST_CUSTOMER_MONTHS", "18")
    (tmp_path / ".env").write_text("LEASE_SECONDS=90\n")
    found = {str(row["name"]): row for row in comma("config", *NOW).rows}
    assert (found["MAX_RETRIES"]["value"], found["MAX_RETRIES"]["origin"], found["MAX_RETRIES"]["default"]) == (
        "7",
        "environment",
        "3",
    )
    assert (found["LEASE_SECONDS"]["value"], found["LEASE_SECONDS"]["origin"]) == ("90", ".env")
    assert (found["GHOST_CUSTOMER_MONTHS"]["value"], found["GHOST_CUSTOMER_MONTHS"]["origin"]) == ("18", "environment")
    assert found["FIRST_SERVICE_HOURS_THRESHOLD"]["origin"] == "default"
    assert found["COMMUNICATION_AGENT_NOW"]["origin"] == "command line"
    assert found["COMMUNICATION_AGENT_KEY"]["value"] == "(set)"
    assert all(row["meaning"] for row in found.values())


def test_migrations_are_shown_and_applied_at_a_moment_of_ones_own(
    comma: Comma, fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CENTRAL_DB_URL", fresh_database)
    assert comma("migrate", "status", *NOW).fields["applied"] == []
    waiting = comma("migrate", "check", *NOW)
    assert waiting.code == Exit.CONFIGURATION
    assert "communication-agent migrate up" in waiting.err
    done = comma("migrate", "up", *NOW).fields
    assert done["applied"] == done["applied_now"]
    assert comma("migrate", "check", *NOW).code == 0
