"""Settings: the system overview's names and defaults, with their origin and meaning."""

import os
from pathlib import Path

import pytest

from communication_agent import config
from communication_agent.communication import OVERVIEW_KNOBS
from communication_agent.errors import Problem

OVERVIEW = {
    "POLL_INTERVAL_MS": "5000",
    "MAX_CONCURRENT_JOBS": "5",
    "MAX_RETRIES": "3",
    "RETRY_DELAY_MINUTES": "5",
    "GMAIL_POLL_INTERVAL_MS": "60000",
    "AGENT_MODE": "legacy",
    "HEALTH_PORT": "8080",
    "QUIET_HOURS_START": "21:00",
    "QUIET_HOURS_END": "08:00",
    "LEASE_SECONDS": "60",
    "DISPATCH_DEADLINE_SECONDS": "5",
}
KNOBS = {
    "GHOST_CUSTOMER_MONTHS": 12,
    "FIRST_SERVICE_HOURS_THRESHOLD": 20,
    "USAGE_SERVICE_HOURS_INTERVAL": 100,
    "WARRANTY_WARNING_DAYS": 30,
    "TRADE_IN_MIN_AGE_YEARS": 8,
    "TRADE_IN_MIN_REPAIR_COUNT": 3,
}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting from outside."""
    for name in list(os.environ):  # noqa: TID251 - the test empties it
        if name.lower() in config.Config.model_fields or name.startswith("COMMUNICATION_AGENT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_every_variable_of_the_overview_has_its_default_and_a_meaning() -> None:
    shown = {s.name: s for s in config.describe(config.load())}

    assert {name: shown[name].value for name in OVERVIEW} == OVERVIEW
    assert {knob.name: knob.default for knob in OVERVIEW_KNOBS} == KNOBS
    assert {"CENTRAL_DB_URL", "DEEPSEEK_API_KEY"} <= shown.keys()
    assert all(setting.meaning and setting.origin == "default" for setting in shown.values())


def test_a_value_shows_where_it_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("MAX_RETRIES=7\nLEASE_SECONDS=9\n")
    monkeypatch.setenv("LEASE_SECONDS", "11")

    shown = {s.name: (s.value, s.origin) for s in config.describe(config.load(poll_interval_ms=50))}

    assert shown["MAX_RETRIES"] == ("7", ".env")
    assert shown["LEASE_SECONDS"] == ("11", "environment")
    assert shown["POLL_INTERVAL_MS"] == ("50", "command line")


def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CENTRAL_DB_URL", "postgres://user:hunter2@db.example/x")

    loaded = config.load()

    assert "hunter2" not in str(config.describe(loaded)) + repr(loaded)


def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTH_PORT", "eighty")

    with pytest.raises(Problem, match="HEALTH_PORT") as raised:
        config.load()
    assert raised.value.code == "CA-302"


def test_an_unknown_name_of_ours_is_only_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMUNICATION_AGENT_PORT_8080_TCP", "x")

    config.load()

    assert config.unknown_names() == ["COMMUNICATION_AGENT_PORT_8080_TCP"]
