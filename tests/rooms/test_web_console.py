"""The console's screens: they say what is in the databases, of one dealer only, and answer why."""

import re
from datetime import date, timedelta
from uuid import UUID, uuid4

from communication_agent.app import App
from communication_agent.domain import Channel
from support.house import MONDAY, DealerRows, at, everything, listed, settings_for
from support.web import Page, visitor

TODAY = MONDAY.date()
ANNIVERSARY = date(2024, 12, 7)  # of a purchase whose tune-up is due on MONDAY


async def page(house: App, path: str, status: int = 200) -> Page:
    """A page as somebody sees it."""
    async with visitor(house) as client:
        answer = await client.get(path)
    assert answer.status_code == status, answer.text
    return Page(answer.text)


def rows(found: Page) -> list[str]:
    """The lines of a list of messages."""
    return [" ".join(node.words.split()) for node in found.all("li") if node.attributes.get("class") == "row"]


def tile(found: Page, label: str) -> str:
    """One number of Today, with its note."""
    return next(
        " ".join(n.words.split()) for n in found.all("a") if "tile" in (n.attributes.get("class") or "") and label in n.words
    )


async def test_today_counts_what_was_sent_skipped_and_waits_by_reason_and_type(house: App, dealer: DealerRows) -> None:
    for email in ("", "", None):
        await dealer.bought(TODAY - timedelta(days=7), email=email)
    await dealer.bought(ANNIVERSARY, do_not_contact=True)
    await dealer.bought(ANNIVERSARY, time_zone="America/Los_Angeles")
    await everything(house)

    today = await page(house, "/t/hilltop")

    assert tile(today, "Sent today") == "Sent today 2 2 emails"
    assert tile(today, "Skipped") == "Skipped 2 1 no address, 1 told us to stop"
    assert tile(today, "Waiting").startswith("Waiting 1 1 quiet hours, first")
    assert tile(today, "Failed") == "Failed 0 None in a year"
    table = today.all("table")[1].words.split()
    assert table == [
        "Type",
        "Sent",
        "Waiting",
        "Skipped",
        "Failed",
        "Annual",
        "tune-up",
        "reminder",
        "0",
        "1",
        "1",
        "0",
        "Seven-day",
        "check-in",
        "2",
        "0",
        "1",
        "0",
    ]
    assert "The dealer has no address of this customer for it." in today.words
    assert "Sending is open until 9:00 pm" in today.words
    assert "Next scan Tomorrow, 6:00 am" in today.words
    assert "2 due, 2 new" in today.words


async def test_today_says_from_when_sending_is_open_again(house: App) -> None:
    night = at(house, MONDAY + timedelta(hours=13))
    assert "Quiet hours: nothing leaves before Tomorrow, 8:00 am" in (await page(night, "/t/hilltop")).words


async def test_a_text_that_became_an_email_is_not_called_failed(house: App, dealer: DealerRows, dealer_dsn: str) -> None:
    texts = settings_for(dealer_dsn, channels={"seven_day_checkin": "preferred"}, outbox={"refuse": ["+16145550199"]})
    await house.tenants.save(texts, MONDAY)
    await dealer.bought(TODAY - timedelta(days=7), phone="(614) 555-0199", preferred_channel="sms", sms_consent=True)
    await everything(house)
    text, mail = sorted(await listed(house), key=lambda message: message.outcome)

    today, messages = await page(house, "/t/hilltop"), await page(house, "/t/hilltop/messages")

    assert tile(today, "Failed") == "Failed 0 1 went another way"
    assert any("Went as email" in row for row in rows(messages))
    assert f"/t/hilltop/messages/{mail.id}" in _links(await page(house, f"/t/hilltop/messages/{text.id}"))
    assert f"/t/hilltop/messages/{text.id}" in _links(await page(house, f"/t/hilltop/messages/{mail.id}"))


def _links(found: Page) -> list[str]:
    return [node.attributes.get("href") or "" for node in found.all("a")]


async def test_the_chart_and_its_table_show_thirty_days(house: App, dealer: DealerRows) -> None:
    for back in (20, 3):
        await dealer.bought(TODAY - timedelta(days=7 + back))
        await everything(at(house, MONDAY - timedelta(days=back)))

    today = await page(house, "/t/hilltop")

    titles = [node.words for node in today.all("title") if "svg" in node.above]
    assert len(titles) == 30
    assert "Tuesday, November 3, 2026: 1 email, 0 texts" in titles
    assert "Friday, November 20, 2026: 1 email, 0 texts" in titles
    assert sum("1 email" in title for title in titles) == 2
    numbers = today.all("table")[0]
    assert len([node for node in numbers.inside if node.name == "tr"]) == 31


async def test_a_failed_scan_and_a_held_message_stand_at_the_top(house: App, dealer: DealerRows) -> None:
    await dealer.bought(TODAY - timedelta(days=7))
    await house.scheduler.tick(MONDAY)
    async with house.central.engine() as conn:
        await conn.execute("UPDATE communication_jobs SET state = 'held', reason = 'outcome_unknown'")
        await conn.execute(
            "UPDATE schedule_runs SET state = 'failed', finished_at = NULL, error = 'CA-801 not reachable', retry_at = %s"
            " WHERE task = 'annual_tuneup'",
            (MONDAY + timedelta(minutes=5),),
        )

    today = await page(house, "/t/hilltop")

    assert "The scan for Annual tune-up reminder failed: CA-801 not reachable It is tried again 10:05 am." in today.words
    assert len(rows(today)) == 1
    assert "Needs a person" in rows(today)[0]


async def test_a_pause_stands_on_every_screen(house: App) -> None:
    await house.tenants.pause("*", "all", "Inventory", "dana", MONDAY)

    for path in ("", "/messages", "/customers"):
        assert "Sending is paused for every dealer. Inventory (dana" in (await page(house, f"/t/hilltop{path}")).words


async def test_messages_are_narrowed_by_what_stands_in_the_address(house: App, dealer: DealerRows) -> None:
    await dealer.bought(TODAY - timedelta(days=7), first_name="Ann", last_name="Marsh")
    await dealer.bought(TODAY - timedelta(days=7), first_name="Bo", email=None)
    await dealer.bought(ANNIVERSARY, first_name="Cy", email="cy_100%@mail.example")
    await everything(house)

    async def found(asked: str) -> int:
        return len(rows(await page(house, f"/t/hilltop/messages?{asked}")))

    assert await found("") == 3
    assert await found("outcome=skipped") == 1
    assert await found("outcome=sent&type=annual_tuneup") == 1
    assert await found("channel=sms") == 0
    assert await found("q=marsh") == 1
    assert await found("q=100%25@MAIL") == 1
    assert await found("q=tune-up") == 1
    assert await found("q=%25") == 1
    assert await found("q=nobody") == 0
    assert await found("outcome=nonsense&type=nonsense&channel=fax&before=nonsense") == 3
    tabs = [" ".join(node.words.split()) for node in (await page(house, "/t/hilltop/messages?q=marsh")).all("a")]
    assert {"All 1", "Sent 1", "Skipped 0"} <= {*tabs}


async def test_every_message_is_on_exactly_one_page(house: App, dealer: DealerRows) -> None:
    for _ in range(120):
        await dealer.bought(TODAY - timedelta(days=7))
    await everything(house)

    seen: list[str] = []
    path: str | None = "/t/hilltop/messages?outcome=sent"
    while path:
        shown = await page(house, path)
        seen += [href for href in _links(shown) if re.fullmatch(r"/t/hilltop/messages/[0-9a-f-]{36}", href)]
        path = next((node.attributes["href"] for node in shown.all("a") if node.attributes.get("rel") == "next"), None)

    assert len(seen) == 120
    assert {UUID(href.rpartition("/")[2]) for href in seen} == {message.id for message in await listed(house)}


async def test_a_message_shows_its_exact_bytes_its_timeline_and_its_facts(house: App, dealer: DealerRows) -> None:
    customer = await dealer.bought(ANNIVERSARY, first_name="Karen")
    await everything(house)
    (message,) = await listed(house)
    path = f"/t/hilltop/messages/{message.id}"

    shown = await page(house, path)
    words = shown.words
    for told in (
        "Annual tune-up reminder",
        "for Karen Smith",
        "Sent 10:00 am, through the outbox",
        "Found by the scan of November 23",
        "Passed every check; the words were fixed and handed to the outbox",
        "Unchanged since it was fixed",
        "Meadowlark ZT-48",
        f"customer{customer}@mail.example",
    ):
        assert told in words
    (frame,) = shown.all("iframe")
    assert frame.attributes["sandbox"] is None
    assert frame.attributes["src"] == f"{path}/frame?scheme=light"
    async with visitor(house) as client:
        source = await client.get(f"{path}/source.eml")
        as_text = Page((await client.get(f"{path}?view=source")).text)
    sent = (house.config.outbox / "hilltop" / f"{message.id}.eml").read_bytes()
    assert source.content == sent
    assert as_text.all("pre")[0].words.encode() == sent
    assert "attachment" in source.headers["content-disposition"]


async def test_changed_bytes_are_told(house: App, dealer: DealerRows) -> None:
    await dealer.bought(ANNIVERSARY)
    await everything(house)
    (message,) = await listed(house)
    async with house.central.engine() as conn:
        await conn.execute("UPDATE messages SET payload = jsonb_set(payload, '{text}', '\"other words\"')")

    assert "The kept bytes are not the ones that were fixed" in (await page(house, f"/t/hilltop/messages/{message.id}")).words


async def test_the_frame_holds_the_email_in_the_asked_colors_with_dead_links_and_no_scripts(house: App, dealer: DealerRows) -> None:
    await dealer.bought(ANNIVERSARY)
    await everything(house)
    (message,) = await listed(house)
    frozen = await _frozen_html(house, message.id)

    async with visitor(house) as client:
        light, dark = [await client.get(f"/t/hilltop/messages/{message.id}/frame?scheme={s}") for s in ("light", "dark")]

    for answer in (light, dark):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")
        assert policy.endswith("; sandbox")
        assert "frame-ancestors 'self'" in policy
        assert "prefers-color-scheme" not in answer.text
        assert '<base target="_blank">' in answer.text
    assert "@media(max-width:0)" in light.text
    assert "@media(min-width:0)" in dark.text
    restored = light.text.replace('<base target="_blank">', "").replace("@media(max-width:0)", "@media(prefers-color-scheme:dark)")
    assert (
        restored.replace(":light}", ":light dark}").replace(":light;", ":light dark;").replace('"light"', '"light dark"') == frozen
    )


async def _frozen_html(house: App, id_: UUID) -> str:
    async with house.central.engine() as conn:
        row = await (await conn.execute("SELECT payload ->> 'html' FROM messages WHERE id = %s", (id_,))).fetchone()
    assert row
    return str(row[0])


async def test_an_attachment_is_in_the_source_and_only_there(house: App, dealer: DealerRows) -> None:
    customer = await dealer.bought(TODAY)
    tenant = await house.tenants.load("hilltop")
    pdf = {"filename": "receipt.pdf", "content_base64": "JVBERi0xLjQKJSBhIHJlY2VpcHQ="}
    facts = {"receipt_number": "S-1", "purchase_total": "12.00"}
    row = {"external_id": "S-1", "communication": "purchase_receipt", "customer_id": customer, "facts": facts, "attachments": [pdf]}
    await house.queue.push(tenant, [row], MONDAY)
    await everything(house)
    (message,) = [message for message in await listed(house) if message.communication == "purchase_receipt"]

    async with visitor(house) as client:
        source = (await client.get(f"/t/hilltop/messages/{message.id}/source.eml")).content
    shown = await page(house, f"/t/hilltop/messages/{message.id}")

    assert b"receipt.pdf" in source
    assert source == (house.config.outbox / "hilltop" / f"{message.id}.eml").read_bytes()
    assert "receipt.pdf (application/pdf)" in shown.words
    assert "Asked for by another system" in shown.words


async def test_a_held_message_shows_its_evidence_and_how_to_settle_it(house: App, dealer: DealerRows) -> None:
    await dealer.bought(ANNIVERSARY)
    await everything(house)
    (message,) = await listed(house)
    async with house.central.engine() as conn:
        await conn.execute(
            """WITH h AS (DELETE FROM communication_history RETURNING *)
            INSERT INTO communication_jobs (tenant_id, id, job_type, communication, customer_id, equipment_ids, occasions, source, due_on,
                as_of, facts, attachments, lane, seq, state, reason, run_at, useful_until, attempts, deaths, checks, fence, unknown_since,
                check_at, created_at)
            SELECT tenant_id, id, job_type, communication, customer_id, equipment_ids, occasions, source, due_on, as_of, facts, attachments,
                1, 1, 'uncertain', 'provider_timeout', created_at, created_at + interval '14 days', 2, 1, 1, fence, created_at,
                created_at + interval '10 minutes', created_at FROM h"""
        )

    words = (await page(house, f"/t/hilltop/messages/{message.id}")).words

    for told in (
        "Being found out",
        "The provider did not answer in time.",
        "Handed to the provider once",
        "Looked for and not found once",
        "Failed for certain before twice",
        f"Message-ID to look for <{message.id}@hilltop.example>",
        f"communication-agent messages settle {message.id}",
    ):
        assert told in words


async def test_one_dealers_message_is_not_found_at_another(house: App, dealer: DealerRows, dealer_dsn: str) -> None:
    await dealer.bought(ANNIVERSARY, first_name="Karen")
    await everything(house)
    (message,) = await listed(house)
    await house.tenants.save(settings_for(dealer_dsn, "valley", name="Valley Saws"), MONDAY)

    async with visitor(house) as client:
        for tail in ("", "?view=source", "/frame", "/source.eml"):
            assert (await client.get(f"/t/hilltop/messages/{message.id}{tail}")).status_code == 200, tail
            answer = await client.get(f"/t/valley/messages/{message.id}{tail}")
            assert answer.status_code == 404, tail
            assert "Meadowlark" not in answer.text
        empty = Page((await client.get("/t/valley/messages")).text)
        today = Page((await client.get("/t/valley")).text)
        customer = Page((await client.get(f"/t/valley/customer?id={message.customer_id}")).text)

    assert rows(empty) == []
    assert tile(today, "Sent today").startswith("Sent today 0")
    assert "No message was ever asked for." in customer.words


NOWHERE = (
    "/t/nobody",
    "/t/nobody/messages",
    "/t/hilltop/messages/not-an-id",
    f"/t/hilltop/messages/{uuid4()}",
    f"/t/hilltop/messages/{uuid4()}/frame",
    f"/t/hilltop/messages/{uuid4()}/source.eml",
    "/t/hilltop/customer",
    "/t/hilltop/customer?id=999999",
    "/t/hilltop/customer?id=not-a-number",
    "/t/hilltop/customer?id=%00",
    "/t/..%2f..%2fetc",
    "/m/first",
    "/m/nonsense",
    f"/m/{uuid4()}",
    "/static/..%2fapp.py",
    "/static/none.css",
)


async def test_what_does_not_exist_is_a_page_that_says_so(house: App) -> None:
    async with visitor(house) as client:
        for path in NOWHERE:
            answer = await client.get(path)
            assert answer.status_code == 404, path
            found = Page(answer.text)
            assert len(found.all("h1")) == 1
            assert "Traceback" not in found.words


async def test_short_addresses_lead_to_the_message(house: App, dealer: DealerRows) -> None:
    await dealer.bought(ANNIVERSARY)
    await everything(house)
    (message,) = await listed(house)

    async with visitor(house) as client:
        for short in ("first", message.id):
            answer = await client.get(f"/m/{short}")
            assert (answer.status_code, answer.headers["location"]) == (303, f"/t/hilltop/messages/{message.id}")
        assert (await client.get("/")).headers["location"] == "/t/hilltop"


async def test_an_empty_installation_says_how_to_begin(house: App) -> None:
    async with house.central.engine() as conn:
        await conn.execute("DELETE FROM tenants")
    assert "communication-agent tenants add FILE" in (await page(house, "/")).words


async def test_a_dealers_database_that_does_not_answer_leaves_the_lists_without_names(house: App, dealer: DealerRows) -> None:
    await dealer.bought(ANNIVERSARY, first_name="Karen")
    await everything(house)
    (message,) = await listed(house)
    tenant = await house.tenants.load("hilltop")
    away = tenant.model_copy(update={"database": tenant.database.model_copy(update={"host": "127.0.0.1", "port": 1})})
    await house.tenants.save(away, MONDAY)

    messages, one = await page(house, "/t/hilltop/messages"), await page(house, f"/t/hilltop/messages/{message.id}")
    customer = await page(house, f"/t/hilltop/customer?id={message.customer_id}", 503)

    assert f"Customer {message.customer_id}" in rows(messages)[0]
    assert f"for Customer {message.customer_id}" in one.words
    assert "cannot be reached" in customer.words
    assert "communication-agent tenants check hilltop" in customer.words


async def test_a_text_message_is_shown_as_a_text_with_its_length(house: App, dealer: DealerRows, dealer_dsn: str) -> None:
    await house.tenants.save(settings_for(dealer_dsn, channels={"seven_day_checkin": "preferred"}), MONDAY)
    await dealer.bought(TODAY - timedelta(days=7), phone="(614) 555-0119", preferred_channel="sms", sms_consent=True)
    await everything(house)
    (message,) = await listed(house)
    assert message.channel == Channel.SMS

    shown = await page(house, f"/t/hilltop/messages/{message.id}")

    assert "Reply here or call" in shown.words
    assert re.search(r"\d+ of 160 characters as carriers count them, 1 part\.", shown.words)
    assert shown.all("iframe") == []
    async with visitor(house) as client:
        assert b"To: +16145550119" in (await client.get(f"/t/hilltop/messages/{message.id}/source.eml")).content
