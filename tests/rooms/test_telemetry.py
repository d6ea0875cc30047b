"""Logs say what happened and nothing that is nobody's business."""

import io
import json
from collections.abc import Iterator

import pytest
import structlog

from communication_agent import telemetry
from communication_agent.domain import Accepted, Failed, Sent

CANARIES = [
    "karen.smith@mailbox.example",
    "+16145550142",
    "(614) 555-0142",
    "SG.abcdefghijklmnop.qrstuvwxyz",
    "re_123456789abcdef",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "password=hunter2secret",
    "postgresql://user:hunter2secret@db.example/x",
    "smtp://me:hunter2secret@mail.example",
    "api_key: hunter2secret",
]
GONE = ["karen.smith", "5550142", "555-0142", "qrstuvwxyz", "123456789abcdef", "MfKQ9r8", "hunter2secret"]


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where JSON log lines go."""
    stream = io.StringIO()
    telemetry.configure("json", "DEBUG", stream)
    yield stream
    structlog.reset_defaults()


@pytest.mark.parametrize("canary", CANARIES)
def test_secrets_and_addresses_never_reach_a_log_line(stream: io.StringIO, canary: str) -> None:
    telemetry.loop_failed("processor", RuntimeError(f"could not use {canary} today"))
    telemetry.warned(f"about {canary}", reason=canary)

    assert [gone for gone in GONE if gone in stream.getvalue()] == []


def test_a_field_that_nobody_allowed_is_dropped(stream: io.StringIO) -> None:
    telemetry.warned("look", tenant="hilltop", body="Dear Karen")

    line = json.loads(stream.getvalue())
    assert (line["tenant"], line["level"], "body" in line) == ("hilltop", "warning", False)


def test_what_was_settled_is_counted_without_names(stream: io.StringIO) -> None:
    telemetry.message_settled("hilltop", "annual_tuneup", "email", "outbox", Sent("id"))
    telemetry.message_settled("hilltop", "annual_tuneup", "sms", "outbox", Failed("refused"))
    telemetry.job_ended("hilltop", "annual_tuneup", "skipped", "missing_fact: first_name of Karen")

    metrics = telemetry.metrics().decode()
    assert 'outcome="sent",provider="outbox"' in metrics
    assert 'reason="missing_fact"' in metrics
    assert "hilltop" not in metrics
    assert "Karen" not in metrics
    assert Accepted is not None
    assert stream.getvalue()


def test_identifiers_are_left_alone(stream: io.StringIO) -> None:
    telemetry.started(mode="legacy", worker="host:4711:ab12cd34", url="http://127.0.0.1:8080")

    line = json.loads(stream.getvalue())
    assert (line["worker"], line["url"]) == ("host:4711:ab12cd34", "http://127.0.0.1:8080")


def test_a_log_that_nobody_reads_any_more_stops_nothing(stream: io.StringIO) -> None:
    stream.close()

    telemetry.loop_failed("processor", RuntimeError("nobody hears this"))


def test_before_anything_is_set_up_a_line_is_harmless_too() -> None:
    structlog.reset_defaults()

    telemetry.warned("look")
