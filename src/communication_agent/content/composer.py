"""The words of one message: wording and facts in, subject, HTML, text or SMS out, never with a hole."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from functools import lru_cache
from urllib.parse import quote

from communication_agent.communication import Communication
from communication_agent.content.blocks import Blocks, branding_of, paragraphs_of
from communication_agent.content.catalogue import CATALOGUE
from communication_agent.content.email_layout import render_html
from communication_agent.content.fact_text import clean
from communication_agent.content.gsm7 import septets, to_gsm7
from communication_agent.content.no_break import PLAIN, unbroken
from communication_agent.content.template_renderer import Template, compile_template, unknown
from communication_agent.content.text_part import render_text
from communication_agent.content.variables import may_be_empty, missing, values_of
from communication_agent.domain import Channel, Content, Purpose
from communication_agent.errors import Problem
from communication_agent.tenant import TenantSettings

__all__ = ["MessageLinks", "compose", "septets", "to_gsm7"]

ONE_SMS = 160  # septets
LONGEST_SMS = 1_530  # septets, ten parts; no carrier takes more
_LEFT_OVER = re.compile(r"\{\{|\}\}|\{%|%\}")
_NO_VALUE = frozenset({"None", "null", "undefined", "NaN"})


@dataclass(frozen=True, slots=True)
class MessageLinks:
    """Addresses made for one message."""

    preferences: str  # where the customer chooses what to get
    reply: str  # the mailbox that answers reach, with or without a name; without one the reply button calls the dealer


def compose(
    communication: Communication, tenant: TenantSettings, channel: Channel, facts: Mapping[str, str], links: MessageLinks
) -> Content:
    """The finished words of one message for `facts` as variables.facts_for makes them.

    Raises Problem CA-308 when the wording is wrong or would leave a hole.
    """
    known = {**dict.fromkeys(may_be_empty(communication), ""), **facts}
    if gaps := missing(communication, known, channel):
        raise _hole(communication, channel.value, f"{', '.join(gaps)} {'is' if len(gaps) == 1 else 'are'} empty")
    return _email(communication, tenant, known, links) if channel is Channel.EMAIL else _sms(communication, known)


def _email(communication: Communication, tenant: TenantSettings, facts: dict[str, str], links: MessageLinks) -> Content:
    wording = communication.wording
    shown = values_of(unbroken(facts))
    subject = _line(_rendered(communication, "subject", wording.subject, shown))
    blocks = Blocks(
        subject=subject,
        preheader=_line(_rendered(communication, "preheader", wording.preheader, shown)),
        paragraphs=paragraphs_of(_rendered(communication, "email body", wording.body, shown)),
        button_label=wording.button.label,
        button_url=_button_url(communication, tenant, facts, links, subject),
        reason_line=communication.reason_line,
        settings_label="Unsubscribe or choose what you get" if communication.purpose is Purpose.MARKETING else "Message settings",
        settings_url=links.preferences,
    )
    branding = branding_of(tenant)
    return Content(subject, blocks.preheader, render_html(branding, blocks), render_text(branding, blocks))


def _sms(communication: Communication, facts: dict[str, str]) -> Content:
    text = ""
    for tried in _ever_shorter(facts):
        words = to_gsm7(_rendered(communication, "SMS", communication.wording.sms, values_of(tried)))
        text = "\n".join(" ".join(line.split()) for line in words.strip().split("\n"))
        if septets(text) <= ONE_SMS:
            break
    if septets(text) > LONGEST_SMS:
        raise _hole(communication, "SMS", f"it has {septets(text)} septets, and at most {LONGEST_SMS} can be sent")
    return Content(sms=text)


def _ever_shorter(facts: dict[str, str]) -> Iterator[dict[str, str]]:
    """The facts in GSM-7, then with a shorter machine, at last without the name: the order in which an SMS gives way."""
    known = {name: " ".join(to_gsm7(value).split()) for name, value in facts.items()}
    yield known
    words = known.get("equipment_short", "").split()
    for count in range(len(words) - 1, 0, -1):
        known = {**known, "equipment_short": " ".join(words[:count])}
        yield known
    yield {**known, "first_name": ""}


def _rendered(communication: Communication, part: str, source: str, facts: Mapping[str, object]) -> str:
    try:
        template = _checked(source, frozenset(communication.given))
        text = template.render(facts)
    except Problem as problem:
        raise Problem(problem.code, f"{communication.name}, {part}: {problem.what}", problem.why, problem.do) from problem
    for name in template.variables:
        if facts.get(name) in _NO_VALUE:
            raise _hole(communication, part, f"{name} is {facts[name]!r}, which is no value")
    if not text.strip():
        raise _hole(communication, part, "nothing is left of it")
    if _LEFT_OVER.search(text):
        raise _hole(communication, part, "a piece of a template is left in it")
    return text


@lru_cache(maxsize=1024)
def _checked(source: str, given: frozenset[str]) -> Template:
    template = compile_template(source, html=False)
    if problem := unknown(template, given.union(CATALOGUE)):
        raise problem
    return template


def _hole(communication: Communication, part: str, why: str) -> Problem:
    what = f"{communication.name}, {part}: the message would have a hole."
    return Problem("CA-308", what, f"{why}.", "Mend the wording or the fact.")


def _line(text: str) -> str:
    return clean(text.translate(PLAIN))


def _button_url(
    communication: Communication, tenant: TenantSettings, facts: Mapping[str, str], links: MessageLinks, subject: str
) -> str:
    target = communication.wording.button.target
    mailbox = parseaddr(links.reply)[1]
    if target == "reply" and mailbox:
        url = f"mailto:{quote(mailbox, safe='@+')}?subject={quote(f'Re: {subject}')}"
    elif target in {"reply", "dealership_phone"}:
        url = branding_of(tenant).phone_url
    else:
        url = facts.get(target, "")
    if not url.startswith(("https://", "http://", "mailto:", "tel:")):
        raise _hole(communication, "button", f"{target} is {url!r}, which leads nowhere")
    return url
