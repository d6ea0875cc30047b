"""What the program says about itself: structured logs with allow-listed fields, redacted, and Prometheus counters."""

import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Literal, TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from structlog.typing import Processor

from communication_agent.domain import Failed, Held, Outcome, Retry, Sent, Uncertain

REGISTRY = CollectorRegistry()
SETTLED = Counter(
    "communication_messages_total",
    "Messages by what became of an attempt",
    ["communication", "channel", "provider", "outcome"],
    registry=REGISTRY,
)
ENDED = Counter(
    "communication_jobs_ended_total",
    "Jobs that ended without an attempt",
    ["communication", "outcome", "reason"],
    registry=REGISTRY,
)
SLOTS = Counter("communication_schedule_slots_total", "Schedule slots by state", ["task", "state"], registry=REGISTRY)
ENQUEUED = Counter("communication_enqueued_total", "Messages that scans asked for", ["task"], registry=REGISTRY)
LAPSED = Counter("communication_lapsed_total", "Due dates that were too old after an outage", ["task"], registry=REGISTRY)
ERRORS = Counter("communication_loop_errors_total", "Rounds of background loops that failed", ["loop"], registry=REGISTRY)
UNREACHABLE = Counter(
    "communication_tenant_unreachable_total", "Times a dealer's database did not answer", ["code"], registry=REGISTRY
)
DEPTH = Gauge("communication_jobs", "Live jobs", ["state", "lane"], registry=REGISTRY)
PROGRESS = Gauge("communication_loop_last_round_seconds", "Unix time of a loop's last good round", ["loop"], registry=REGISTRY)

# Fields that may stand in a log line; anything else is dropped, so that nobody's data get there by accident.
FIELDS = frozenset({
    "event", "level", "timestamp", "tenant", "communication", "channel", "provider", "outcome", "reason", "task", "slot", "found",
    "enqueued", "lapsed", "jobs", "code", "loop", "error", "mode", "version", "url", "home", "tenants", "port", "seconds", "worker", "count",
    "method", "path", "status", "exception", "name", "database",
})  # fmt: skip

_SECRETS = (
    re.compile(r"(?i)\b(?:SG\.|re_|whsec_|sk-|AC)[A-Za-z0-9_.\-]{8,}"),
    re.compile(r"(?i)(password|secret|token|api[_-]?key)(\s*[=:]\s*)\S+"),
    re.compile(r"(://[^:/@\s]+:)[^@\s]+(@)"),
)
_EMAIL = re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w.-])\+?1?[ .-]?\(?\d{3}\)?[ .-]?\d{3}[ .-]?\d{4}(?![\w-])")


def redacted(text: str) -> str:
    """The text without keys, passwords, email addresses and phone numbers."""
    text = _SECRETS[0].sub("[key]", text)
    text = _SECRETS[1].sub(r"\1\2[secret]", text)
    text = _SECRETS[2].sub(r"\1[secret]\2", text)
    return _PHONE.sub("[phone]", _EMAIL.sub("[email]", text))


def configure(style: Literal["auto", "json", "text"], level: str, stream: TextIO | None = None) -> None:
    """Send log lines to `stream` (stderr): JSON for machines, readable lines on a terminal."""
    target = stream or sys.stderr
    readable = style == "text" or (style == "auto" and target.isatty())
    renderer: Processor = structlog.dev.ConsoleRenderer(colors=target.isatty()) if readable else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _allow,
            _redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=lambda *_: _Lines(target),
        cache_logger_on_first_use=False,
    )


class _Lines(structlog.PrintLogger):
    """Writes lines; where nobody reads any more (a closed pipe, a full disk) it says nothing: no message may fail for a log line."""

    def msg(self, message: str) -> None:
        """Write one line."""
        with suppress(OSError, ValueError):
            super().msg(message)

    debug = info = warning = error = critical = msg


def _allow(_logger: object, _method: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    return {name: value for name, value in event.items() if name in FIELDS}


def _redact(_logger: object, _method: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    return {name: redacted(value) if isinstance(value, str) and name != "timestamp" else value for name, value in event.items()}


def _log() -> structlog.typing.FilteringBoundLogger:
    return structlog.get_logger()


def metrics() -> bytes:
    """Everything counted, as Prometheus reads it."""
    return generate_latest(REGISTRY)


def started(**fields: object) -> None:
    """The process is up."""
    _log().info("started", **fields)


def stopped(**fields: object) -> None:
    """The process has drained and ends."""
    _log().info("stopped", **fields)


def warned(event: str, **fields: object) -> None:
    """Something that a person should look at."""
    _log().warning(event, **fields)


def slot_done(tenant: str, task: str, slot: str, *, found: int, enqueued: int, lapsed: int) -> None:
    """A scan has ended well."""
    SLOTS.labels(task, "done").inc()
    ENQUEUED.labels(task).inc(enqueued)
    LAPSED.labels(task).inc(lapsed)
    _log().info("scanned", tenant=tenant, task=task, slot=slot, found=found, enqueued=enqueued, lapsed=lapsed)


def slot_failed(tenant: str, task: str, slot: str, code: str) -> None:
    """A scan could not be done and will be tried again."""
    SLOTS.labels(task, "failed").inc()
    _log().warning("scan failed", tenant=tenant, task=task, slot=slot, code=code)


def loop_failed(loop: str, error: BaseException) -> None:
    """A round of a background loop failed; the loop goes on."""
    ERRORS.labels(loop).inc()
    _log().error("round failed", loop=loop, error=f"{type(error).__name__}: {error}")


def loop_progressed(loop: str, at: float) -> None:
    """A loop had a good round at this Unix time."""
    PROGRESS.labels(loop).set(at)


def provider_failed(provider: str, error: BaseException) -> None:
    """An adapter raised, which it never should; the message's outcome is unknown."""
    ERRORS.labels(f"provider:{provider}").inc()
    _log().error("provider raised", provider=provider, error=f"{type(error).__name__}: {error}")


def tenant_unreachable(tenant: str, code: str, jobs: int) -> None:
    """A dealer's database did not answer; its jobs wait."""
    UNREACHABLE.labels(code).inc()
    _log().warning("dealer's database does not answer", tenant=tenant, code=code, jobs=jobs)


def message_settled(tenant: str, communication: str, channel: str, provider: str, outcome: Outcome) -> None:
    """An attempt has come to something."""
    name, reason = _named(outcome)
    SETTLED.labels(communication, channel, provider, name).inc()
    _log().debug(
        "settled", tenant=tenant, communication=communication, channel=channel, provider=provider, outcome=name, reason=reason
    )


def job_ended(tenant: str, communication: str, outcome: str, reason: str | None) -> None:
    """A job ended without an attempt: skipped, or failed before anything left."""
    code = (reason or "").split(":")[0]
    ENDED.labels(communication, outcome, code).inc()
    _log().debug("ended", tenant=tenant, communication=communication, outcome=outcome, reason=code)


def _named(outcome: Outcome) -> tuple[str, str | None]:
    match outcome:
        case Sent():
            return "sent", None
        case Retry(reason=reason):
            return "retry", reason
        case Failed(reason):
            return "failed", reason
        case Uncertain(reason=reason):
            return "uncertain", reason
        case Held(reason):
            return "held", reason
