"""A tenant: one dealer, its settings and its secrets, as written in a tenant file (docs/examples, contract)."""

from collections.abc import Mapping
from datetime import date, time
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"{name!r} is not a time zone; write one such as America/New_York"
        raise ValueError(message) from error
    return name


def _one_line(text: str) -> str:
    # These texts go into mail headers and SMS: a line break there would be somebody else's header.
    if any(character < " " or character in "\x7f\x85\u2028\u2029" for character in text):
        message = "must be one line without control characters"
        raise ValueError(message)
    return text.strip()


Line = Annotated[str, AfterValidator(_one_line)]
ZoneName = Annotated[str, AfterValidator(_known_zone)]


class TenantDatabase(_Strict):
    """Where the dealer's data are: typed fields, never a free connection string."""

    embedded: bool = False
    host: Line = "127.0.0.1"
    port: int = Field(5432, ge=1, le=65535)
    dbname: Line = ""
    user: Line = ""
    password: SecretStr = SecretStr("")
    sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] = "prefer"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.embedded and not (self.dbname and self.user):
            message = "needs dbname and user, or embedded = true"
            raise ValueError(message)
        return self


class EmailSettings(_Strict):
    """How the dealer's email leaves; the provider is detected from the keys when it is not named."""

    from_: Line = Field(default="", alias="from")
    reply_to: Line | None = None
    provider: Literal["sendgrid", "resend", "smtp", "outbox"] | None = None
    resend_api_key: SecretStr | None = None
    sendgrid_api_key: SecretStr | None = None
    smtp_url: SecretStr | None = None
    webhook_secret: SecretStr | None = None
    sendgrid_webhook_public_key: str | None = None
    message_id_domain: Line | None = None

    @property
    def detected(self) -> str | None:
        """The provider's name, None when no key is given."""
        keys = {"resend": self.resend_api_key, "sendgrid": self.sendgrid_api_key, "smtp": self.smtp_url}
        return self.provider or next((name for name, key in keys.items() if key), None)


class SmsSettings(_Strict):
    """How the dealer's texts leave."""

    twilio_account_sid: Line | None = None
    twilio_auth_token: SecretStr | None = None
    from_: Line | None = Field(default=None, alias="from")
    messaging_service_sid: Line | None = None

    @property
    def detected(self) -> str | None:
        """The provider's name, None when no account is given."""
        return "twilio" if self.twilio_account_sid and self.twilio_auth_token else None


class QuietHours(_Strict):
    """Civil time in the customer's zone in which nothing leaves."""

    start: time = time(21)
    end: time = time(8)


class Gmail(_Strict):
    """The mailbox that contact forms arrive in."""

    mailbox: Line
    client_id: Line
    client_secret: SecretStr
    refresh_token: SecretStr


class Ai(_Strict):
    """How much AI may write."""

    mode: Literal["off", "drafts", "personal"] = "off"


class Offer(_Strict):
    """The only source of a discount."""

    text: Line = Field(default="", max_length=80)
    expires: date | None = None


class Outbox(_Strict):
    """Rehearsal: addresses that the outbox refuses, as a real provider would."""

    refuse: tuple[Line, ...] = ()


class TenantSettings(_Strict):
    """Everything a tenant file may say; see docs/configuration.md."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,62}$")
    name: Line = Field(min_length=1, max_length=60)
    sms_name: Line = Field(min_length=1, max_length=16)
    time_zone: ZoneName
    languages: tuple[Literal["en", "es"], ...] = ("en",)
    phone: Line
    address: Line = Field(min_length=1)
    hours: Line = Field("", max_length=60)
    sender_name: Line = Field("", max_length=40)
    booking_url: Annotated[str, Field(pattern=r"^https?://[^\s\"<>]+$")] | None = None
    inventory_url: Annotated[str, Field(pattern=r"^https?://[^\s\"<>]+$")] | None = None
    logo_url: Annotated[str, Field(pattern=r"^https?://[^\s\"<>]+$")] | None = None
    brand_color: str = Field("#1f6b3a", pattern=r"^#[0-9a-fA-F]{6}$")
    response_promise: Line = Field("one business day", max_length=30)
    sending: Literal["outbox", "live"] = "outbox"
    approval_above: int = Field(500, ge=1)
    database: TenantDatabase
    email: EmailSettings = Field(default_factory=EmailSettings)
    sms: SmsSettings = Field(default_factory=SmsSettings)
    quiet_hours: QuietHours | None = None  # None = QUIET_HOURS_START and QUIET_HOURS_END
    gmail: Gmail | None = None
    ai: Ai = Ai()
    offer: Offer = Field(default_factory=Offer)
    outbox: Outbox = Outbox()
    knobs: Mapping[str, int] = {}
    types: Mapping[str, bool] = {}
    channels: Mapping[str, Literal["email", "sms", "preferred"]] = {}

    @model_validator(mode="after")
    def _can_send(self) -> Self:
        if self.sending == "live" and not self.email.from_:
            message = 'sending = "live" needs [email] from = "Name <address>"'
            raise ValueError(message)
        if self.sending == "live" and not self.email.detected:
            message = 'sending = "live" needs one of [email] resend_api_key, sendgrid_api_key, smtp_url'
            raise ValueError(message)
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The dealer's time zone."""
        return ZoneInfo(self.time_zone)

    def type_is_on(self, communication: str) -> bool:
        """Whether the dealer wants this type; `seasonal_reminder` covers both its types."""
        family = "seasonal_reminder" if communication.startswith("seasonal_reminder_") else communication
        return self.types.get(communication, self.types.get(family, True))
