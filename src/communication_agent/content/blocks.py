"""What an email consists of, before it is HTML or plain text: both parts are made of the same blocks."""

import re
from dataclasses import dataclass

from communication_agent.tenant import TenantSettings


@dataclass(frozen=True, slots=True)
class Branding:
    """What the dealer puts on every email."""

    name: str
    phone: str  # as people read it
    address: str
    hours: str
    sender_name: str
    logo_url: str | None
    color: str  # #rrggbb

    @property
    def phone_url(self) -> str:
        """tel: with the country code where it is known; empty when the dealer gave no number."""
        number = re.split(r"(?i)\s*(?:x|ext)", self.phone, maxsplit=1)[0]
        digits = re.sub(r"\D", "", number)
        if len(digits) < 7:
            return ""
        if number.startswith("+") or len(digits) > 10:
            return f"tel:+{digits}"
        return f"tel:+1{digits}" if len(digits) == 10 else f"tel:{digits}"


@dataclass(frozen=True, slots=True)
class Blocks:
    """One email's own words; paragraphs may hold line breaks and no-break characters, urls are absolute."""

    subject: str
    preheader: str
    paragraphs: tuple[str, ...]
    button_label: str
    button_url: str
    reason_line: str
    settings_label: str
    settings_url: str


def branding_of(tenant: TenantSettings) -> Branding:
    """The branding that a tenant file asks for."""
    return Branding(
        name=tenant.name,
        phone=tenant.phone,
        address=tenant.address,
        hours=tenant.hours,
        sender_name=tenant.sender_name,
        logo_url=tenant.logo_url,
        color=tenant.brand_color,
    )


def paragraphs_of(text: str) -> tuple[str, ...]:
    """The paragraphs of a rendered body: blank lines part them, blanks are tidied, line breaks stay."""
    tidy = "\n".join(re.sub(r" {2,}", " ", line).strip() for line in text.splitlines())
    return tuple(paragraph.strip("\n") for paragraph in re.split(r"\n{2,}", tidy) if paragraph.strip())
