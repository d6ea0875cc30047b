"""Facts are what a person would write: clean, short, dated in words; and nothing is said that is not known."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest

from communication_agent.communication import Communication
from communication_agent.communications.annual_tuneup import ANNUAL_TUNEUP
from communication_agent.communications.purchase_receipt import PURCHASE_RECEIPT
from communication_agent.communications.seven_day_checkin import SEVEN_DAY_CHECKIN
from communication_agent.content.catalogue import ALWAYS_OPTIONAL, CATALOGUE, Kind
from communication_agent.content.gsm7 import septets, to_gsm7
from communication_agent.content.variables import facts_for, missing
from communication_agent.domain import Address, Channel, Customer, Equipment, Snapshot, WorkOrder
from communication_agent.tenant import Offer, TenantDatabase, TenantSettings

TODAY = date(2026, 11, 23)
TENANT = TenantSettings.model_validate(
    {
        "id": "green-valley",
        "name": "Green Valley Outdoor Power",
        "sms_name": "Green Valley",
        "time_zone": "America/New_York",
        "phone": "(614) 555-0142",
        "address": "2100 Mill Road, Delaware, OH 43015",
        "hours": "Mon-Fri 8-5:30, Sat 8-1",
        "sender_name": "Dana Whitfield",
        "booking_url": "https://greenvalley.example/book",
        "database": TenantDatabase(embedded=True, port=5432),
        "offer": {"text": "10% off", "expires": date(2026, 12, 31)},
    }
)
KAREN = Customer(
    id="991",
    first_name="Karen",
    last_name="Smith",
    company="",
    language=None,
    postal_code="43015",
    state="OH",
    time_zone=None,
    do_not_contact=False,
    preferred_channel=None,
    email_consent=None,
    sms_consent=None,
    sms_consent_at=None,
)
MOWER = Equipment(
    id="99101",
    make="Meadowlark",
    model="ZT-48",
    kind="zero-turn mower",
    power_source="gas",
    serial_number="MLZ48-20931",
    purchase_date=date(2024, 3, 14),
    warranty_end=date(2027, 3, 14),
    machine_hours=104,
    hours_read_on=date(2026, 10, 3),
    disposed_on=None,
)
RECEIPT = {"receipt_number": "R-1", "purchase_total": "1"}
SNAPSHOT = Snapshot(KAREN, MOWER)


def facts(
    communication: Communication = ANNUAL_TUNEUP,
    snapshot: Snapshot = SNAPSHOT,
    tenant: TenantSettings = TENANT,
    *,
    today: date = TODAY,
    has_attachment: bool = False,
    given: Mapping[str, str] | None = None,
) -> dict[str, str]:
    return facts_for(
        communication,
        tenant,
        snapshot,
        given=given or {},
        links={"short_link": "gvop.example/7fK2q"},
        due_on=today,
        sent_on=today,
        has_attachment=has_attachment,
    )


def with_machine(**changes: object) -> Snapshot:
    return Snapshot(KAREN, replace(MOWER, **changes))


def first_name(name: str) -> str:
    return facts(snapshot=Snapshot(replace(KAREN, first_name=name), MOWER))["first_name"]


def test_every_variable_has_a_kind_examples_and_a_source() -> None:
    assert len(CATALOGUE) == 62
    assert all(
        variable.example and variable.long_example and variable.source and variable.meaning for variable in CATALOGUE.values()
    )
    assert {CATALOGUE[name].kind for name in ("booking_url", "short_link", "purchase_date")} == {Kind.HTTPS, Kind.URL, Kind.DATE}
    assert CATALOGUE["serial_number"].limit == 30
    assert set(CATALOGUE) >= ALWAYS_OPTIONAL


def test_facts_read_like_the_catalogues_examples() -> None:
    known = facts(
        snapshot=Snapshot(KAREN, MOWER, WorkOrder("7", "WO-20418", "service", "completed", "oil change", date(2026, 11, 12), None))
    )
    wanted = {
        "first_name": "Karen",
        "equipment_name": "Meadowlark ZT-48 zero-turn mower",
        "equipment_model": "Meadowlark ZT-48",
        "equipment_short": "ZT-48",
        "power_source": "gas",
        "serial_number": "MLZ48-20931",
        "purchase_date": "March 14, 2024",
        "years_owned": "2",
        "machine_hours": "104",
        "hours_read_date": "October 3",
        "warranty_end_date": "March 14, 2027",
        "work_order_number": "WO-20418",
        "service_summary": "oil change",
        "ready_since": "November 12",
        "dealership_name": "Green Valley Outdoor Power",
        "dealership_phone": "(614) 555-0142",
        "booking_url": "https://greenvalley.example/book",
        "response_promise": "one business day",
        "offer_text": "10% off",
        "offer_expires": "December 31",
        "short_link": "gvop.example/7fK2q",
    }
    assert {name: known.get(name) for name in wanted} == wanted
    assert "inventory_url" not in known


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("  Mary \t Ann ", "Mary Ann"),
        ("Karen\r\nBcc: all@evil.example", ""),
        ("Karen\r\nX-Header", "Karen X-Header"),
        ("Ka\u200bren\u202e\u2066", "Karen"),
        ("Zoe\u0308", "Zoë"),
        ("karen@example.com", ""),
        ("N/A", ""),
        ("None", ""),
        ("null", ""),
        ("- - -", ""),
        ("12345", ""),
        ("🚜", ""),
        ("Karen 🚜", "Karen 🚜"),
        ("www.evil.example", ""),
        ("{{ secret }}", "secret"),
        ("<b>Bob</b>", "<b>Bob</b>"),
        ("שרה", "שרה"),
        ("Hubert Blaine Wolfeschlegelsteinhausen Junior", "Hubert Blaine Wolfeschlegelsteinhausen"),
        ("x" * 10_000, ""),
        ("Karen " * 2_000, "Karen Karen Karen Karen Karen Karen"),
    ],
)
def test_a_first_name_is_a_name_or_nothing(raw: str, shown: str) -> None:
    assert first_name(raw) == shown


@pytest.mark.parametrize(
    ("make", "model", "kind", "names"),
    [
        ("Meadowlark", "Meadowlark ZT-48", "mower", ("Meadowlark ZT-48 mower", "Meadowlark ZT-48", "ZT-48")),
        ("MEADOWLARK", "meadowlark zt-48", "ZERO_TURN_MOWER", ("meadowlark zt-48 zero turn mower", "meadowlark zt-48", "zt-48")),
        ("Harrowgate", "Dray 400", "ATV", ("Harrowgate Dray 400 ATV", "Harrowgate Dray 400", "Dray 400")),
        ("Stonecrop", "Power Washer", "Washer", ("Stonecrop Power Washer", "Stonecrop Power Washer", "Power Washer")),
        ("Northfell", "SnowRunner 28 Pro Limited", "", ("Northfell SnowRunner 28 Pro Limited",) * 2 + ("SnowRunner 28 Pro",)),
        ("", "ZT-48", "mower", ("ZT-48 mower", "ZT-48", "ZT-48")),
        ("Meadowlark", "", "mower", ("Meadowlark mower", "Meadowlark", "Meadowlark")),
        ("None", "null", "mower", ("mower", None, "mower")),
        ("Ñandú", "Café–21", "", ("Ñandú Café–21", "Ñandú Café–21", "Café-21")),
    ],
)
def test_a_machine_is_called_what_a_person_would_call_it(make: str, model: str, kind: str, names: tuple[str | None, ...]) -> None:
    known = facts(snapshot=with_machine(make=make, model=model, kind=kind))
    assert tuple(known.get(name) for name in ("equipment_name", "equipment_model", "equipment_short")) == names


def test_very_long_texts_are_cut_at_a_word_and_numbers_never() -> None:
    known = facts(
        PURCHASE_RECEIPT,
        with_machine(make="Meadow lark " * 900, serial_number="S" * 70),
        given={"receipt_number": "R-88213-LONGER-THAN-THE-LIMIT"},
    )
    assert len(known["equipment_name"]) <= 80
    assert len(known["equipment_model"]) <= 40
    assert not known["equipment_model"].endswith(("Mea", "la", " "))
    assert known["receipt_number"] == "R-88213-LONGER-THAN-THE-LIMIT"
    assert known["serial_number"] == ""


@pytest.mark.parametrize(
    ("name", "raw", "shown"),
    [
        ("approval_deadline", "2026-11-27", "Friday, November 27"),
        ("approval_deadline", "Friday, November 27", "Friday, November 27"),
        ("delivery_date", "2026-11-24T09:00:00-05:00", "Tuesday, November 24"),
        ("due_date", "2026-11-30", "November 30"),
        ("due_date", "2026-13-45", None),
        ("appointment_time", "08:30", "8:30 am"),
        ("appointment_time", "13:05:00", "1:05 pm"),
        ("appointment_time", "00:15", "12:15 am"),
        ("purchase_total", "5349", "$5,349.00"),
        ("purchase_total", "$15,349.5", "$15,349.50"),
        ("purchase_total", "5 349,00 EUR", "5 349,00 EUR"),
        ("invoice_total", "0.00", "paid"),
        ("balance_due", "0", "$0.00"),
        ("power_source", "steam", ""),
        ("payment_url", "javascript:alert(1)", None),
        ("payment_url", "https://pay.example/\r\nx", None),
        ("payment_url", "https://pay.example/x?a=1&b=2", "https://pay.example/x?a=1&b=2"),
        ("delay_reason", "n/a", None),
        ("recall_hazard", "Fire. " * 60, ("Fire. " * 60).strip()),
        ("recall_hazard", "Fire. " * 600, None),
        ("nobody_uses_this", "x", None),
    ],
)
def test_given_facts_are_written_as_people_write_them_or_left_out(name: str, raw: str, shown: str | None) -> None:
    assert facts(PURCHASE_RECEIPT, given={name: raw}).get(name) == shown


def test_a_given_fact_wins_over_the_dealers_database_but_not_over_the_tenant_file() -> None:
    known = facts(
        given={"first_name": "Kay", "serial_number": "S-1", "offer_text": "90% off everything", "dealership_name": "Somebody Else"}
    )
    assert (known["first_name"], known["serial_number"]) == ("Kay", "S-1")
    assert (known["offer_text"], known["dealership_name"]) == ("10% off", "Green Valley Outdoor Power")


def test_whether_a_file_goes_along_is_seen_and_not_said() -> None:
    liar = facts_for(
        PURCHASE_RECEIPT,
        TENANT,
        SNAPSHOT,
        given={"has_attachment": "true"},
        links={},
        due_on=TODAY,
        sent_on=TODAY,
        has_attachment=False,
    )
    assert liar["has_attachment"] == ""
    assert facts(has_attachment=True)["has_attachment"] == "true"


def test_a_machine_that_only_the_queue_row_knows_gets_its_other_names_from_the_given_one() -> None:
    known = facts(PURCHASE_RECEIPT, Snapshot(KAREN, None), given={"equipment_model": "Northfell SnowRunner 28 Pro"})
    assert known["equipment_name"] == "Northfell SnowRunner 28 Pro"
    assert known["equipment_short"] == "Northfell"


def test_facts_computed_by_the_audience_are_taken() -> None:
    assert facts(snapshot=replace(SNAPSHOT, facts={"service_at_hours": "100"}))["service_at_hours"] == "100"


@pytest.mark.parametrize(
    ("offer", "shown"),
    [
        (Offer(text="10% off", expires=date(2026, 11, 23)), "10% off"),
        (Offer(text="10% off", expires=date(2026, 11, 22)), ""),
        (Offer(text="10% off", expires=None), ""),
        (Offer(text="", expires=date(2026, 12, 31)), ""),
    ],
)
def test_an_offer_without_a_last_day_or_past_it_is_no_offer(offer: Offer, shown: str) -> None:
    known = facts(tenant=TENANT.model_copy(update={"offer": offer}))
    assert known["offer_text"] == shown
    assert bool(known["offer_expires"]) == bool(shown)


@pytest.mark.parametrize(
    ("bought", "today", "years"),
    [
        (date(2024, 3, 14), date(2026, 3, 13), "1"),
        (date(2024, 3, 14), date(2026, 3, 14), "2"),
        (date(2024, 2, 29), date(2026, 2, 28), "2"),
        (date(2024, 2, 29), date(2028, 2, 28), "3"),
        (date(2024, 2, 29), date(2028, 2, 29), "4"),
        (date(2026, 3, 14), date(2026, 11, 23), None),
    ],
)
def test_years_owned_counts_anniversaries(bought: date, today: date, years: str | None) -> None:
    assert facts(snapshot=with_machine(purchase_date=bought), today=today).get("years_owned") == years


def test_a_message_that_is_due_later_counts_the_years_on_its_day() -> None:
    later = facts_for(
        ANNUAL_TUNEUP, TENANT, SNAPSHOT, given={}, links={}, due_on=date(2027, 3, 14), sent_on=TODAY, has_attachment=False
    )
    assert later["years_owned"] == "3"


def test_unknown_things_are_left_out_and_optional_ones_are_empty() -> None:
    known = facts(snapshot=Snapshot(None, None))
    assert {known[name] for name in (*ALWAYS_OPTIONAL - {"offer_text", "offer_expires"}, "power_source", "has_attachment")} == {""}
    assert "equipment_name" not in known


def test_the_address_is_the_primary_one_that_works() -> None:
    addresses = (
        Address(Channel.EMAIL, "old@karen.example", primary=True, status="bounced"),
        Address(Channel.EMAIL, "a@karen.example", primary=False, status="active"),
        Address(Channel.EMAIL, "b@karen.example", primary=True, status="active"),
        Address(Channel.SMS, "+16145550199", primary=True, status="active"),
    )
    assert facts(snapshot=Snapshot(replace(KAREN, addresses=addresses), MOWER))["customer_email"] == "b@karen.example"


def test_nothing_is_missing_from_a_complete_message() -> None:
    for channel in Channel:
        assert missing(ANNUAL_TUNEUP, facts(), channel) == ()
        assert missing(PURCHASE_RECEIPT, facts(PURCHASE_RECEIPT, given=RECEIPT), channel) == ()


def test_only_the_facts_of_the_channel_count() -> None:
    known = facts()
    del known["short_link"], known["equipment_name"]
    assert missing(ANNUAL_TUNEUP, known, Channel.EMAIL) == ("equipment_name",)
    assert missing(ANNUAL_TUNEUP, known, Channel.SMS) == ("short_link",)


def test_the_buttons_target_must_be_known() -> None:
    tenant = TENANT.model_copy(update={"booking_url": None})
    assert missing(ANNUAL_TUNEUP, facts(tenant=tenant), Channel.EMAIL) == ("booking_url",)
    assert missing(SEVEN_DAY_CHECKIN, facts(SEVEN_DAY_CHECKIN, tenant=tenant), Channel.EMAIL) == ()


def test_a_fact_in_a_branch_that_is_not_taken_may_be_absent() -> None:
    known = facts(PURCHASE_RECEIPT, given={"receipt_number": "R-88213"})
    assert missing(PURCHASE_RECEIPT, known, Channel.EMAIL) == ()
    assert missing(PURCHASE_RECEIPT, {**known, "has_attachment": "true"}, Channel.EMAIL) == ("purchase_total",)
    assert missing(PURCHASE_RECEIPT, facts(PURCHASE_RECEIPT), Channel.EMAIL) == ("receipt_number",)


def test_what_the_words_do_without_is_never_missing() -> None:
    bare = facts(PURCHASE_RECEIPT, with_machine(power_source=None, serial_number=None), given=RECEIPT)
    assert missing(PURCHASE_RECEIPT, {**bare, "first_name": ""}, Channel.EMAIL) == ()
    assert missing(ANNUAL_TUNEUP, {**bare, "offer_text": "", "offer_expires": ""}, Channel.EMAIL) == ()


def test_a_fact_that_cannot_be_written_in_an_sms_is_missing_there() -> None:
    known = {**facts(), "equipment_short": "雪"}
    assert missing(ANNUAL_TUNEUP, known, Channel.SMS) == ("equipment_short",)
    assert missing(ANNUAL_TUNEUP, known, Channel.EMAIL) == ()


@pytest.mark.parametrize(
    ("text", "sent", "length"),
    [
        ("María", "Maria", 5),
        ("É è ñ ü Å ß", "É è ñ ü Å ß", 11),
        ("ç ê ã ő Ł œ", "c e a o L oe", 12),
        ("“Don’t” – wait… 5′ •", "\"Don't\" - wait... 5' -", 22),
        ("€5 [a] {b} \\ ~ ^ |", "€5 [a] {b} \\ ~ ^ |", 27),
        ("🚜 שרה", " ", 1),
        ("a\u00a0b\u202f1", "a b 1", 5),
        ("rock `n` roll", "rock 'n' roll", 13),
        ("½ ² ﬁ", "12 2 fi", 7),
    ],
)
def test_gsm7_spells_what_it_can_and_counts_what_is_sent(text: str, sent: str, length: int) -> None:
    assert to_gsm7(text) == sent
    assert septets(text) == length
