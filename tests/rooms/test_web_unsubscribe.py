"""The preference page: GET shows, POST acts at once, and nothing but the right link opens it."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from communication_agent.app import App
from communication_agent.domain import Channel
from communication_agent.tokens import PreferenceToken, sign
from communication_agent.web.preference_words import WORDS, language_of
from communication_agent.web.unsubscribe import masked
from communication_agent.web.wishes import Changes, Level, Wishes, changes_to, one_click
from support.house import MONDAY, DealerRows, at, everything, listed, settings_for
from support.web import Page, preference_path, visitor

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
BOUGHT = date(2024, 12, 7)  # a tune-up is due on MONDAY
MONTH = timedelta(days=30)


async def written(house: App, dealer: DealerRows, **columns: object) -> tuple[str, str]:
    """A customer who just got a marketing email: the id, and the path of the preference page in it."""
    customer = await dealer.bought(BOUGHT, **columns)
    await everything(house)
    (message,) = [message for message in await listed(house) if message.customer_id == str(customer)]
    mail = (house.config.outbox / "hilltop" / f"{message.id}.eml").read_bytes()
    return str(customer), preference_path(mail)


async def later(house: App, dealer: DealerRows, customer: str) -> tuple[str, str | None]:
    """What becomes of the customer's next marketing message, a month later."""
    await dealer.machine(int(customer), purchase_date=BOUGHT + MONTH, model="ZT-60")
    await everything(at(house, MONDAY + MONTH))
    newest = max((m for m in await listed(house) if m.customer_id == customer), key=lambda m: m.id)
    assert newest.created_at > MONDAY + timedelta(days=1)
    return newest.outcome, newest.reason


async def wishes_kept(house: App) -> tuple[int, int]:
    """How many suppressions, and how many proofs, there are."""
    counts: list[int] = []
    async with house.central.engine() as conn:
        for table in ("suppressions", "consents"):
            row = await (await conn.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))).fetchone()
            assert row
            counts.append(row[0])
    return counts[0], counts[1]


async def test_the_page_shows_the_dealer_the_masked_address_and_three_choices(house: App, dealer: DealerRows) -> None:
    _, path = await written(house, dealer, email="karen.smith@mail.example", first_name="Karen")

    async with visitor(house) as client:
        answer = await client.get(path)

    page = Page(answer.text)
    assert answer.status_code == 200
    assert "What would you like to hear from Hilltop Mowers?" in page.words
    assert "k•••@m•••.example" in page.words
    assert "(614) 555-0142" in page.words
    assert "2100 Mill Road" in page.words
    assert [button.attributes["value"] for button in page.all("button")] == ["essential", "nothing"]
    for private in ("karen", "Karen", "Smith", "mail.example"):
        assert private not in answer.text


async def test_looking_at_the_page_changes_nothing_however_often_a_scanner_follows_the_link(house: App, dealer: DealerRows) -> None:
    customer, path = await written(house, dealer)

    async with visitor(house) as client:
        for method in ("GET", "HEAD", "GET"):
            for asked in ("", "?List-Unsubscribe=One-Click", "?level=nothing"):
                assert (await client.request(method, path + asked)).status_code == 200

    assert await wishes_kept(house) == (0, 0)
    assert await later(house, dealer, customer) == ("sent", None)


@pytest.mark.parametrize("as_file_form", [False, True], ids=["urlencoded", "multipart"])
async def test_one_click_stops_marketing_at_once_without_a_cookie_or_an_origin(
    house: App, dealer: DealerRows, as_file_form: bool
) -> None:
    customer, path = await written(house, dealer)

    async with visitor(house) as client:
        form = {"files": [(name, (None, value)) for name, value in ONE_CLICK.items()]} if as_file_form else {"data": ONE_CLICK}
        answer = await client.post(path, headers={"user-agent": "Mailbox-Provider/1"}, **form)  # pyright: ignore[reportArgumentType]

    assert answer.status_code == 200
    assert "no more marketing email from Hilltop Mowers" in answer.text
    assert "set-cookie" not in answer.headers
    assert await later(house, dealer, customer) == ("skipped", "suppressed")


async def test_who_unsubscribed_still_gets_the_receipt_they_asked_for(house: App, dealer: DealerRows) -> None:
    customer, path = await written(house, dealer)
    async with visitor(house) as client:
        await client.post(path, data=ONE_CLICK)

    tenant = await house.tenants.load("hilltop")
    facts = {"receipt_number": "S-1", "purchase_total": "12.00"}
    row = {"external_id": "S-1", "communication": "purchase_receipt", "customer_id": customer, "facts": facts}
    await house.queue.push(tenant, [row], MONDAY)
    await everything(house)

    receipts = [message for message in await listed(house) if message.communication == "purchase_receipt"]
    assert [message.outcome for message in receipts] == ["sent"]


async def test_a_job_that_was_claimed_before_the_click_does_not_leave_after_it(house: App, dealer: DealerRows) -> None:
    customer, path = await written(house, dealer)
    await dealer.machine(int(customer), purchase_date=BOUGHT + MONTH, model="ZT-60")
    month_later = at(house, MONDAY + MONTH)
    await month_later.scheduler.tick(MONDAY + MONTH)
    (job,) = await house.jobs.claim(5, MONDAY + MONTH)
    tenant = await house.tenants.load("hilltop")
    files = await house.cases.read(tenant, [job], MONDAY + MONTH)
    prepared = await month_later.processor._prepare(tenant, files, MONDAY + MONTH)

    async with visitor(house) as client:
        await client.post(path, data=ONE_CLICK)

    assert len(prepared) == 1
    assert await month_later.processor._begin(tenant, prepared) == []


async def test_saying_it_again_changes_nothing_and_is_answered_the_same(house: App, dealer: DealerRows) -> None:
    _, path = await written(house, dealer)

    async with visitor(house) as client:
        for _ in range(3):
            assert (await client.post(path, data=ONE_CLICK)).status_code == 200
        assert await wishes_kept(house) == (1, 1)
        for _ in range(3):
            assert "no more email from Hilltop" in (await client.post(path, data={"level": "nothing"})).text
        assert await wishes_kept(house) == (2, 2)
        # A mailbox provider's late click does not loosen what the customer chose since.
        assert "no more email from Hilltop" in (await client.post(path, data=ONE_CLICK)).text
    assert await wishes_kept(house) == (2, 2)


async def test_every_choice_can_be_taken_back(house: App, dealer: DealerRows) -> None:
    customer, path = await written(house, dealer)

    async with visitor(house) as client:
        levels: list[str] = []
        for level in ("nothing", "essential", "everything"):
            answer = await client.post(path, data={"level": level})
            assert 'role="status"' in answer.text
            current = Page((await client.get(path)).text)
            levels += [
                node.inside[1].attributes["id"] or "" for node in current.all("li") if node.attributes.get("class") == "current"
            ]

    assert levels == ["nothing", "essential", "everything"]
    assert (await wishes_kept(house))[0] == 0
    assert await later(house, dealer, customer) == ("sent", None)


async def test_the_proof_names_where_it_was_said_and_with_which_words(house: App, dealer: DealerRows) -> None:
    customer, path = await written(house, dealer)
    async with visitor(house) as client:
        await client.post(path, data=ONE_CLICK)
        await client.post(path, data={"level": "everything"})

    async with house.central.tenant("hilltop") as conn:
        proofs = await house.consents.ledger_of(conn, "hilltop", customer)
    told = [(proof["granted"], proof["source"], proof["actor"], proof["purpose"]) for proof in proofs]
    assert sorted(told, key=str) == [
        (False, "one-click unsubscribe", "customer", "marketing"),
        (True, "preference page", "customer", "marketing"),
    ]
    assert "Service reminders" in str(next(proof["words"] for proof in proofs if proof["granted"]))


async def test_a_complaint_is_not_lifted_by_a_link_and_the_page_says_so(house: App, dealer: DealerRows) -> None:
    customer, path = await written(house, dealer, email="karen@mail.example")
    async with house.central.engine() as conn:
        hashed = house.consents.hash(Channel.EMAIL, "karen@mail.example")
        values = ("hilltop", "email", hashed, "all", "complained", MONDAY, "webhook", "resend")
        await conn.execute(
            "INSERT INTO suppressions (tenant_id, channel, address_hash, purpose, reason, since, source, actor)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            values,
        )

    async with visitor(house) as client:
        answer = await client.post(path, data={"level": "everything"})

    assert "could not change this here" in answer.text
    assert await later(house, dealer, customer) == ("skipped", "suppressed")


async def test_forged_and_altered_links_all_get_the_same_kind_answer(house: App, dealer: DealerRows) -> None:
    _, path = await written(house, dealer)
    token = path.removeprefix("/p/")
    wrong = [
        token[:-1],
        f"{token}A",
        token.swapcase(),
        f"{token[:20]}{'A' if token[20] != 'A' else 'B'}{token[21:]}",
        "x",
        "A" * 2000,
    ]
    gone = PreferenceToken("nobody", "1", Channel.EMAIL, "0" * 32)

    async with visitor(house) as client:
        answers = [await client.get(f"/p/{text}") for text in wrong]
        answers += [await client.post(f"/p/{text}", data=ONE_CLICK) for text in wrong]
        answers.append(await client.post(f"/p/{sign(house.keys, gone)}", data=ONE_CLICK))

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert "This link does not work" in answers[0].text
    assert "Hilltop" not in answers[0].text
    assert await wishes_kept(house) == (0, 0)


async def test_a_link_of_one_dealer_changes_nothing_at_another_with_the_same_customer(
    house: App, dealer: DealerRows, dealer_dsn: str
) -> None:
    customer, path = await written(house, dealer)
    await house.tenants.save(settings_for(dealer_dsn, "valley"), MONDAY)

    async with visitor(house) as client:
        await client.post(path, data={"level": "nothing"})

    async with house.central.tenant("valley") as conn:
        assert await house.consents.ledger_of(conn, "valley", customer) == []
    async with house.central.engine() as conn:
        rows = await (await conn.execute("SELECT DISTINCT tenant_id FROM suppressions")).fetchall()
    assert rows == [("hilltop",)]


async def test_the_page_keeps_its_address_to_itself_and_carries_the_dealers_color_lawfully(house: App, dealer: DealerRows) -> None:
    _, path = await written(house, dealer)

    async with visitor(house) as client:
        first, second = await client.get(path), await client.get(path)

    assert first.headers["referrer-policy"] == "no-referrer"
    assert first.headers["cache-control"] == "no-store"
    assert "noindex" in first.headers["x-robots-tag"]
    policy = first.headers["content-security-policy"]
    nonce = Page(first.text).all("style")[0].attributes["nonce"]
    assert f"style-src 'self' 'nonce-{nonce}'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert Page(first.text).all("script") == []
    assert nonce != Page(second.text).all("style")[0].attributes["nonce"]


async def test_somebody_who_reads_spanish_is_asked_in_spanish(house: App, dealer: DealerRows) -> None:
    _, path = await written(house, dealer)

    async with visitor(house) as client:
        answer = await client.get(path, headers={"accept-language": "es-MX,es;q=0.9,en;q=0.8"})
        done = await client.post(path, data={"level": "essential"}, headers={"accept-language": "es"})

    assert answer.headers["content-language"] == "es"
    assert Page(answer.text).all("html")[0].attributes["lang"] == "es"
    assert "¿Qué desea recibir de Hilltop Mowers?" in answer.text
    assert "no le enviará más publicidad" in done.text


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("es", "es"),
        ("en-US,en;q=0.9,es;q=0.5", "en"),
        ("fr, es;q=0.3, en;q=0.2", "es"),
        ("fr", "en"),
        ("es;q=0", "en"),
        ("*", "en"),
        ("ES-419;q=0.8, en;q=0.7", "es"),
        (";;;q=,,es;q=x", "en"),
    ],
)
def test_the_language_is_the_one_that_is_asked_for_most(header: str, language: str) -> None:
    assert language_of(header) == language


@given(st.text())
def test_no_header_is_too_strange_to_choose_a_language(header: str) -> None:
    assert language_of(header) in {"en", "es"}


def test_every_language_and_channel_says_everything() -> None:
    for words in WORDS.values():
        assert set(words.choices) == set(Level)
        for choice in words.choices.values():
            assert "{dealer}" in choice.done
        assert "{address}" in words.about


@pytest.mark.parametrize(
    ("channel", "address", "shown"),
    [
        (Channel.EMAIL, "karen.smith@mail.example", "k•••@m•••.example"),
        (Channel.EMAIL, "a@b.example", "a•••@b•••.example"),
        (Channel.SMS, "+16145550119", "•••-•••-••19"),
    ],
)
def test_an_address_is_shown_so_that_only_its_owner_knows_it(channel: Channel, address: str, shown: str) -> None:
    assert masked(channel, address) == shown


purposes = st.frozensets(st.sampled_from(["all", "marketing"]))


@given(refused=purposes, granted=purposes, level=st.sampled_from([*Level]))
def test_what_is_chosen_holds_afterwards_and_choosing_it_again_is_nothing(
    refused: frozenset[str], granted: frozenset[str], level: Level
) -> None:
    before = Wishes(refused, granted - refused)
    after = _applied(before, changes_to(level, before))
    assert after.level is level
    assert not changes_to(level, after)


@given(refused=purposes, granted=purposes)
def test_one_click_always_ends_marketing_and_never_begins_anything(refused: frozenset[str], granted: frozenset[str]) -> None:
    before = Wishes(refused, granted - refused)
    changes = one_click(before)
    assert changes.resume == frozenset()
    assert "marketing" in _applied(before, changes).refused
    assert not one_click(_applied(before, changes))


def _applied(wishes: Wishes, changes: Changes) -> Wishes:
    refused = (wishes.refused - changes.resume) | changes.stop
    return Wishes(refused, (wishes.granted | changes.resume) - changes.stop)
