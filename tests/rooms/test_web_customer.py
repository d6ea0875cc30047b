"""One customer's screen: what is known, what they want to hear, and why a message comes or does not."""

from datetime import date, timedelta

from communication_agent.app import App
from communication_agent.policy import RULES
from support.house import MONDAY, DealerRows, at, everything, listed
from support.web import FORM, Page, visitor

TODAY = MONDAY.date()
ANNIVERSARY = date(2024, 12, 7)  # of a purchase whose tune-up is due on MONDAY
ASK = "&type=annual_tuneup&date=2026-11-23"


async def page(house: App, path: str, status: int = 200) -> Page:
    """A page as somebody sees it."""
    async with visitor(house) as client:
        answer = await client.get(path)
    assert answer.status_code == status, answer.text
    return Page(answer.text)


def checks(found: Page) -> list[tuple[str, str]]:
    """Each line of an answer: the sign's name and the words."""
    lines = [node for node in found.all("li") if any(inner.name == "svg" for inner in node.inside) and node.above[-1] == "ul"]
    known = {"Holds", "Does not hold", "Passes", "Stops it", "Holds it", "Delays it"}
    signs = [(next(n.attributes.get("aria-label") for n in line.inside if n.name == "svg"), line) for line in lines]
    return [(sign, " ".join(line.words.split())) for sign, line in signs if sign in known]


async def test_a_customer_is_found_by_a_part_of_the_name_the_company_or_the_number(house: App, dealer: DealerRows) -> None:
    karen = await dealer.customer(first_name="Karen", last_name="Smith")
    await dealer.customer(first_name="Bo", last_name="Marsh", company="100% Turf_Care", do_not_contact=True)

    async def found(text: str) -> str:
        return (await page(house, f"/t/hilltop/customers?q={text}")).words

    assert "One person" in await found("smi")
    assert "Karen Smith" in await found(str(karen))
    assert "Do not contact" in await found("turf_")
    assert "One person" in await found("%25")
    assert "Nobody found" in await found("x" * 5000)
    assert "Written to lately" in await found("%00")
    assert "2 in the dealer's database" in await found("")


async def test_a_search_without_words_shows_who_was_written_to_lately(house: App, dealer: DealerRows) -> None:
    await dealer.bought(ANNIVERSARY, first_name="Karen")
    await dealer.customer(first_name="Bo")
    await everything(house)

    words = (await page(house, "/t/hilltop/customers")).words

    assert "Karen Smith" in words
    assert "Written to 10:00 am" in words
    assert "Bo Smith" not in words


async def test_the_screen_shows_machines_orders_addresses_consent_and_messages(house: App, dealer: DealerRows) -> None:
    customer = await dealer.customer(
        email="Karen@mail.example", phone="not a number", preferred_channel="sms", sms_consent=True, language="es", state="OH"
    )
    machine = await dealer.machine(customer, purchase_date=ANNIVERSARY, machine_hours=1234.5)
    await dealer.machine(customer, model="OLD", disposed_at="2026-01-05T12:00:00Z")
    await dealer.work_order(customer, machine, status="picked_up", summary="new belt", opened_at=MONDAY - timedelta(days=300))
    await everything(house)

    words = (await page(house, f"/t/hilltop/customer?id={customer}")).words

    for told in (
        "Prefers texts",
        "Spanish",
        "Karen@mail.example",
        "Nothing stands against it",
        "not a number",
        "Cannot be written to as it stands",
        "Meadowlark ZT-48",
        "1,234 h",
        "bought Dec 7, 2024",
        "no longer theirs since Jan 5",
        "Service: new belt (picked up)",
        "Time for your Meadowlark ZT-48 tune-up",
        "The dealer's record: agreed",
    ):
        assert told in words


async def test_why_shows_every_condition_and_every_rule_of_a_message_that_would_go(house: App, dealer: DealerRows) -> None:
    customer = await dealer.bought(ANNIVERSARY)

    found = await page(house, f"/t/hilltop/customer?id={customer}{ASK}")

    assert "Yes, it would be sent" in found.words
    assert "Annual tune-up reminder, Monday, November 23, 2026: 9:00 am" in found.words
    told = checks(found)
    assert {sign for sign, _ in told} == {"Holds", "Passes"}
    assert ("Holds", "At least one year old on the anniversary (Dec 7, 2024)") in told
    assert ("Passes", "Nobody told us to stop") in told
    assert len(told) == 4 + len(RULES)
    assert "This decides." not in found.words


async def test_why_not_names_the_condition_that_decides_and_what_it_saw(house: App, dealer: DealerRows) -> None:
    customer = await dealer.customer()
    machine = await dealer.machine(customer, purchase_date=ANNIVERSARY)
    await dealer.work_order(customer, machine, opened_at=MONDAY - timedelta(days=10))

    found = await page(house, f"/t/hilltop/customer?id={customer}{ASK}")

    assert "Not due" in found.words
    deciding = [(sign, words) for sign, words in checks(found) if words.endswith("This decides.")]
    assert deciding == [("Does not hold", "No service opened in the last 60 days (Nov 13, 2026) This decides.")]


async def test_why_not_names_the_rule_that_stops_a_message_that_is_due(house: App, dealer: DealerRows) -> None:
    customer = await dealer.bought(ANNIVERSARY, do_not_contact=True)

    found = await page(house, f"/t/hilltop/customer?id={customer}{ASK}")

    assert "No, it would be skipped" in found.words
    deciding = [(sign, words) for sign, words in checks(found) if words.endswith("This decides.")]
    assert len(deciding) == 1
    assert deciding[0][0] == "Stops it"
    assert "The customer, or a provider on their behalf, has told us to stop. (email: do not contact)" in deciding[0][1]


async def test_why_after_the_message_says_that_the_occasion_has_had_its_message(house: App, dealer: DealerRows) -> None:
    customer = await dealer.bought(ANNIVERSARY)
    await everything(house)

    found = await page(house, f"/t/hilltop/customer?id={customer}{ASK}")

    assert "It has had its message" in found.words
    assert checks(found)[-1] == ("Stops it", "This occasion has had its message This decides.")


async def test_why_agrees_with_what_the_scan_then_does(house: App, dealer: DealerRows) -> None:
    customers = [
        await dealer.bought(ANNIVERSARY),
        await dealer.bought(ANNIVERSARY, email=None),
        await dealer.bought(ANNIVERSARY, do_not_contact=True),
        await dealer.bought(date(2024, 12, 8)),
        await dealer.bought(ANNIVERSARY, email_consent=False),
        await dealer.customer(),
    ]
    answers = {str(c): (await page(house, f"/t/hilltop/customer?id={c}{ASK}")).words for c in customers}
    await everything(house)

    outcomes = {message.customer_id: message.outcome for message in await listed(house)}
    said = {"sent": "Yes, it would be sent", "skipped": "No, it would be skipped", None: "Not due"}
    for customer, words in answers.items():
        assert said[outcomes.get(customer)] in words
    assert sorted(outcomes.values()) == ["sent", "skipped", "skipped", "skipped"]


async def test_a_type_that_another_system_asks_for_says_so_and_still_asks_the_gate(house: App, dealer: DealerRows) -> None:
    customer = await dealer.bought(ANNIVERSARY, do_not_contact=True)

    found = await page(house, f"/t/hilltop/customer?id={customer}&type=purchase_receipt")

    assert "Not due Purchase receipt: another system asks for it, no scan does" in found.words
    assert any(sign == "Stops it" and "told us to stop" in words for sign, words in checks(found))


async def test_why_for_a_customer_without_machines_has_an_answer(house: App, dealer: DealerRows) -> None:
    customer = await dealer.customer()
    assert "Has something on file that this type is about" in (await page(house, f"/t/hilltop/customer?id={customer}{ASK}")).words


BAD_QUESTIONS = {
    "&type=annual_tuneup&date=tomorrow": "That is not a date.",
    "&type=annual_tuneup&date=0001-01-01": "That is not a date.",
    "&type=annual_tuneup&date=9999-12-31": "That is not a date.",
    "&type=annual_tuneup&date=2026-02-30": "That is not a date.",
    "&type=nonsense": "There is no such type of message.",
}
SENSELESS = ({"words": " "}, {"level": "loud"}, {"channel": "fax"}, {"channel": ""})


async def test_a_question_that_cannot_be_asked_is_answered_beside_its_form(house: App, dealer: DealerRows) -> None:
    customer = await dealer.bought(ANNIVERSARY)
    for asked, told in BAD_QUESTIONS.items():
        assert told in (await page(house, f"/t/hilltop/customer?id={customer}{asked}", 422)).words


async def test_any_day_of_these_times_may_be_asked_about(house: App, dealer: DealerRows) -> None:
    customer = await dealer.bought(ANNIVERSARY)
    for day in ("2000-01-01", "2100-12-31", "2028-02-29"):
        for name in house.communications:
            await page(house, f"/t/hilltop/customer?id={customer}&type={name}&date={day}")


async def test_what_a_customer_says_at_the_counter_counts_at_once_and_is_kept_with_its_words(
    house: App, dealer: DealerRows
) -> None:
    customer = await dealer.bought(ANNIVERSARY)
    path = f"/t/hilltop/customer?id={customer}"
    async with visitor(house) as client:
        said = {"form_token": _token(Page((await client.get(path)).text)), "channel": "email", "level": "essential"}
        answer = await client.post(path, data={**said, "words": "At the counter: no more\r\nreminders"}, headers=FORM)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{path}#consent")
        shown = Page((await client.get(path)).text).words
    await everything(house)

    assert [(message.outcome, message.reason) for message in await listed(house)] == [("skipped", "suppressed")]
    assert "Told us: no marketing" in shown
    assert "Console, by staff: “ At the counter: no more reminders ”" in shown or "At the counter: no more reminders" in shown
    assert "Told the dealer to stop, marketing only" in shown
    async with house.central.engine() as conn:
        notes = await (await conn.execute("SELECT object, action, actor FROM audit_log WHERE action = 'wish_recorded'")).fetchall()
    assert notes == [(f"customer:{customer}", "wish_recorded", "staff")]


async def test_a_customer_who_wants_to_hear_again_is_written_to_again(house: App, dealer: DealerRows) -> None:
    customer = await dealer.bought(ANNIVERSARY)
    path = f"/t/hilltop/customer?id={customer}"
    async with visitor(house) as client:
        token = _token(Page((await client.get(path)).text))
        for level in ("nothing", "everything"):
            said = {"form_token": token, "channel": "email", "level": level, "words": "on the phone"}
            assert (await client.post(path, data=said, headers=FORM)).status_code == 303
    await everything(at(house, MONDAY + timedelta(minutes=1)))

    assert [message.outcome for message in await listed(house)] == ["sent"]


async def test_a_wish_without_proof_or_sense_is_not_written_down(house: App, dealer: DealerRows) -> None:
    customer = await dealer.bought(ANNIVERSARY)
    path = f"/t/hilltop/customer?id={customer}"
    async with visitor(house) as client:
        token = _token(Page((await client.get(path)).text))
        said = {"form_token": token, "channel": "email", "level": "nothing", "words": "on the phone"}
        for wrong in SENSELESS:
            answer = await client.post(path, data={**said, **wrong}, headers=FORM)
            assert answer.status_code == 422, wrong
            assert "Say what the customer wants, and how you know." in answer.text

    async with house.central.tenant("hilltop") as conn:
        assert await house.consents.ledger_of(conn, "hilltop", str(customer)) == []


async def test_a_form_of_another_browser_is_refused(house: App, dealer: DealerRows) -> None:
    customer = await dealer.bought(ANNIVERSARY)
    path = f"/t/hilltop/customer?id={customer}"
    async with visitor(house) as one, visitor(house) as other:
        token = _token(Page((await one.get(path)).text))
        await other.get(path)
        said = {"form_token": token, "channel": "email", "level": "nothing", "words": "on the phone"}
        refused = [
            await other.post(path, data=said, headers=FORM),
            await one.post(path, data={**said, "form_token": "0" * 64}, headers=FORM),
            await one.post(path, data={**said, "form_token": ""}, headers=FORM),
        ]
        taken = await one.post(path, data=said, headers=FORM)

    assert [answer.status_code for answer in refused] == [403, 403, 403]
    assert taken.status_code == 303


def _token(found: Page) -> str:
    return next(node.attributes["value"] or "" for node in found.all("input") if node.attributes.get("name") == "form_token")
