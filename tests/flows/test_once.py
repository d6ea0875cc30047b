"""A reason to write becomes one message: found, decided upon, written, sent, and never again."""

import asyncio
from datetime import date, datetime, timedelta
from email import policy
from email.parser import BytesParser

import pytest

from communication_agent.app import App
from support.house import MONDAY, DealerRows, at, everything, listed

TODAY = MONDAY.date()


async def test_a_customer_hears_from_us_once_however_often_the_loops_run(house: App, dealer: DealerRows) -> None:
    await dealer.bought(TODAY - timedelta(days=7))

    for _ in range(3):
        assert await everything(house) == []

    (message,) = await listed(house)
    assert (message.communication, message.outcome, message.provider) == ("seven_day_checkin", "sent", "outbox")
    files = list((house.config.outbox / "hilltop").iterdir())
    assert [f"{message.id}.eml"] == [file.name for file in files]


async def test_what_arrives_is_a_lawful_personal_email_in_two_forms(house: App, dealer: DealerRows) -> None:
    await dealer.bought(date(2024, 12, 7), first_name="María")
    await everything(house)
    (message,) = await listed(house)

    mail = BytesParser(policy=policy.default).parsebytes((house.config.outbox / "hilltop" / f"{message.id}.eml").read_bytes())

    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))  # pyright: ignore[reportOptionalMemberAccess]
    assert str(mail["Subject"]) == "Time for your Meadowlark ZT-48 tune-up"
    assert str(mail["List-Unsubscribe-Post"]) == "List-Unsubscribe=One-Click"
    assert f"<{house.config.base_url}/p/" in str(mail["List-Unsubscribe"])
    for part in (text, html):
        assert "María" in part
        assert "2100 Mill Road" in part.replace("\u00a0", " ")
        assert "because you own a machine" in part.replace("\n", " ")
        assert "{{" not in part
    assert "https://hilltop.example/book" in text


async def test_two_workers_at_the_same_time_send_everything_once(house: App, dealer: DealerRows) -> None:
    for _ in range(40):
        await dealer.bought(TODAY - timedelta(days=7))
    other = at(house, MONDAY)

    await asyncio.gather(everything(house), everything(other))

    messages = await listed(house)
    assert [(outcome, len(messages)) for outcome in {message.outcome for message in messages}] == [("sent", 40)]
    assert len(list((house.config.outbox / "hilltop").iterdir())) == 40


async def test_several_machines_of_one_type_make_one_message_with_every_occasion_in_the_ledger(
    house: App, dealer: DealerRows
) -> None:
    customer = await dealer.customer()
    for day in (1, 5, 3):
        await dealer.machine(customer, machine_hours=30, hours_read_at=TODAY, purchase_date=date(2026, 10, day), model=f"ZT-{day}")

    await everything(house)

    (message,) = await listed(house)
    assert message.subject == "First service for your Meadowlark ZT-5"
    async with house.central.engine() as conn:
        ledger = await (await conn.execute("SELECT count(*) FROM occasions")).fetchone()
    assert ledger == (3,)


async def test_a_machine_that_comes_due_later_makes_a_message_about_that_machine_only(house: App, dealer: DealerRows) -> None:
    customer = await dealer.customer()
    first = await dealer.machine(customer, machine_hours=30, hours_read_at=TODAY, purchase_date=date(2026, 10, 9), model="OLD")
    await everything(house)
    await dealer.machine(customer, machine_hours=25, hours_read_at=TODAY, purchase_date=date(2026, 10, 1), model="NEW")

    await everything(at(house, MONDAY + timedelta(days=14)))

    assert first
    assert [message.subject for message in await listed(house)] == [
        "First service for your Meadowlark OLD",
        "First service for your Meadowlark NEW",
    ]


@pytest.mark.parametrize(
    ("night", "morning"),
    [
        ("2026-10-31T22:00:00-04:00", "2026-11-01T08:00:00-05:00"),  # clocks go back
        ("2027-03-13T22:00:00-05:00", "2027-03-14T08:00:00-04:00"),  # clocks go forward
        ("2026-11-23T22:00:00-05:00", "2026-11-24T08:00:00-05:00"),
    ],
)
async def test_a_message_planned_at_ten_in_the_evening_leaves_at_eight_plus_its_spread(
    house: App, dealer: DealerRows, night: str, morning: str
) -> None:
    late, early = datetime.fromisoformat(night), datetime.fromisoformat(morning)
    await dealer.bought(late.date() - timedelta(days=7))

    await everything(at(house, late))
    (waiting,) = await listed(house)
    assert (waiting.outcome, waiting.reason) == ("waiting", "quiet_hours")
    assert waiting.run_at is not None
    assert early <= waiting.run_at < early + timedelta(minutes=30)

    await everything(at(house, waiting.run_at - timedelta(seconds=30)))
    assert [message.outcome for message in await listed(house)] == ["waiting"]
    await everything(at(house, waiting.run_at))
    assert [message.outcome for message in await listed(house)] == ["sent"]


async def test_the_customers_own_time_zone_decides_about_the_night(house: App, dealer: DealerRows) -> None:
    await dealer.bought(TODAY - timedelta(days=7), time_zone="America/Los_Angeles")

    await everything(at(house, datetime.fromisoformat("2026-11-23T10:00:00-05:00")))

    (waiting,) = await listed(house)
    assert (waiting.outcome, waiting.reason) == ("waiting", "quiet_hours")
    assert waiting.run_at is not None
    assert waiting.run_at >= datetime.fromisoformat("2026-11-23T08:00:00-08:00")
