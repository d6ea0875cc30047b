"""Every type on the shelf keeps the catalogue's promises: length, tone of the empty name, opt-out, known variables."""

import re
from dataclasses import replace
from itertools import product

import pytest

import communication_agent.communications as shelf
from communication_agent.communication import Communication
from communication_agent.content.catalogue import CATALOGUE
from communication_agent.content.composer import MessageLinks, compose
from communication_agent.content.gsm7 import septets, to_gsm7
from communication_agent.content.template_renderer import compile_template
from communication_agent.content.variables import missing
from communication_agent.domain import Channel, Purpose
from communication_agent.errors import Problem
from communication_agent.registry import discover
from communication_agent.tenant import TenantDatabase, TenantSettings

TYPES = discover(shelf, Communication)
LINKS = MessageLinks("https://m.example/u/x7fK2q", "dana@greenvalley.example")
SAMPLE = {name: variable.example for name, variable in CATALOGUE.items()}
LONG = {name: variable.long_example for name, variable in CATALOGUE.items()}
# Two spaces, a space before a mark, a comma after nothing: what an empty value leaves behind.
GAP = re.compile(r"  | [,.!?;:]|^,|Hi ,|\(\)|,,|\.\.")
LINK = re.compile(r"\w\.example/|https?://")

VARIANTS = {
    f"{'long' if facts is LONG else 'sample'}-{'named' if name else 'nameless'}-{'offer' if offer else 'plain'}-{power}-{'file' if file else 'bare'}": {
        **facts,
        **({} if name else {"first_name": ""}),
        **({} if offer else {"offer_text": "", "offer_expires": ""}),
        "power_source": power,
        "has_attachment": "true" if file else "",
    }
    for facts, name, offer, power, file in product((SAMPLE, LONG), (True, False), (True, False), ("gas", "battery"), (True, False))
}


@pytest.fixture(params=sorted(TYPES))
def communication(request: pytest.FixtureRequest) -> Communication:
    return TYPES[request.param]


@pytest.fixture(params=sorted(VARIANTS))
def facts(request: pytest.FixtureRequest) -> dict[str, str]:
    return VARIANTS[request.param]


def dealer(facts: dict[str, str]) -> TenantSettings:
    return TenantSettings(
        id="green-valley",
        name=facts["dealership_name"],
        sms_name=facts["sms_name"],
        time_zone="America/New_York",
        phone=facts["dealership_phone"],
        address=facts["dealership_address"],
        hours=facts["dealership_hours"],
        sender_name=facts["sender_name"],
        booking_url=facts["booking_url"],
        brand_color="#1f6b3a",
        response_promise="one business day",
        approval_above=500,
        database=TenantDatabase(embedded=True, port=5432),
    )


def words(communication: Communication) -> tuple[str, ...]:
    wording = communication.wording
    return wording.subject, wording.preheader, wording.body, wording.sms


def test_the_email_keeps_its_lengths(communication: Communication, facts: dict[str, str]) -> None:
    content = compose(communication, dealer(facts), Channel.EMAIL, facts, LINKS)
    longest = 60 if facts["equipment_model"] == SAMPLE["equipment_model"] else 78
    assert 10 <= len(content.subject) <= longest
    assert 30 <= len(content.preheader) <= 90
    body = content.text.partition(f"\n\n{communication.wording.button.label}:\n")[0]
    assert 60 <= len(body.split()) <= 120
    assert len(content.html.encode()) <= 20_000


def test_the_email_has_no_gap_and_no_piece_of_a_template(communication: Communication, facts: dict[str, str]) -> None:
    content = compose(communication, dealer(facts), Channel.EMAIL, facts, LINKS)
    for text in (content.subject, content.preheader, content.text):
        assert not GAP.search(text)
        assert "{{" not in text
    assert "{{" not in content.html
    assert "{%" not in content.html
    assert "[[" not in content.html


def test_the_sms_fits_into_one_and_opens_with_the_dealer(communication: Communication, facts: dict[str, str]) -> None:
    text = compose(communication, dealer(facts), Channel.SMS, facts, LINKS).sms
    assert septets(text) <= 160
    assert to_gsm7(text) == text
    assert text.startswith(f"{facts['sms_name']}: ")
    assert len(LINK.findall(text)) <= 1
    assert not GAP.search(text)
    # Nothing had to give way: the catalogue's long values fit as they are.
    assert facts["equipment_short"] in text or "equipment_short" not in communication.wording.sms


def test_a_marketing_sms_ends_with_the_way_out(communication: Communication) -> None:
    text = compose(communication, dealer(LONG), Channel.SMS, LONG, LINKS).sms
    assert text.endswith("STOP to opt out") == (communication.purpose is Purpose.MARKETING)


def test_only_marketing_may_make_an_offer(communication: Communication) -> None:
    used = frozenset[str]().union(*(compile_template(text, html=False).variables for text in words(communication)))
    assert communication.purpose is Purpose.MARKETING or not used & {"offer_text", "offer_expires"}


def test_every_variable_is_known_and_given_ones_are_in_the_catalogue(communication: Communication) -> None:
    for text in words(communication):
        assert compile_template(text, html=False).variables <= CATALOGUE.keys()
    assert set(communication.given) | communication.may_be_empty <= CATALOGUE.keys()
    assert communication.wording.button.target in {"reply", *CATALOGUE}


def test_nothing_is_missing_when_everything_is_known(communication: Communication) -> None:
    assert missing(communication, SAMPLE, Channel.EMAIL) == ()
    assert missing(communication, SAMPLE, Channel.SMS) == ()


def test_each_fact_of_the_words_is_missed_when_it_is_empty(communication: Communication) -> None:
    for channel, text in ((Channel.EMAIL, communication.wording.body), (Channel.SMS, communication.wording.sms)):
        optional = {"first_name", "offer_text", "offer_expires", "inquiry_summary", "power_source", "has_attachment"}
        for name in compile_template(text, html=False).variables - optional - communication.may_be_empty:
            assert missing(communication, {**SAMPLE, name: ""}, channel) == (name,)


def test_a_misspelt_variable_fails_naming_it(communication: Communication) -> None:
    wording = communication.wording
    broken = replace(communication, wording=replace(wording, body=wording.body.replace("dealership_phone", "dealership_fone")))
    with pytest.raises(Problem, match='"dealership_fone"') as caught:
        compose(broken, dealer(SAMPLE), Channel.EMAIL, SAMPLE, LINKS)
    assert "dealership_phone" in caught.value.do
    assert communication.name in caught.value.what


def test_the_wording_shouts_not(communication: Communication) -> None:
    for text in words(communication):
        assert text.count("!") - text.count("!=") <= 1
        assert not set(re.findall(r"\b[A-Z]{4,}\b", text)) - {"STOP"}
