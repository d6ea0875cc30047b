"""`run`: one round with --once; else the loops and the console until SIGTERM (0) or Ctrl-C (130), drained."""

import json
import signal
import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import psycopg
import pytest

from communication_agent.errors import Exit
from support.command import MONDAY, Comma, fetched, started, tenant_file
from support.ordinary_server import free_port

NOW = ("--json", "--now", MONDAY)
SECONDS = 40.0  # for a start on a machine that is busy with other things


@contextmanager
def _service(tmp_path: Path, central_url: str, *words: str, **environment: str) -> Generator["subprocess.Popen[str]"]:
    process = started(tmp_path / "home", "run", *words, central_url=central_url, **environment)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _first_event(process: "subprocess.Popen[str]") -> dict[str, object]:
    assert process.stderr is not None
    line = process.stderr.readline()
    assert line.startswith("{"), line + process.stderr.read()
    return cast("dict[str, object]", json.loads(line))


def test_one_round_sends_what_is_due_and_says_that_nothing_is_left(hilltop: Comma, tmp_path: Path) -> None:
    ran = hilltop("run", "--once", *NOW)
    assert (ran.code, ran.fields["unserved"]) == (0, [])
    sent = [row for row in hilltop("messages", "list", "--outcome", "sent", *NOW).rows if row["channel"] == "email"]
    assert sent
    assert {path.stem for path in (tmp_path / "home/outbox/hilltop").glob("*.eml")} == {row["id"] for row in sent}
    assert hilltop("run", "--once", *NOW).code == 0
    assert len(hilltop("messages", "list", "--outcome", "sent", *NOW).rows) == len(sent)


def test_a_dealer_that_cannot_be_served_is_named_and_the_others_are_served(
    hilltop: Comma, sample_template: str, tmp_path: Path
) -> None:
    gone = tenant_file(tmp_path, sample_template, "gone", host="127.0.0.1", port=free_port())
    hilltop("tenants", "add", gone, "--no-check", *NOW)
    ran = hilltop("run", "--once", *NOW)
    assert (ran.code, ran.fields["unserved"]) == (Exit.PARTLY_FAILED, ["gone"])
    assert "CA-701" in ran.err
    assert {row["tenant"] for row in hilltop("messages", "list", *NOW).rows} == {"hilltop"}


def test_only_some_loops_run_when_they_are_named(hilltop: Comma) -> None:
    assert hilltop("run", "--once", "--only", "scheduler", *NOW).fields["loops"] == ["scheduler"]
    assert {row["outcome"] for row in hilltop("messages", "list", *NOW).rows} == {"waiting"}
    assert hilltop("run", "--once", "--only", "processor", *NOW).fields["loops"] == ["processor"]
    assert "sent" in {row["outcome"] for row in hilltop("messages", "list", *NOW).rows}


@pytest.mark.parametrize(("number", "exit_"), [(signal.SIGTERM, Exit.OK), (signal.SIGINT, Exit.INTERRUPTED)])
def test_a_signal_drains_and_ends_the_service(
    number: signal.Signals, exit_: Exit, hilltop: Comma, central_url: str, central_rows: psycopg.Connection, tmp_path: Path
) -> None:
    with _service(tmp_path, central_url, "--only", "scheduler,processor", "--now", MONDAY) as process:
        event = _first_event(process)
        assert (event["event"], event["mode"], event["tenants"]) == ("started", "legacy", 1)
        process.send_signal(number)
        out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (exit_, "")
    assert [json.loads(line)["event"] for line in err.splitlines()][-1] == "stopped"
    assert central_rows.execute("SELECT count(*) FROM communication_jobs WHERE state IN ('claimed', 'dispatching')").fetchone() == (
        0,
    )
    assert central_rows.execute("SELECT count(*) FROM workers").fetchone() == (0,)


def test_the_console_and_health_are_served_on_one_port(hilltop: Comma, central_url: str, tmp_path: Path) -> None:
    with _service(tmp_path, central_url, "--now", MONDAY, HEALTH_PORT="0") as process:
        url = str(_first_event(process)["url"])
        assert json.loads(fetched(url, "/health"))["mode"] == "legacy"
        assert "Hilltop Mowers" in fetched(url, "/")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS)
    assert process.returncode == 0


def test_a_port_that_is_taken_is_told_before_anything_begins(comma: Comma, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("HEALTH_PORT", str(taken.getsockname()[1]))
        comma("run").assert_problem("CA-302", Exit.CONFIGURATION)


def test_people_are_told_in_six_lines_what_runs(hilltop: Comma, central_url: str, tmp_path: Path) -> None:
    with _service(tmp_path, central_url, "--only", "processor", "--now", MONDAY, LOG_FORMAT="text") as process:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(6)]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS)
    assert [line.split()[0] for line in lines] == ["mode", "database", "dealers", "schedules", "sending", "console"]
    assert "1: hilltop" in lines[2]
    assert "0 live, 1 to the outbox" in lines[4]
