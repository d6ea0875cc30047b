"""Every setting of the program with its default and meaning; the only reader of the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import Literal, cast

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from communication_agent.errors import Problem

Mode = Literal["legacy", "level2", "hybrid"]


def _home() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "communication-agent"


class Config(BaseSettings):
    """The settings, by the system overview's names (upper case in the environment)."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True
    )

    central_db_url: SecretStr | None = Field(None, description="central PostgreSQL; unset = an embedded one")
    central_db_app_url: SecretStr | None = Field(
        None, description="second role for web and API, where the server's user may not create roles"
    )
    central_db_distributed: bool = Field(default=False, description="the central database is a Citus cluster")
    agent_mode: Mode = Field("legacy", description="which loops run: legacy, level2 or hybrid")
    health_port: int = Field(8080, ge=0, le=65535, description="port of health, metrics, webhooks, API and console")
    web_host: str = Field("127.0.0.1", description="address to listen on; any but loopback needs a first user")
    public_url: str | None = Field(None, description="address under which customers and providers reach this program")
    poll_interval_ms: int = Field(5000, ge=10, description="how often the queue is polled, in milliseconds")
    max_concurrent_jobs: int = Field(5, ge=1, le=10_000, description="messages in flight at once per worker process")
    max_retries: int = Field(3, ge=0, le=20, description="attempts after a definite failure before a message has failed")
    retry_delay_minutes: float = Field(5, ge=0, description="minutes before the first retry; doubled each time")
    lease_seconds: float = Field(60, ge=1, description="seconds after which a dead worker's jobs are taken over")
    dispatch_deadline_seconds: float = Field(5, gt=0, description="no first byte leaves later than this after the decision")
    unknown_grace_seconds: float | None = Field(
        None, ge=0, description="seconds before absence counts as proof; unset = the provider's"
    )
    quiet_hours_start: time = Field(time(21), description="civil time in the customer's zone from which nothing leaves")
    quiet_hours_end: time = Field(time(8), description="civil time in the customer's zone until which nothing leaves")
    frequency_cap_days: int = Field(7, ge=0, le=3650, description="a customer gets at most one marketing message in so many days")
    gmail_poll_interval_ms: int = Field(60_000, ge=1000, description="how often Gmail is polled, in milliseconds")
    deepseek_api_key: SecretStr | None = Field(None, description="key of the AI content generator and the agent")
    deepseek_base_url: str = Field("https://api.deepseek.com", description="address of the OpenAI-compatible API")
    deepseek_model: str = Field("deepseek-v4-flash", description="model that is asked")
    sendgrid_base_url: str = Field("https://api.sendgrid.com", description="address of SendGrid")
    resend_base_url: str = Field("https://api.resend.com", description="address of Resend")
    twilio_base_url: str = Field("https://api.twilio.com", description="address of Twilio")
    gmail_base_url: str = Field("https://gmail.googleapis.com", description="address of Gmail")
    google_token_url: str = Field("https://oauth2.googleapis.com/token", description="address of Google's token endpoint")
    communication_agent_home: Path = Field(default_factory=_home, description="data, outbox, embedded database, key file")
    communication_agent_key: SecretStr | None = Field(None, description="key that encrypts credentials; unset = a key file in home")
    communication_agent_now: datetime | None = Field(None, description="a pretended clock that ticks on from this instant")
    log_format: Literal["auto", "json", "text"] = Field("auto", description="auto = readable on a terminal, JSON otherwise")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="least severity that is logged")

    @property
    def home(self) -> Path:
        """Where this installation keeps its data."""
        return self.communication_agent_home.expanduser().absolute()

    @property
    def outbox(self) -> Path:
        """Where messages go that are not to leave the machine."""
        return self.home / "outbox"

    @property
    def base_url(self) -> str:
        """The address that stands in links."""
        return (self.public_url or f"http://127.0.0.1:{self.health_port}").rstrip("/")


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of `config`: secrets are shown as `set` only."""

    name: str
    value: str
    default: str
    origin: Literal["default", "environment", ".env", "command line"]
    meaning: str


def load(**overrides: object) -> Config:
    """The configuration from the environment and .env; raises Problem CA-302 naming each setting that is wrong."""
    try:
        return Config(**overrides)  # pyright: ignore[reportArgumentType] - pydantic validates what comes in
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(str(part) for part in e['loc']).upper()}: {e['msg']}" for e in error.errors())
        raise Problem(
            "CA-302", "A setting is not valid.", wrong, "communication-agent config   shows each setting and its meaning"
        ) from error


def environment() -> Mapping[str, str]:
    """The environment, with .env below it: for the knobs that communication types declare themselves."""
    return {**_dotenv(), **os.environ}


def describe(config: Config) -> list[Setting]:
    """Every setting with value, origin and meaning, in the order of declaration."""
    return [_setting(config, name) for name in Config.model_fields]


def unknown_names() -> list[str]:
    """COMMUNICATION_AGENT_* variables that nobody reads: typing errors, or names that an orchestrator injects."""
    known = {name.upper() for name in Config.model_fields}
    return sorted(name for name in os.environ if name.startswith("COMMUNICATION_AGENT_") and name not in known)


def _setting(config: Config, name: str) -> Setting:
    field = Config.model_fields[name]
    value = cast("object", getattr(config, name))
    default = cast("object", field.get_default(call_default_factory=True))
    return Setting(name.upper(), _shown(value), _shown(default), _origin(name, value, default), field.description or "")


def _origin(name: str, value: object, default: object) -> Literal["default", "environment", ".env", "command line"]:
    if name.upper() in os.environ or name in os.environ:
        return "environment"
    if name.upper() in _dotenv():
        return ".env"
    return "default" if value == default else "command line"


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "(set)"
    if isinstance(value, time):
        return value.isoformat("minutes")
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)


def _dotenv() -> dict[str, str]:
    from dotenv import dotenv_values  # noqa: PLC0415 - comes with pydantic-settings, read only when it is asked for

    return {name.upper(): value for name, value in dotenv_values(".env").items() if value is not None}
