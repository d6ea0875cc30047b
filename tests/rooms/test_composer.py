"""The words that leave the house: whole, clean, on one line where they must be, and never with a hole."""

import string
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from communication_agent.communication import Button, Communication
from communication_agent.communications.annual_tuneup import ANNUAL_TUNEUP
from communication_agent.communications.purchase_receipt import PURCHASE_RECEIPT
from communication_agent.communications.seven_day_checkin import SEVEN_DAY_CHECKIN
from communication_agent.content.catalogue import CATALOGUE
from communication_agent.content.composer import MessageLinks, compose
from communication_agent.content.gsm7 import septets, to_gsm7
from communication_agent.content.variables import facts_for
from communication_agent.domain import Channel, Content, Customer, Snapshot
from communication_agent.errors import Problem
from communication_agent.tenant import TenantDatabase, TenantSettings

TENANT = TenantSettings(
    id="green-valley",
    name="Green Valley Outdoor Power",
    sms_name="Green Valley",
    time_zone="America/New_York",
    phone="(614) 555-0142",
    address="2100 Mill Road, Delaware, OH 43015",
    hours="Mon-Fri 8-5:30, Sat 8-1",
    sender_name="Dana Whitfield",
    booking_url="https://greenvalley.example/book",
    brand_color="#1f6b3a",
    response_promise="one business day",
    approval_above=500,
    database=TenantDatabase(embedded=True, port=5432),
)
LINKS = MessageLinks("https://m.example/u/x7fK2q", "dana@greenvalley.example")
SAMPLE = {name: variable.example for name, variable in CATALOGUE.items()}
TODAY = date(2026, 11, 23)
SOMEBODY = Customer(
    id="991",
    first_name="",
    last_name="",
    company="",
    language=None,
    postal_code=None,
    state=None,
    time_zone=None,
    do_not_contact=False,
    preferred_channel=None,
    email_consent=None,
    sms_consent=None,
    sms_consent_at=None,
)


def email(communication: Communication = ANNUAL_TUNEUP, **facts: str) -> Content:
    return compose(communication, TENANT, Channel.EMAIL, SAMPLE | facts, LINKS)


def sms(communication: Communication = ANNUAL_TUNEUP, **facts: str) -> str:
    return compose(communication, TENANT, Channel.SMS, SAMPLE | facts, LINKS).sms


def with_words(**changes: object) -> Communication:
    return replace(ANNUAL_TUNEUP, wording=replace(ANNUAL_TUNEUP.wording, **changes))


def facts_of(first_name: str) -> dict[str, str]:
    """What facts_for makes of a customer's name, with the sample's other facts."""
    customer = replace(SOMEBODY, first_name=first_name)
    made = facts_for(
        ANNUAL_TUNEUP, TENANT, Snapshot(customer, None), given={}, links={}, due_on=TODAY, sent_on=TODAY, has_attachment=False
    )
    return {**SAMPLE, "first_name": made["first_name"]}


def test_an_email_has_all_its_parts_and_no_sms() -> None:
    content = email()
    assert content.subject == "Time for your Meadowlark ZT-48 tune-up"
    assert content.preheader == "A yearly check keeps small wear from becoming a repair."
    assert content.html.startswith("<!doctype html>")
    assert content.text.startswith("Hi Karen,\n\nLater this month")
    assert content.sms == ""


def test_an_sms_is_nothing_but_an_sms() -> None:
    assert compose(ANNUAL_TUNEUP, TENANT, Channel.SMS, SAMPLE, LINKS) == Content(
        sms="Green Valley: Hi Karen, your ZT-48 is due for its yearly tune-up. Book: gvop.example/7fK2q Reply STOP to opt out"
    )


def test_the_same_facts_always_make_the_same_words() -> None:
    assert email() == email()


def test_marketing_can_be_left_and_everything_can_be_chosen() -> None:
    assert "Unsubscribe or choose what you get" in email().html
    assert "Unsubscribe or choose what you get:\nhttps://m.example/u/x7fK2q\n" in email().text
    assert "Unsubscribe" not in email(PURCHASE_RECEIPT).html
    assert "Message settings:\nhttps://m.example/u/x7fK2q\n" in email(PURCHASE_RECEIPT).text


def test_the_footer_says_who_writes_from_where_and_why() -> None:
    for part in (email().html, email().text):
        assert TENANT.name in part
        assert TENANT.address in part
        assert ANNUAL_TUNEUP.reason_line in part


def test_a_reply_button_writes_to_the_mailbox_with_the_subject() -> None:
    html = email(SEVEN_DAY_CHECKIN).html
    assert 'href="mailto:dana@greenvalley.example?subject=Re%3A%20How%20is%20your%20Meadowlark%20ZT-48%20doing%3F"' in html


def test_a_mailbox_may_come_with_a_name_and_without_any_the_dealer_is_called() -> None:
    named = MessageLinks(LINKS.preferences, "Green Valley <service@greenvalley.example>")
    assert (
        "Ask us a question:\nservice@greenvalley.example\n" in compose(SEVEN_DAY_CHECKIN, TENANT, Channel.EMAIL, SAMPLE, named).text
    )
    nobody = MessageLinks(LINKS.preferences, "")
    assert "Ask us a question:\n(614) 555-0142\n" in compose(SEVEN_DAY_CHECKIN, TENANT, Channel.EMAIL, SAMPLE, nobody).text


def test_a_button_may_call_the_dealer() -> None:
    content = email(with_words(button=Button("Call us", "dealership_phone")))
    assert 'href="tel:+16145550142"' in content.html
    assert "Call us:\n(614) 555-0142\n" in content.text


def test_without_an_offer_no_offer_is_mentioned() -> None:
    assert "Right now: 10% off any tune-up booked this month, until December 31." in email().text
    assert "Right now" not in email(offer_text="", offer_expires="").text


def test_the_words_fit_the_machine() -> None:
    assert "battery and connections" in email(power_source="battery").text
    assert "fluids and filters" in email(power_source="").text


def test_phones_money_dates_and_hours_stay_on_one_line_in_html_only() -> None:
    content = email(PURCHASE_RECEIPT, has_attachment="true", purchase_total="$5,349.00")
    assert "(614)\u00a0555\u20110142" in content.html
    assert content.html.count("Mon\u2011Fri\u00a08\u20115:30, Sat\u00a08\u20111") == 2
    assert '<span style="white-space:nowrap">R-88213</span>' in content.html
    assert "until December\u00a031." in email().html
    for plain in (content.text, content.subject, content.preheader, email().text):
        assert not set("\u00a0\u2011\ue000\ue001") & set(plain)


def test_a_receipt_without_a_file_does_not_promise_one() -> None:
    without = email(PURCHASE_RECEIPT, has_attachment="", purchase_total="")
    assert "attached" not in without.text + without.html
    assert "is attached as a" in email(PURCHASE_RECEIPT, has_attachment="true").text


HOSTILE_NAMES = [
    "<script>alert(1)</script>",
    "Bob<img src=x onerror=alert(1)>",
    '"><a href="https://evil.example">x</a>',
    "{{ booking_url }}{% raw %}",
    "[[body]]",
    "Karen\r\nBcc: everyone@evil.example\r\n\r\nHello",
    "Karen\nX-Evil: 1",
    "x" * 10_000,
    "Karen " * 2_000,
    "🚜🚜🚜",
    "Karen 🚜",
    "\u202eneraK\u2066",
    "שרה",
    "عبد الله",
    "Ka\u200b\u200dren\ufeff",
    "\ue000Karen\ue001",
    "Z\u0351\u036b\u0343a\u0489l\u0321go",
    "None",
    "%s %(x)s {0}",
    "\\n\\r",
    "&lt;b&gt;",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=lambda name: ascii(name[:30]))
def test_no_name_can_harm_a_message(name: str) -> None:
    facts = facts_of(name)
    content = compose(ANNUAL_TUNEUP, TENANT, Channel.EMAIL, facts, LINKS)
    text = compose(ANNUAL_TUNEUP, TENANT, Channel.SMS, facts, LINKS).sms
    for tag in ("<script", "<img", 'evil.example"', "<b>"):
        assert tag not in content.html
    assert len(content.html.encode()) <= 20_000
    assert all(character.isprintable() for character in content.subject + content.preheader)
    assert not set("\r\u202e\u2066\u200b\ufeff\ue000") & set(content.html + content.text)
    assert to_gsm7(text) == text
    assert septets(text) <= 160
    assert text.endswith("Reply STOP to opt out")
    assert "Hi ," not in content.text + text


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_whatever_a_name_is_the_message_is_whole(name: str) -> None:
    facts = facts_of(name)
    content = compose(ANNUAL_TUNEUP, TENANT, Channel.EMAIL, facts, LINKS)
    assert content.html.count("<p ") == email().html.count("<p ")
    assert content.text.startswith("Hi ")
    assert len(content.subject.splitlines()) == 1
    assert septets(compose(ANNUAL_TUNEUP, TENANT, Channel.SMS, facts, LINKS).sms) <= 160


def test_html_in_a_name_is_shown_and_not_obeyed() -> None:
    content = email(first_name="<b>Bob</b> & Co")
    assert "Hi &lt;b&gt;Bob&lt;/b&gt; &amp; Co," in content.html
    assert "Hi <b>Bob</b> & Co," in content.text


def test_markup_in_the_wording_is_shown_too() -> None:
    content = email(with_words(body="Parts & service < 5 days <script>x</script>"))
    assert "Parts &amp; service &lt; 5 days &lt;script&gt;" in content.html
    assert "Parts & service < 5 days" in content.text


def test_a_subject_is_one_clean_line() -> None:
    content = email(with_words(subject="Your\n  {{ equipment_model }}\r\n tune-up"))
    assert content.subject == "Your Meadowlark ZT-48 tune-up"


def test_an_sms_spells_names_in_its_alphabet() -> None:
    assert "Hi Maria," in sms(first_name="María")
    assert "María" in email(first_name="María").html
    assert "Hi, your" in sms(first_name="שרה")


def test_a_long_sms_shortens_the_machine_then_drops_the_name_and_never_the_way_out() -> None:
    machine = "SnowRunner 28 Pro"
    long_words = with_words(
        sms='{{ sms_name }}: Hi{% if first_name != "" %} {{ first_name }}{% endif %}, your {{ equipment_short }} '
        + "a" * 76
        + " {{ short_link }} Reply STOP to opt out"
    )
    assert machine in sms(equipment_short=machine)
    assert "Hi Karen, your SnowRunner 28 a" in sms(long_words, equipment_short=machine, first_name="Karen")
    shorter = sms(long_words, equipment_short=machine, first_name="Christopher J.")
    assert "Hi, your SnowRunner a" in shorter
    assert septets(shorter) <= 160
    two = sms(with_words(sms=long_words.wording.sms.replace("a" * 76, "b" * 150)), equipment_short=machine)
    assert 160 < septets(two) <= 306
    assert two.startswith("Green Valley: Hi, your SnowRunner b")
    assert two.endswith("gvop.example/7fK2q Reply STOP to opt out")


def test_an_sms_that_no_carrier_takes_is_refused() -> None:
    with pytest.raises(Problem, match="1600 septets"):
        sms(with_words(sms="{{ sms_name }}" + "a" * 1588))


@pytest.mark.parametrize("part", ["subject", "preheader", "body", "sms"])
def test_a_misspelt_variable_is_named_with_its_type_part_and_likely_meaning(part: str) -> None:
    words = with_words(**{part: "{% if offer_text %}{{ offer_txt }}{% endif %} {{ sms_name }}"})
    with pytest.raises(Problem) as caught:
        compose(words, TENANT, Channel.SMS if part == "sms" else Channel.EMAIL, {**SAMPLE, "offer_text": ""}, LINKS)
    assert caught.value.code == "CA-308"
    assert caught.value.what.startswith("annual_tuneup, ")
    assert '"offer_txt"' in caught.value.what
    assert "offer_text" in caught.value.do


@pytest.mark.parametrize(
    ("name", "value"), [("equipment_model", ""), ("equipment_model", " "), ("equipment_name", "None"), ("equipment_model", "null")]
)
def test_a_message_with_a_hole_is_refused_naming_the_fact(name: str, value: str) -> None:
    with pytest.raises(Problem, match=name) as caught:
        compose(ANNUAL_TUNEUP, TENANT, Channel.EMAIL, {**SAMPLE, name: value}, LINKS)
    assert caught.value.code == "CA-308"


def test_an_absent_fact_is_refused_and_an_absent_optional_one_is_not() -> None:
    facts = {
        name: value for name, value in SAMPLE.items() if name not in {"first_name", "offer_text", "offer_expires", "power_source"}
    }
    assert compose(ANNUAL_TUNEUP, TENANT, Channel.EMAIL, facts, LINKS).text.startswith("Hi there,")
    del facts["equipment_name"]
    with pytest.raises(Problem, match="equipment_name is empty"):
        compose(ANNUAL_TUNEUP, TENANT, Channel.EMAIL, facts, LINKS)


def test_a_piece_of_a_template_never_leaves_the_house() -> None:
    with pytest.raises(Problem, match="hole"):
        email(first_name="{{ first_name }}")
    with pytest.raises(Problem):
        email(with_words(body="Dear {{ '{{' }} x }}"))


@pytest.mark.parametrize("body", ["", " \n ", '{% if offer_text != "" %}{{ offer_text }}{% endif %}'])
def test_an_empty_message_is_refused(body: str) -> None:
    with pytest.raises(Problem, match="nothing is left"):
        email(with_words(body=body), offer_text="")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "greenvalley.example", "data:text/html,x"])
def test_a_button_leads_to_an_address_or_nowhere_at_all(url: str) -> None:
    with pytest.raises(Problem, match="booking_url"):
        email(booking_url=url)
    unreachable = TENANT.model_copy(update={"phone": ""})
    with pytest.raises(Problem, match="reply"):
        compose(SEVEN_DAY_CHECKIN, unreachable, Channel.EMAIL, SAMPLE, MessageLinks(LINKS.preferences, ""))


def test_the_characters_of_a_text_are_the_ones_people_type() -> None:
    assert set(email().text) <= set(string.printable)
