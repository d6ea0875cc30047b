"""A dealer's own server with other table names: added, checked, scanned, written to by SMTP, and no crash doubles anything."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from support.ordinary_server import OrdinaryServer
from support.smtp_server import count_by_message_id, smtp_process, stored_mails

COMMAND = [sys.executable, "-m", "communication_agent"]
MONDAY = "2026-06-15T10:00:00-05:00"

TENANT = """
id = "northside"
name = "Northside Power"
sms_name = "Northside"
time_zone = "America/Chicago"
phone = "(312) 555-0142"
address = "7 Lake Street, Evanston, IL 60201"
hours = "Mon-Fri 8-5"
sender_name = "Alex Moreno"
booking_url = "https://northside.example/book"
sending = "live"

[database]
host = "127.0.0.1"
port = {port}
dbname = "dealer"
user = "{user}"
password = "{password}"

[email]
from = "Northside Power <service@northside.example>"
smtp_url = "{smtp}"
"""


class Installation:
    """One installation of the program with its own central database and home."""

    def __init__(self, central: str, home: Path) -> None:
        settings = {
            "CENTRAL_DB_URL": central,
            "COMMUNICATION_AGENT_HOME": str(home),
            "COMMUNICATION_AGENT_NOW": MONDAY,
            "POLL_INTERVAL_MS": "50",
            "LEASE_SECONDS": "2",
            "UNKNOWN_GRACE_SECONDS": "1",
            "MAX_CONCURRENT_JOBS": "6",
            "HEALTH_PORT": "0",
        }
        self.environment = {"PATH": os.defpath, **settings}
        self.home = home

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        return subprocess.run(
            [*COMMAND, *words], env=self.environment, capture_output=True, text=True, timeout=60, check=False, cwd=self.home
        )

    def json(self, *words: str) -> object:
        """A command that has to end well, and its document."""
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @contextmanager
    def worker(self) -> Generator["subprocess.Popen[str]"]:
        """A worker of its own process group that is killed at the end without a word."""
        command = [*COMMAND, "run", "--only", "processor"]
        with (self.home / "worker.log").open("a") as log:
            process = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, text=True, start_new_session=True, cwd=self.home
            )
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def tenant_file(
        self, server: OrdinaryServer, smtp: str = "smtp://127.0.0.1:9", user: str = "comm_reader", password: str = "reads-only"
    ) -> str:
        """A tenant file on the foreign dealer."""
        path = self.home / "northside.toml"
        path.write_text(TENANT.format(port=server.port, smtp=smtp, user=user, password=password))
        return str(path)


@pytest.fixture
def installation(central_copy: str, tmp_path: Path) -> Installation:
    """An installation of the test's own."""
    return Installation(central_copy, tmp_path)


def _until(condition: Callable[[], bool], seconds: float, why: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, why
        time.sleep(0.02)  # noqa: TID251 - another process makes the condition true, nobody can tell us


def test_no_crash_of_the_worker_doubles_or_loses_a_message(
    installation: Installation, foreign_dealer: OrdinaryServer, tmp_path: Path
) -> None:
    store = tmp_path / "arrived"
    store.mkdir()
    with smtp_process(store, delay=0.03) as url:
        installation.json("tenants", "add", installation.tenant_file(foreign_dealer, url))
        due = installation.json("scan", "all", "--tenant", "northside", "--date", "2026-06-15")
        assert isinstance(due, list)
        made = installation.json("scan", "all", "--tenant", "northside", "--date", "2026-06-15", "--enqueue")
        again = installation.json("scan", "all", "--tenant", "northside", "--date", "2026-06-15", "--enqueue")
        assert made is not None
        assert again is not None
        expected = sum(row["verdict"] == "send" for row in due)
        assert expected > 80

        kills = 0
        while kills < 6:
            before = len(stored_mails(store))
            with installation.worker() as worker:
                _until(lambda: len(stored_mails(store)) >= before + 8 or worker.poll() is not None, 40, "the worker sends nothing")  # noqa: B023
                assert worker.poll() is None, (tmp_path / "worker.log").read_text()[-3000:]
            kills += 1

        def settled() -> bool:
            with psycopg.connect(installation.environment["CENTRAL_DB_URL"]) as conn:
                row = conn.execute("SELECT count(*) FROM communication_jobs WHERE state <> 'held'").fetchone()
            return row == (0,)

        with installation.worker() as worker:
            _until(lambda: settled() or worker.poll() is not None, 60, "the worker does not come to an end")
            assert worker.poll() is None

    messages = installation.json("messages", "list", "--tenant", "northside")
    assert isinstance(messages, list)
    arrived = count_by_message_id(stored_mails(store))
    outcomes = Counter((m["outcome"], m["reason"] if m["outcome"] == "waiting" else None) for m in messages)
    sent = {f"<{m['id']}@northside.example>" for m in messages if m["outcome"] == "sent"}
    held = {f"<{m['id']}@northside.example>" for m in messages if m["outcome"] == "waiting"}
    assert [identity for identity, times in arrived.items() if times > 1] == []
    assert sent <= set(arrived)
    assert set(arrived) <= sent | held
    assert len(sent) + len(held) == expected, outcomes
    assert {reason for outcome, reason in outcomes if outcome == "waiting"} <= {"held"}


def test_the_dealers_views_are_checked_and_explained(installation: Installation, foreign_dealer: OrdinaryServer) -> None:
    installation.json("tenants", "add", installation.tenant_file(foreign_dealer))

    assert installation.run("tenants", "check", "northside").returncode == 0
    rows = installation.json("scan", "seven_day_checkin", "--tenant", "northside", "--date", "2026-06-15")
    assert isinstance(rows, list)
    assert len(rows) == 59
    why = installation.json("explain", "H-00001", "seven_day_checkin", "--tenant", "northside", "--date", "2026-06-15")
    assert isinstance(why, dict)
    assert (why["due"], [c["code"] for c in why["conditions"] if not c["holds"]]) == (False, ["no_open_work_order"])


@pytest.mark.parametrize(
    ("damage", "words", "exit_code", "named"),
    [
        ("ALTER VIEW comm.comm_equipment RENAME COLUMN purchase_date TO sold", {}, 3, "purchase_date"),
        ("SELECT 1", {"password": "wrong"}, 4, "password"),
        ("SELECT 1", {"user": "nobody_here"}, 4, "nobody_here"),
    ],
)
def test_what_is_wrong_with_a_dealers_database_is_named_in_four_lines(
    installation: Installation, foreign_dealer: OrdinaryServer, damage: str, words: dict[str, str], exit_code: int, named: str
) -> None:
    with psycopg.connect(foreign_dealer.dsn("dealer"), autocommit=True) as conn:
        conn.execute(damage.encode())

    done = installation.run("tenants", "add", installation.tenant_file(foreign_dealer, **words))

    assert done.returncode == exit_code, done.stderr
    lines = done.stderr.strip().splitlines()
    assert [line.split()[0] for line in lines[-4:]] == ["Error", "Why:", "Do:", "More:"]
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_that_is_not_there_is_named(installation: Installation, foreign_dealer: OrdinaryServer) -> None:
    path = Path(installation.tenant_file(foreign_dealer))
    path.write_text(path.read_text().replace(str(foreign_dealer.port), "1"))

    done = installation.run("tenants", "add", str(path))

    assert (done.returncode, done.stderr.split()[:2]) == (8, ["Error", "CA-801:"]), done.stderr
