"""What every command promises: --json, --now and --debug, help that begins with an example, exit codes, no traceback."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import psycopg
import pytest
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from communication_agent.cli.main import COMMANDS
from communication_agent.errors import CODES, Exit, Problem
from support.command import MONDAY, Comma, program, tenant_file


def _commands() -> Iterator[tuple[str, TyperCommand]]:
    for name in COMMANDS:
        loaded = get_command(import_module(f"communication_agent.cli.{name}").cli)
        if isinstance(loaded, TyperGroup):
            yield from (
                (f"{name} {inner}", command) for inner, command in loaded.commands.items() if isinstance(command, TyperCommand)
            )
        elif isinstance(loaded, TyperCommand):
            yield name, loaded


ALL = dict(_commands())

# Commands that need nothing but a tenant, with words that make each succeed on the sample dealer's Monday.
READING = {
    "tenants list": (),
    "tenants show": ("hilltop",),
    "tenants check": ("hilltop", "--no-reach"),
    "scan": ("annual_tuneup", "--date", "2026-11-23"),
    "explain": ("991", "annual_tuneup"),
    "preview": ("annual_tuneup", "--customer", "991"),
    "types list": (),
    "types show": ("annual_tuneup",),
    "messages list": (),
    "queue list": (),
    "customers find": ("Karen",),
    "pause": (),
    "resume": (),
    "tenants pause": ("hilltop",),
    "tenants resume": ("hilltop",),
    "doctor": (),
    "config": (),
    "migrate": ("status",),
    "version": (),
    "customers optout": ("991", "--channel", "email"),
    "customers optin": ("991", "--channel", "email"),
    "tenants set": ("hilltop", "hours", "Mon-Fri 8-5"),
}


NOBODY = "0199c0de-0000-7000-8000-000000000001"
OTHERS = {
    "tenants add": ("x.toml",),
    "queue push": ("x.json",),
    "messages show": (NOBODY,),
    "messages cancel": (NOBODY,),
    "messages retry": (NOBODY,),
    "messages settle": (NOBODY, "sent"),
}


def test_all_the_commands_of_this_version_are_there() -> None:
    assert {"demo", "run", "scan", "explain", "doctor", "config", "preview", "version", "pause", "resume", "migrate"} <= ALL.keys()
    assert {f"messages {word}" for word in ("list", "show", "cancel", "retry", "settle")} <= ALL.keys()
    assert {f"tenants {word}" for word in ("add", "list", "show", "set", "check", "pause", "resume")} <= ALL.keys()
    assert {"queue push", "queue list", "types list", "types show"} <= ALL.keys()
    assert {"customers find", "customers optout", "customers optin"} <= ALL.keys()


@pytest.mark.parametrize("name", ALL)
def test_every_command_takes_the_options_that_all_take(name: str) -> None:
    options = {option for parameter in ALL[name].params for option in parameter.opts}
    assert {"--json", "--now", "--debug"} <= options


@pytest.mark.parametrize("name", ALL)
def test_help_begins_with_an_example_of_this_very_command(name: str) -> None:
    help_ = ALL[name].help or ""
    assert help_.startswith(f"[bold green]Example:[/] communication-agent {name}"), help_
    assert len(help_.split("\n\n")) > 1, "and goes on with what it does"


@pytest.mark.parametrize("name", sorted({name.split()[0] for name in ALL}))
def test_help_is_shown_for_every_command(name: str, comma: Comma) -> None:
    ran = comma(name, "--help")
    assert ran.code == 0
    assert "Example: communication-agent" in ran.out


@pytest.mark.parametrize("name", READING)
def test_json_is_one_document_and_people_are_told_the_same_in_words(name: str, hilltop: Comma) -> None:
    ran = hilltop(*name.split(), *READING[name], "--json", "--now", MONDAY)
    assert ran.code == 0, ran
    assert ran.document is not None
    page = hilltop(*name.split(), *READING[name], "--now", MONDAY)
    assert page.code == 0, page
    assert "Traceback" not in page.err
    assert page.out.strip()


KEYS = {
    "scan": "tenant communication date customer_id equipment_ids work_order_id due_on occasions verdict reason send_at",
    "explain": "tenant customer_id communication date due due_on equipment_id conditions verdict reason send_at nearest_miss",
    "messages list": "id tenant communication customer_id channel to outcome reason delivery provider provider_id created_at sent_at",
}


@pytest.mark.parametrize("name", KEYS)
def test_documents_have_exactly_the_keys_of_the_contract(name: str, hilltop: Comma) -> None:
    hilltop("run", "--once", "--now", MONDAY)
    found = hilltop(*name.split(), *READING[name], "--json", "--now", MONDAY).document
    first = found[0] if isinstance(found, list) else found
    assert isinstance(first, dict)
    assert [*first] == KEYS[name].split()  # pyright: ignore[reportUnknownArgumentType] - JSON


@pytest.mark.parametrize("name", ALL)
def test_a_clock_without_an_offset_is_refused(name: str, comma: Comma) -> None:
    ran = comma(*name.split(), *{**OTHERS, **READING}.get(name, ()), "--now", "2026-11-23T10:00:00")
    assert "offset" in ran.assert_problem("CA-202", Exit.USAGE)


def test_a_pretended_clock_is_refused_where_it_could_send(comma: Comma, dealer_dsn: str, tmp_path: Path) -> None:
    live = tenant_file(tmp_path, dealer_dsn, more='sending = "live"')
    text = live.read_text().replace("[email]\n", '[email]\nsmtp_url = "smtp://mail.hilltop.example"\n')
    live.write_text(text)
    assert comma("tenants", "add", live).code == 0
    assert "hilltop" in comma("scan", "all", "--now", MONDAY).assert_problem("CA-601", Exit.REFUSED)
    assert comma("scan", "all").code == 0


def test_every_code_that_the_program_uses_is_described() -> None:
    root = Path(sys.modules["communication_agent"].__file__ or "").parent
    used = {code for path in root.rglob("*.py") for code in re.findall(r'"(CA-\d{3})"', path.read_text(encoding="utf-8"))}
    assert used <= CODES.keys()
    for code in used:
        assert isinstance(Problem(code, "", "", "").exit, Exit)


@pytest.mark.parametrize(
    ("words", "code", "exit_"),
    [
        (("scan", "anual_tuneup"), "CA-201", Exit.USAGE),
        (("scan", "all", "--date", "2026-02-30"), "CA-202", Exit.USAGE),
        (("scan", "all", "--tenant", "nobody"), "CA-501", Exit.NOT_FOUND),
        (("scan", "purchase_receipt"), "CA-201", Exit.USAGE),
        (("scan", "--wrong"), "CA-205", Exit.USAGE),
        (("scan", "all", "--days", "none"), "CA-205", Exit.USAGE),
        (("nothing",), "CA-205", Exit.USAGE),
        (("messages",), "CA-205", Exit.USAGE),
        (("messages", "show", "no-id"), "CA-503", Exit.NOT_FOUND),
        (("messages", "cancel", NOBODY), "CA-503", Exit.NOT_FOUND),
        (("explain", "Nobody Atall"), "CA-502", Exit.NOT_FOUND),
        (("explain", "991", "anual_tuneup"), "CA-201", Exit.USAGE),
        (("explain", "message"), "CA-205", Exit.USAGE),
        (("preview", "annual_tuneup", "--customer", "4711000"), "CA-502", Exit.NOT_FOUND),
        (("preview", "purchase_receipt", "--customer", "991", "--fact", "total"), "CA-205", Exit.USAGE),
        (("preview", "annual_tuneup", "--customer", "991", "--sms", "--html"), "CA-205", Exit.USAGE),
        (("tenants", "show", "nobody"), "CA-501", Exit.NOT_FOUND),
        (("tenants", "add", "missing.toml"), "CA-504", Exit.NOT_FOUND),
        (("tenants", "set", "hilltop", "no.such", "1"), "CA-205", Exit.USAGE),
        (("tenants", "set", "hilltop", "time_zone", "Moon/Crater"), "CA-301", Exit.CONFIGURATION),
        (("tenants", "set", "hilltop", "id", "other"), "CA-301", Exit.CONFIGURATION),
        (("queue", "push", "missing.json", "--tenant", "hilltop"), "CA-504", Exit.NOT_FOUND),
        (("pause", "--tenant", "nobody"), "CA-501", Exit.NOT_FOUND),
        (("pause", "--type", "anual_tuneup"), "CA-201", Exit.USAGE),
        (("pause", "--type", "annual_tuneup", "--channel", "sms"), "CA-205", Exit.USAGE),
        (("run", "--once", "--mode", "level2"), "CA-305", Exit.CONFIGURATION),
        (("run", "--once", "--mode", "hybrid"), "CA-305", Exit.CONFIGURATION),
        (("run", "--once", "--mode", "turbo"), "CA-205", Exit.USAGE),
        (("run", "--once", "--only", "sheduler"), "CA-205", Exit.USAGE),
        (("run", "--once", "--only", "agent"), "CA-305", Exit.CONFIGURATION),
        (("demo", "--once", "--date", "tomorrow"), "CA-202", Exit.USAGE),
        (("version", "--now", "noon"), "CA-202", Exit.USAGE),
    ],
)
def test_errors_are_four_lines_with_the_exit_code_of_the_contract(
    words: tuple[str, ...], code: str, exit_: Exit, hilltop: Comma
) -> None:
    ran = hilltop(*words, "--json") if words not in {("nothing",), ("messages",)} else hilltop(*words)
    ran.assert_problem(code, exit_)
    assert not ran.out


def test_an_unknown_type_is_told_the_nearest_name(comma: Comma) -> None:
    assert "annual_tuneup" in comma("types", "show", "anual_tuneup").assert_problem("CA-201", Exit.USAGE)


def test_a_bug_is_told_without_a_traceback_unless_it_is_asked_for(hilltop: Comma, central_rows: psycopg.Connection) -> None:
    # Settings that no version of this program can have written.
    central_rows.execute("UPDATE tenants SET settings = '[]'")
    err = hilltop("tenants", "list").assert_problem("CA-101", Exit.BUG)
    assert "--debug" in err
    assert "Traceback" in hilltop("tenants", "list", "--debug").err


def test_an_unreachable_central_database_is_four_lines(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ran = program(home, "messages", "list", central_url="host=127.0.0.1 port=1 dbname=x user=y connect_timeout=2")
    ran.assert_problem("CA-801", Exit.UNREACHABLE)


def test_a_setting_that_is_wrong_is_named(comma: Comma, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_RETRIES", "many")
    assert "MAX_RETRIES" in comma("config").assert_problem("CA-302", Exit.CONFIGURATION)


def test_an_unknown_setting_of_ours_is_a_remark_and_no_error(comma: Comma, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMUNICATION_AGENT_HOEM", "/x")
    ran = comma("tenants", "list", "--json")
    assert ran.code == 0
    assert "COMMUNICATION_AGENT_HOEM" in ran.err


def test_help_and_version_load_neither_database_nor_web(tmp_path: Path) -> None:
    for words in (["--help"], ["version"], ["types", "--help"]):
        code = (
            "import sys; from communication_agent.cli import main; main(sys.argv[1:]);"
            "print([m for m in ('psycopg', 'fastapi', 'liquid', 'asyncio', 'structlog') if m in sys.modules], file=sys.stderr)"
        )
        ran = _python(code, *words)
        assert ran.endswith("[]\n"), ran


def _python(code: str, *words: str) -> str:
    found = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, timeout=60)
    return found.stderr


def test_a_reader_who_went_away_is_no_error(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    ran = subprocess.run(
        [sys.executable, "-m", "communication_agent", "types", "list", "--json"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert (ran.returncode, ran.stderr) == (0, "")
