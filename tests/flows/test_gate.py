"""Nobody hears from us who must not, whatever happens between the decision and the send."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partialmethod

import pytest

from communication_agent.app import App
from communication_agent.db.consent_repository import Wish
from communication_agent.domain import Channel, Message, Receipt
from communication_agent.provider import Dispatch, Provider
from support.house import MONDAY, DealerRows, at, everything, listed, settings_for

TODAY = MONDAY.date()
BOUGHT = TODAY - timedelta(days=7)


def _with_provider(house: App, provider: Provider) -> App:
    providers = {**house.providers, provider.name: provider}
    processor = replace(house.processor, providers=providers)
    return replace(house, processor=processor, reconciler=replace(house.reconciler, providers=providers))


async def _without_self(_self: object, call: Callable[..., Awaitable[object]], *args: object) -> object:
    return await call(*args)


async def _stop(house: App, address: str, channel: Channel = Channel.EMAIL) -> None:
    wish = Wish("1", channel, house.consents.hash(channel, address), "marketing", "test", "customer")
    async with house.central.engine() as conn, conn.transaction():
        await house.consents.suppress(conn, "hilltop", wish, house.clock.now())


async def test_an_opt_out_while_the_job_is_claimed_stops_the_message(
    house: App, dealer: DealerRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    await dealer.bought(BOUGHT, email="karen@mail.example")
    frozen = house.jobs.frozen

    async def opt_out_meanwhile(*args: object) -> object:
        # The gate has said yes and the words are being written: the customer says no.
        await _stop(house, "karen@mail.example")
        return await frozen(*args)  # pyright: ignore[reportArgumentType] - passed on as it came

    monkeypatch.setattr(type(house.jobs), "frozen", partialmethod(_without_self, opt_out_meanwhile))
    await everything(house)

    (message,) = await listed(house)
    assert (message.outcome, message.reason) == ("skipped", "suppressed")
    assert not (house.config.outbox / "hilltop").exists()


async def test_an_opt_out_counts_for_every_later_message(house: App, dealer: DealerRows) -> None:
    await dealer.bought(BOUGHT, email="Karen@Mail.example")
    await _stop(house, "karen@mail.example")

    await everything(house)

    assert [(m.outcome, m.reason) for m in await listed(house)] == [("skipped", "suppressed")]


async def test_a_customer_gets_one_marketing_message_in_seven_days_and_the_other_waits(house: App, dealer: DealerRows) -> None:
    customer = await dealer.customer()
    await dealer.machine(customer, purchase_date=date(2024, 12, 7), machine_hours=30, hours_read_at=TODAY)

    await everything(house)

    outcomes = sorted((m.outcome, m.reason) for m in await listed(house) if m.communication)
    assert outcomes == [("sent", None), ("waiting", "frequency_cap")]
    await everything(at(house, MONDAY + timedelta(days=7, minutes=40)))
    assert [m.outcome for m in await listed(house)] == ["sent", "sent"]


async def test_two_workers_cannot_both_take_the_same_customers_turn(house: App, dealer: DealerRows) -> None:
    for _ in range(15):
        customer = await dealer.customer()
        await dealer.machine(customer, purchase_date=date(2024, 12, 7), machine_hours=30, hours_read_at=TODAY)
    tenant = await house.tenants.load("hilltop")
    for name in ("annual_tuneup", "first_service_alert"):
        await house.scheduler.enqueue(tenant, house.communications[name], TODAY, house.clock.now())

    await asyncio.gather(everything(house), everything(at(house, MONDAY)))

    sent = [m.customer_id for m in await listed(house) if m.outcome == "sent"]
    assert len(sent) == len(set(sent)) == 15


async def test_a_refused_sms_becomes_one_email(house: App, dealer: DealerRows, dealer_dsn: str) -> None:
    tenant = settings_for(dealer_dsn, channels={"seven_day_checkin": "sms"}, outbox={"refuse": ["+16145550199"]})
    await house.tenants.save(tenant, house.clock.now())
    await dealer.bought(BOUGHT, phone="(614) 555-0199", sms_consent=True)
    await dealer.bought(BOUGHT, phone="614.555.0123", sms_consent=True)

    await everything(house)

    told = [(m.customer_id, m.channel, m.outcome, m.reason, m.to) for m in await listed(house)]
    assert sorted(told, key=str) == sorted(
        [
            ("1", "sms", "failed", "refused_by_outbox", "+16145550199"),
            ("1", "email", "sent", None, "customer1@mail.example"),
            ("3", "sms", "sent", None, "+16145550123"),
        ],
        key=str,
    )


async def test_marketing_texts_need_recorded_consent(house: App, dealer: DealerRows, dealer_dsn: str) -> None:
    await house.tenants.save(settings_for(dealer_dsn, channels={"seven_day_checkin": "sms"}), house.clock.now())
    await dealer.bought(BOUGHT, phone="(614) 555-0123", sms_consent=None)
    await dealer.bought(BOUGHT, phone="(614) 555-0124", sms_consent=False)

    await everything(house)

    assert [m.reason for m in await listed(house)] == ["no_consent", "suppressed"]


async def test_a_paused_dealer_sends_nothing_until_it_is_resumed(house: App, dealer: DealerRows) -> None:
    await dealer.bought(BOUGHT)
    await house.tenants.pause("hilltop", "all", "stocktaking", "dana", house.clock.now())

    await everything(house)
    assert [(m.outcome, m.reason) for m in await listed(house)] == [("waiting", "tenant_paused")]

    await house.tenants.resume("hilltop", "all", "done", "dana", house.clock.now())
    await house.jobs.release_paused("hilltop", ["tenant_paused"], house.clock.now())
    await everything(house)
    assert [m.outcome for m in await listed(house)] == ["sent"]


async def test_a_type_that_is_switched_off_sends_nothing_more_that_was_found_before(
    house: App, dealer: DealerRows, dealer_dsn: str
) -> None:
    await dealer.bought(BOUGHT)
    tenant = await house.tenants.load("hilltop")
    await house.scheduler.enqueue(tenant, house.communications["seven_day_checkin"], TODAY, house.clock.now())
    await house.tenants.save(settings_for(dealer_dsn, types={"seven_day_checkin": False}), house.clock.now())

    await everything(house)

    assert [(m.outcome, m.reason) for m in await listed(house)] == [("skipped", "switched_off")]


async def test_what_is_too_late_is_skipped_and_not_sent_weeks_later(house: App, dealer: DealerRows) -> None:
    await dealer.bought(BOUGHT)
    tenant = await house.tenants.load("hilltop")
    await house.scheduler.enqueue(tenant, house.communications["seven_day_checkin"], TODAY, house.clock.now())

    await everything(at(house, MONDAY + timedelta(days=21)))

    first = (await listed(house))[0]
    assert (first.outcome, first.reason) == ("skipped", "too_late")


async def test_a_provider_that_crashes_leaves_the_message_to_the_reconciler_and_sends_nothing_twice(
    house: App, dealer: DealerRows
) -> None:
    await dealer.bought(BOUGHT)
    arrived: list[Message] = []

    async def crash_after_taking(dispatch: Dispatch) -> Receipt:
        arrived.append(dispatch.message)
        raise RuntimeError("the answer was lost")

    blind = replace(house.providers["outbox"], send=crash_after_taking, find=None, idempotent=False, grace=timedelta(minutes=10))
    await everything(_with_provider(house, blind))

    assert [(m.outcome, m.reason) for m in await listed(house)] == [("waiting", "uncertain")]
    assert len(arrived) == 1
