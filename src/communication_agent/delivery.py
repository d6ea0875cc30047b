"""The way out of the house: picks the tenant's provider, shapes the message, calls it and never loses the answer."""

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast
from urllib.parse import quote, urljoin, urlsplit
from uuid import UUID

from communication_agent import telemetry
from communication_agent.communication import Communication
from communication_agent.config import Config
from communication_agent.domain import Attachment, Channel, Content, Job, Message, Purpose, Receipt, Send, Unknown
from communication_agent.errors import Problem
from communication_agent.mime import mailbox, split_mailbox, wire_address
from communication_agent.provider import Credentials, Dispatch, Provider
from communication_agent.providers.smtp import is_loopback as is_loopback_host
from communication_agent.providers.smtp import parse_url
from communication_agent.tenant import TenantSettings

# A provider keeps to the deadline itself and knows best what a late answer means; this is for one that does not.
_PATIENCE = 1.0

# NUL as JSON writes it: two backslashes are one of the text's own, whatever follows.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


# ---- who carries it ------------------------------------------------------------------------------------------------


def pick_provider(tenant: TenantSettings, channel: Channel, providers: Mapping[str, Provider]) -> Provider:
    """The provider that carries the tenant's messages on this channel; raises Problem CA-302 when none is configured."""
    name = "outbox" if tenant.sending == "outbox" else _detected(tenant, channel)
    provider = providers.get(name)
    if provider is None or channel not in provider.channels:
        raise Problem(
            "CA-302",
            f'Tenant "{tenant.id}" wants to send {channel} through {name}, which this version cannot.',
            f"The providers for {channel} are {', '.join(_carriers(channel, providers)) or 'none'}.",
            f"communication-agent tenants set {tenant.id} email.provider   chooses another one",
        )
    return provider


def account(tenant: TenantSettings, provider: Provider, config: Config) -> Credentials:
    """What the provider is told about the tenant's account, and nothing of other providers; raises Problem CA-302 when a need is missing."""
    known = _accounts(tenant, config).get(provider.name, {})
    missing = [need for need in provider.needs if not known.get(need)]
    if missing:
        raise Problem(
            "CA-302",
            f'Tenant "{tenant.id}" has no {", ".join(missing)} for {provider.name}.',
            f"{provider.name} cannot send without.",
            f"communication-agent tenants set {tenant.id} {'email' if Channel.EMAIL in provider.channels else 'sms'}.{missing[0]}",
        )
    return {key: value for key, value in known.items() if value}


def is_loopback(tenant: TenantSettings, config: Config) -> bool:
    """Whether every address that this tenant's accounts lead to is on this machine, so that a pretended clock harms nobody."""
    email, addresses = tenant.email, list[str]()
    addresses += [config.resend_base_url] if email.resend_api_key or email.detected == "resend" else []
    addresses += [config.sendgrid_base_url] if email.sendgrid_api_key or email.detected == "sendgrid" else []
    addresses += [config.twilio_base_url] if tenant.sms.twilio_account_sid else []
    addresses += [config.gmail_base_url, config.google_token_url] if tenant.gmail else []
    hosts = [urlsplit(address).hostname or "" for address in addresses]
    hosts += [_smtp_host(email.smtp_url.get_secret_value())] if email.smtp_url else []
    return all(is_loopback_host(host) for host in hosts)


def _detected(tenant: TenantSettings, channel: Channel) -> str:
    found = tenant.email.detected if channel is Channel.EMAIL else tenant.sms.detected
    if found:
        return found
    keys = "email.resend_api_key, email.sendgrid_api_key or email.smtp_url"
    if channel is Channel.SMS:
        keys = "sms.twilio_account_sid and sms.twilio_auth_token"
    raise Problem(
        "CA-302",
        f'Tenant "{tenant.id}" has no provider for {channel}.',
        f'Its file says sending = "live", but not {keys}.',
        f"communication-agent tenants set {tenant.id} {keys.split(maxsplit=1)[0].rstrip(',')}",
    )


def _carriers(channel: Channel, providers: Mapping[str, Provider]) -> list[str]:
    return sorted(name for name, provider in providers.items() if channel in provider.channels)


def _accounts(tenant: TenantSettings, config: Config) -> Mapping[str, Mapping[str, str]]:
    email, sms = tenant.email, tenant.sms
    return {
        "outbox": {"directory": str(config.outbox), "refuse": ",".join(tenant.outbox.refuse)},
        "smtp": {"smtp_url": email.smtp_url.get_secret_value() if email.smtp_url else ""},
        "resend": {
            "resend_api_key": email.resend_api_key.get_secret_value() if email.resend_api_key else "",
            "base_url": config.resend_base_url,
        },
        "sendgrid": {
            "sendgrid_api_key": email.sendgrid_api_key.get_secret_value() if email.sendgrid_api_key else "",
            "base_url": config.sendgrid_base_url,
        },
        "twilio": {
            "twilio_account_sid": sms.twilio_account_sid or "",
            "twilio_auth_token": sms.twilio_auth_token.get_secret_value() if sms.twilio_auth_token else "",
            "messaging_service_sid": sms.messaging_service_sid or "",
            "base_url": config.twilio_base_url,
        },
    }


def _smtp_host(url: str) -> str:
    try:
        return parse_url(url).host
    except ValueError:
        return ""


# ---- the envelope --------------------------------------------------------------------------------------------------


def envelope(
    job: Job,
    communication: Communication,
    content: Content,
    send: Send,
    tenant: TenantSettings,
    *,
    config_base_url: str,
    preferences_url: str,
    now: datetime,
) -> Message:
    """The message as it will leave: sender, recipient, date, ids and headers around the composed words.

    `preferences_url` is the customer's signed page, absolute or relative to `config_base_url`: GET shows it, POST unsubscribes.
    Raises Problem CA-302 when the tenant's own addresses are not valid.
    """
    if send.channel is Channel.SMS:
        return _text_message(job, content, send, tenant, now)
    sender, answers, domain = _addresses(tenant)
    headers = _headers(job, communication, tenant)
    if communication.purpose is Purpose.MARKETING:
        headers = [*_unsubscribe(urljoin(f"{config_base_url}/", preferences_url), answers), *headers]
    return Message(
        id=job.id,
        tenant_id=job.tenant_id,
        channel=Channel.EMAIL,
        sender=sender,
        to=send.address,
        date=now,
        subject=content.subject,
        html=content.html,
        text=content.text,
        reply_to=tenant.email.reply_to,
        headers=tuple(headers),
        message_id=f"<{job.id}@{domain}>",
        attachments=job.attachments,
    )


def _text_message(job: Job, content: Content, send: Send, tenant: TenantSettings, now: datetime) -> Message:
    sender = tenant.sms.messaging_service_sid or tenant.sms.from_ or tenant.sms_name
    return Message(job.id, job.tenant_id, Channel.SMS, sender, send.address, now, text=content.sms)


def _addresses(tenant: TenantSettings) -> tuple[str, str, str]:
    """The From mailbox, the bare address that answers go to, and the domain of Message-IDs."""
    email = tenant.email
    try:
        name, address = split_mailbox(email.from_ or f"service@{tenant.id}.invalid")
        answers = wire_address(split_mailbox(email.reply_to or address)[1])
        domain = email.message_id_domain or address.rpartition("@")[2]
        return mailbox(name or tenant.name, address), answers, wire_address(f"id@{domain}").rpartition("@")[2]
    except ValueError as error:
        raise Problem(
            "CA-302",
            f'Tenant "{tenant.id}" has an email address that is not valid.',
            f"[email] from, reply_to or message_id_domain: {error}.",
            f"communication-agent tenants set {tenant.id} email.from 'Name <address>'",
        ) from error


def _headers(job: Job, communication: Communication, tenant: TenantSettings) -> list[tuple[str, str]]:
    return [
        ("Auto-Submitted", "auto-generated"),  # RFC 3834: no vacation notes, please
        ("Feedback-ID", f"{communication.name}:{communication.purpose}:{tenant.id}:communication-agent"),
        ("X-Communication-ID", str(job.id)),
    ]


def _unsubscribe(page: str, answers: str) -> list[tuple[str, str]]:
    # RFC 8058: the mailbox provider POSTs to the page when its user clicks "unsubscribe".
    return [
        ("List-Unsubscribe", f"<{page}>, <mailto:{quote(answers, safe='@')}?subject=unsubscribe>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ]


# ---- frozen --------------------------------------------------------------------------------------------------------


def pack(message: Message) -> str:
    """The message as canonical JSON, for freezing: the same message always makes the same text.

    Raises Problem CA-308 for what a database cannot keep (NUL, lone surrogates).
    """
    fields = {
        "id": str(message.id),
        "tenant_id": message.tenant_id,
        "channel": str(message.channel),
        "sender": message.sender,
        "to": message.to,
        "date": message.date.astimezone(UTC).isoformat(),
        "subject": message.subject,
        "html": message.html,
        "text": message.text,
        "reply_to": message.reply_to,
        "headers": [list(header) for header in message.headers],
        "message_id": message.message_id,
        "attachments": [[a.filename, a.content_type, a.sha256] for a in message.attachments],
    }
    text = _canonical(fields)
    if not _keepable(text):
        raise Problem(
            "CA-308",
            f"The message {message.id} cannot be kept.",
            "Its words hold NUL or half a character.",
            f"communication-agent explain message {message.id}   shows the facts that they were made from",
        )
    return text


def _keepable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\\u0000" not in text or not _NUL.search(text)


def unpack(text: str) -> Message:
    """The message that was packed, also from a text that the database has laid out anew."""
    fields = cast("dict[str, str]", json.loads(text))
    headers = cast("list[tuple[str, str]]", fields["headers"])
    attachments = cast("list[tuple[str, str, str]]", fields["attachments"])
    return Message(
        id=UUID(fields["id"]),
        tenant_id=fields["tenant_id"],
        channel=Channel(fields["channel"]),
        sender=fields["sender"],
        to=fields["to"],
        date=datetime.fromisoformat(fields["date"]),
        subject=fields["subject"],
        html=fields["html"],
        text=fields["text"],
        reply_to=fields["reply_to"],
        headers=tuple((name, value) for name, value in headers),
        message_id=fields["message_id"],
        attachments=tuple(Attachment(*attachment) for attachment in attachments),
    )


def payload_hash(text: str) -> str:
    """The sha256 (hex) of a packed message, whatever the order and spaces a database gave its JSON."""
    return hashlib.sha256(_canonical(cast("object", json.loads(text))).encode()).hexdigest()


def _canonical(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


# ---- out -----------------------------------------------------------------------------------------------------------


async def deliver(provider: Provider, dispatch: Dispatch) -> Receipt:
    """Call the provider within the deadline; whatever it raises is Unknown, for the message may have left."""
    try:
        async with asyncio.timeout(dispatch.timeout + _PATIENCE):
            return await provider.send(dispatch)
    except TimeoutError:
        return Unknown("provider_timeout")
    except Exception as error:  # noqa: BLE001 - an adapter's bug must not lose the message's trail
        telemetry.provider_failed(provider.name, error)
        return Unknown(f"provider_error: {type(error).__name__}")
