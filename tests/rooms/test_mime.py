"""Mail as bytes: what the standard library's parser reads back is what was meant, and no value can add a header."""

import email
import email.policy
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email.header import decode_header, make_header
from email.message import EmailMessage, MIMEPart
from email.utils import parseaddr
from typing import cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communication_agent.domain import Attachment, Channel, Message
from communication_agent.mime import mailbox, split_mailbox, to_bytes, wire_address

PDF = Attachment("Receipt R-88213.pdf", "application/pdf", "f00d")
MAIL = Message(
    id=UUID("01941f29-7c00-7000-8000-000000000001"),
    tenant_id="green-valley",
    channel=Channel.EMAIL,
    sender="Green Valley <service@greenvalley.example>",
    to="ada@customer.example",
    date=datetime(2026, 11, 22, 14, 0, 5, tzinfo=UTC),
    subject="Your mower is due",
    html="<p>Hello Ada</p>\n",
    text="Hello Ada\n",
    reply_to="dana@greenvalley.example",
    headers=(("List-Unsubscribe", "<https://greenvalley.example/p/abc>"),),
    message_id="<01941f29@greenvalley.example>",
)
# Whatever people type; no controls, which are refused, and no half characters, which no text can hold.
WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=300)
ANY_WORDS = r"."
BREAKS = ["\r\nBcc: eve@evil.example", "\n", "\r", "\0", "\x0b", "\x85", "\u2028", "\u2029", "\x1b", "\x7f", "\ud800"]
NO_ADDRESSES = [
    *(
        "",
        "ada",
        "ada@",
        "@b.example",
        "a b@c.example",
        "a@b.example, c@d.example",
        "<a@b.example>",
        "a@b@c.example",
        "a@-b.example",
    ),
    *("a@b..example", "a@[127.0.0.1]", '"a b"@c.example', "a@b.example>", "a@b.example.", "a@\u3000b.example"),
    *(f"{'a' * 250}@b.example", f"a@{'b' * 64}ä.example"),
]


def parsed(message: Message, files: dict[str, bytes] | None = None) -> EmailMessage:
    content = to_bytes(message, files or {})
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert not re.search(rb"[^\r]\n|\r[^\n]", content)
    mail = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    assert not mail.defects
    return mail


def header(message: Message, name: str) -> str:
    return str(cast("object", parsed(message)[name]))


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part
    return text_of(part)


def text_of(part: MIMEPart) -> str:
    return str(cast("object", part.get_content())).replace("\r\n", "\n")


def test_the_same_message_always_makes_the_same_bytes() -> None:
    message = replace(MAIL, attachments=(PDF,), subject="Prêt ✂")
    dealer_time = replace(message, date=message.date.astimezone(timezone(timedelta(hours=-5))))
    assert dealer_time == message
    assert to_bytes(dealer_time, {"f00d": b"%PDF"}) == to_bytes(message, {"f00d": b"%PDF"})


def test_every_header_says_what_was_given() -> None:
    mail = parsed(MAIL)
    assert [*mail.keys()][:7] == ["Date", "From", "To", "Reply-To", "Subject", "Message-ID", "List-Unsubscribe"]
    assert header(MAIL, "Date") == "Sun, 22 Nov 2026 14:00:05 +0000"
    assert header(MAIL, "From") == "Green Valley <service@greenvalley.example>"
    assert header(MAIL, "To") == "ada@customer.example"
    assert header(MAIL, "Reply-To") == "dana@greenvalley.example"
    assert header(MAIL, "Message-ID") == "<01941f29@greenvalley.example>"
    assert header(MAIL, "List-Unsubscribe") == "<https://greenvalley.example/p/abc>"


def test_phones_get_text_and_screens_get_html() -> None:
    mail = parsed(MAIL)
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert body(mail, "plain") == "Hello Ada\n"
    assert body(mail, "html") == "<p>Hello Ada</p>\n"


def test_a_message_of_text_alone_is_no_multipart() -> None:
    mail = parsed(replace(MAIL, html=""))
    assert mail.get_content_type() == "text/plain"
    assert text_of(mail) == "Hello Ada\n"


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=2000))
def test_a_body_arrives_as_it_was_written(text: str) -> None:
    mail = parsed(replace(MAIL, text=f"{text}\n", html=""))
    assert text_of(mail) == re.sub("\r\n?", "\n", f"{text}\n")


@pytest.mark.parametrize("text", ["x" * 100_000, ".\n..\n.\n", "From here\n", "tab \t \n", "--=_alternative_01\n", "🐐" * 5000])
def test_a_body_survives_what_breaks_mail(text: str) -> None:
    assert body(parsed(replace(MAIL, text=f"{text}\n")), "plain") == f"{text}\n"


@given(subject=WORDS)
def test_a_subject_arrives_as_it_was_written(subject: str) -> None:
    assert header(replace(MAIL, subject=subject), "Subject") == subject


@pytest.mark.parametrize("subject", ["a" * 10_000, "ä" * 10_000, "word " * 2000 + "end", "=?utf-8?q?x?=", "", "a  b\tc", " a "])
def test_a_subject_may_be_long_or_odd(subject: str) -> None:
    assert header(replace(MAIL, subject=subject), "Subject") == subject


@given(name=WORDS.map(str.strip))
def test_a_display_name_arrives_as_it_was_written(name: str) -> None:
    sender = mailbox(name, "service@greenvalley.example")
    assert split_mailbox(sender) == (name, "service@greenvalley.example")
    parsed(replace(MAIL, sender=sender))
    # Not the new parser: it puts a space between two encoded words when one of them holds a space.
    raw = email.message_from_bytes(to_bytes(replace(MAIL, sender=sender), {}))["From"]
    phrase, address = parseaddr(re.sub("\r\n", "", raw))
    assert (str(make_header(decode_header(phrase))), address) == (name, "service@greenvalley.example")


@pytest.mark.parametrize("line_break", BREAKS)
@pytest.mark.parametrize("field", ["sender", "to", "subject", "reply_to", "message_id"])
def test_no_value_smuggles_in_a_header(field: str, line_break: str) -> None:
    value = str(getattr(MAIL, field))
    for hostile in (value + line_break, line_break + value, f"a{line_break}{value}"):
        with pytest.raises(ValueError, match=ANY_WORDS):
            to_bytes(replace(MAIL, **{field: hostile}), {})


@pytest.mark.parametrize("line_break", BREAKS)
def test_no_extra_header_or_filename_smuggles_in_another(line_break: str) -> None:
    for name, value in (("X-Note", f"a{line_break}b"), (f"X{line_break}", "a")):
        with pytest.raises(ValueError, match=ANY_WORDS):
            to_bytes(replace(MAIL, headers=((name, value),)), {})
    with pytest.raises(ValueError, match=ANY_WORDS):
        to_bytes(replace(MAIL, attachments=(Attachment(f"a{line_break}.pdf", "application/pdf", "f00d"),)), {"f00d": b""})


@pytest.mark.parametrize("name", ["Bcc", "FROM", "Content-Type", "Resent-To", "", "X Y", "X:Y", "Subject"])
def test_an_extra_header_cannot_take_the_place_of_ours(name: str) -> None:
    with pytest.raises(ValueError, match="not a header"):
        to_bytes(replace(MAIL, headers=((name, "eve@evil.example"),)), {})


def test_a_long_unsubscribe_link_stays_whole() -> None:
    link = f"<https://greenvalley.example/p/{'t' * 400}>, <mailto:dana@greenvalley.example?subject=unsubscribe>"
    content = to_bytes(replace(MAIL, headers=(("List-Unsubscribe", link),)), {})
    assert b"/" + b"t" * 400 + b">,\r\n <mailto:" in content
    with pytest.raises(ValueError, match="too long"):
        to_bytes(replace(MAIL, headers=(("List-Unsubscribe", f"<https://a.example/{'t' * 1000}>"),)), {})


@pytest.mark.parametrize(
    "filename", ["a.pdf", "Größe.pdf", 'a"b\\c.pdf', "x" * 200 + ".pdf", "领收书 №5.pdf", "a;b=c.pdf", "%41.pdf"]
)
def test_an_attachment_arrives_with_its_name_and_bytes(filename: str) -> None:
    content = bytes(range(256)) * 50
    mail = parsed(replace(MAIL, attachments=(Attachment(filename, "application/pdf", "f00d"),)), {"f00d": content})
    assert mail.get_content_type() == "multipart/mixed"
    assert body(mail, "html") == "<p>Hello Ada</p>\n"
    [part] = mail.iter_attachments()
    assert (part.get_filename(), part.get_content_type()) == (filename, "application/pdf")
    assert part.get_payload(decode=True) == content


@pytest.mark.parametrize("kind", ["multipart/mixed", "message/rfc822", "text/html; charset=x", "pdf", ""])
def test_an_attachment_of_a_kind_that_changes_the_mail_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="cannot be attached"):
        to_bytes(replace(MAIL, attachments=(Attachment("a", kind, "f00d"),)), {"f00d": b""})


def test_a_promised_attachment_without_content_is_refused() -> None:
    with pytest.raises(ValueError, match="missing"):
        to_bytes(replace(MAIL, attachments=(PDF,)), {})


def test_an_international_domain_travels_in_ascii() -> None:
    assert wire_address("ada@münchen.example") == "ada@xn--mnchen-3ya.example"
    assert b"To: ada@xn--mnchen-3ya.example\r\n" in to_bytes(replace(MAIL, to="ada@münchen.example"), {})


def test_a_domain_that_python_would_misread_is_refused() -> None:
    with pytest.raises(ValueError, match="xn--"):
        wire_address("ada@straße.example")  # IDNA 2003 makes strasse.example of it: somebody else


def test_only_an_international_local_part_needs_bytes_beyond_ascii() -> None:
    international = replace(MAIL, subject="ä", sender="Ä <a@ä.example>", html="ä", text="ä")
    assert to_bytes(international, {}).isascii()
    assert "\r\nTo: jürgen@customer.example\r\n".encode() in to_bytes(replace(MAIL, to="jürgen@customer.example"), {})


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=ANY_WORDS):
        wire_address(address)
    with pytest.raises(ValueError, match=ANY_WORDS):
        to_bytes(replace(MAIL, to=f"Ada <{address}>" if "<" not in address else address + "x"), {})


def test_a_text_message_is_no_mail() -> None:
    with pytest.raises(ValueError, match="sms"):
        to_bytes(replace(MAIL, channel=Channel.SMS), {})
