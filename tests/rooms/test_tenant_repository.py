"""The promises about tenants: saved whole, secrets sealed, pauses kept, and every change on record."""

import json
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from communication_agent.db.central_db import CentralDatabase
from communication_agent.db.tenant_repository import TenantRepository, joined, shown, split
from communication_agent.domain import Pause
from communication_agent.errors import Exit, Problem
from communication_agent.keys import Keys, derive
from communication_agent.tenant import TenantSettings
from support.central import KEY

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)
SECRETS = ("db-word", "re-word", "wh-word", "smtp://u:smtp-word@h.example", "tw-word", "gc-word", "gr-word", "sg-word")


def tenant(name: str = "green-valley", **changes: object) -> TenantSettings:
    return TenantSettings.model_validate(
        {
            "id": name,
            "name": "Green Valley",
            "sms_name": "Green Valley",
            "time_zone": "America/New_York",
            "phone": "(614) 555-0142",
            "address": "2100 Mill Road",
            "database": {"dbname": "green_valley", "user": "reader", "password": "db-word"},
            "email": {
                "from": "Green Valley <service@greenvalley.example>",
                "resend_api_key": "re-word",
                "sendgrid_api_key": "sg-word",
                "webhook_secret": "wh-word",
                "smtp_url": "smtp://u:smtp-word@h.example",
            },
            "sms": {"twilio_account_sid": "AC1", "twilio_auth_token": "tw-word", "from": "+16145550142"},
            "gmail": {"mailbox": "a@b.example", "client_id": "c", "client_secret": "gc-word", "refresh_token": "gr-word"},
            "quiet_hours": {"start": "20:30", "end": "08:00"},
            "offer": {"text": "10 % off", "expires": "2026-12-24"},
            "knobs": {"GHOST_CUSTOMER_MONTHS": 18},
            "types": {"trade_in_alert": False},
            **changes,
        }
    )


@pytest.fixture
def tenants(central: CentralDatabase, keys: Keys) -> TenantRepository:
    return TenantRepository(central, keys)


async def test_a_tenant_comes_back_as_it_was_saved(tenants: TenantRepository) -> None:
    await tenants.save(tenant(), NOW)
    assert await tenants.load("green-valley") == tenant()


async def test_adding_a_tenant_again_updates_it_and_keeps_the_day_it_was_added(tenants: TenantRepository) -> None:
    await tenants.save(tenant(), NOW)
    await tenants.save(tenant(name="green-valley", gmail=None, phone="(614) 555-0199"), NOW + timedelta(days=1))
    assert [(found.phone, found.gmail) for found in await tenants.all()] == [("(614) 555-0199", None)]
    async with tenants.central.engine() as conn:
        row = await (await conn.execute("SELECT added_at, updated_at FROM tenants")).fetchone()
    assert row == (NOW, NOW + timedelta(days=1))


async def test_all_come_by_their_ids(tenants: TenantRepository) -> None:
    for name in ("oak", "elm"):
        await tenants.save(tenant(name), NOW)
    assert [found.id for found in await tenants.all()] == ["elm", "oak"]


async def test_nobody_finds_a_secret_in_the_database(tenants: TenantRepository) -> None:
    await tenants.save(tenant(), NOW)
    async with tenants.central.engine() as conn:
        rows = await (await conn.execute("SELECT t::text FROM tenants t UNION ALL SELECT a::text FROM audit_log a")).fetchall()
        sealed = await (await conn.execute("SELECT secrets FROM tenants")).fetchone()
    assert sealed is not None
    everything = "".join(str(row[0]) for row in rows).encode() + bytes(sealed[0])
    assert len(rows) == 2
    assert not [secret for secret in SECRETS if secret.encode() in everything or secret.encode().hex().encode() in everything]


async def test_a_tenant_that_nobody_added_is_not_found(tenants: TenantRepository) -> None:
    for asked in (
        tenants.load("nobody"),
        tenants.pause("nobody", "all", "x", "ann", NOW),
        tenants.resume("nobody", "all", "", "ann", NOW),
    ):
        with pytest.raises(Problem) as problem:
            await asked
        assert (problem.value.code, problem.value.exit) == ("CA-501", Exit.NOT_FOUND)


async def test_with_another_key_no_secret_opens_and_no_tenant_is_half_loaded(tenants: TenantRepository) -> None:
    await tenants.save(tenant(), NOW)
    other = TenantRepository(tenants.central, Keys(derive(bytes(range(1, 33)).hex(), "a test")))
    for asked in (other.load("green-valley"), other.all()):
        with pytest.raises(Problem, match="CA-306 The credentials of green-valley"):
            await asked


async def test_secrets_copied_to_another_tenant_do_not_open(tenants: TenantRepository) -> None:
    for name in ("elm", "oak"):
        await tenants.save(tenant(name), NOW)
    async with tenants.central.engine() as conn:
        await conn.execute(
            "UPDATE tenants SET secrets = (SELECT secrets FROM tenants WHERE tenant_id = 'elm') WHERE tenant_id = 'oak'"
        )
    with pytest.raises(Problem, match="CA-306"):
        await tenants.load("oak")


async def test_after_a_rotation_the_old_key_is_not_needed(tenants: TenantRepository) -> None:
    for name in ("elm", "oak"):
        await tenants.save(tenant(name), NOW)
    new, old = derive(bytes(range(1, 33)).hex(), "a test"), derive(KEY, "a test")
    assert await TenantRepository(tenants.central, Keys(new, (old,))).rotate() == 2
    assert await TenantRepository(tenants.central, Keys(new, (old,))).rotate() == 0
    assert await TenantRepository(tenants.central, Keys(new)).load("oak") == tenant("oak")


async def test_what_is_paused_is_listed_until_it_is_resumed(tenants: TenantRepository) -> None:
    await tenants.save(tenant("elm"), NOW)
    await tenants.pause("elm", "channel:sms", "number blocked", "ann", NOW)
    await tenants.pause("*", "all", "maintenance", "operator", NOW)
    assert await tenants.pauses() == [
        Pause("*", "all", "maintenance", "operator", NOW),
        Pause("elm", "channel:sms", "number blocked", "ann", NOW),
    ]
    assert await tenants.resume("elm", "channel:sms", "mended", "bob", NOW)
    assert not await tenants.resume("elm", "channel:sms", "mended", "bob", NOW)
    assert [pause.tenant_id for pause in await tenants.pauses()] == ["*"]


async def test_a_second_pause_tells_the_newer_reason_and_the_older_time(tenants: TenantRepository) -> None:
    await tenants.save(tenant("elm"), NOW)
    await tenants.pause("elm", "all", "one", "ann", NOW)
    await tenants.pause("elm", "all", "two", "bob", NOW + timedelta(hours=1))
    assert await tenants.pauses() == [Pause("elm", "all", "two", "bob", NOW)]


async def test_every_change_is_on_record(tenants: TenantRepository) -> None:
    await tenants.save(tenant("elm"), NOW, "ann")
    await tenants.pause("elm", "type:recall_notice", "wrong model", "bob", NOW)
    await tenants.resume("elm", "type:recall_notice", "right model", "cid", NOW)
    await tenants.resume("elm", "type:recall_notice", "again", "cid", NOW)
    async with tenants.central.tenant("elm") as conn:
        rows = await (
            await conn.execute("SELECT actor, action, object, detail->>'reason' FROM audit_log ORDER BY actor")
        ).fetchall()
    assert rows == [
        ("ann", "tenant_saved", "tenant:elm", None),
        ("bob", "paused", "tenant:elm", "wrong model"),
        ("cid", "resumed", "tenant:elm", "right model"),
    ]


def test_what_is_shown_is_json_without_secrets_that_tells_which_are_set() -> None:
    data = shown(tenant(email={"resend_api_key": "re-word"}))
    text = json.dumps(data)
    assert not [secret for secret in SECRETS if secret in text]
    email = cast("dict[str, object]", data["email"])
    assert (email["resend_api_key"], email["smtp_url"]) == ("(set)", None)
    assert json.loads(text) == data


def test_every_secret_of_the_model_is_split_off_and_put_back() -> None:
    open_part, secrets = split(tenant())
    assert sorted(secrets.values()) == sorted(SECRETS)
    assert "secret" not in json.dumps(open_part).replace("webhook_secret", "")
    assert joined(open_part, secrets) == tenant()


def test_settings_that_a_newer_program_saved_can_be_read_by_an_older_one() -> None:
    open_part, secrets = split(tenant())
    newer = {**open_part, "hologram": {"on": True}, "offer": {**cast("dict[str, object]", open_part["offer"]), "sparkle": 1}}
    assert joined(newer, {**secrets, "hologram.key": "x"}) == tenant()


def test_settings_that_are_not_valid_any_more_are_told_without_secrets() -> None:
    open_part, secrets = split(tenant())
    with pytest.raises(Problem, match=r"CA-301.*time_zone") as problem:
        joined({**open_part, "time_zone": "Mars"}, secrets)
    assert not [secret for secret in SECRETS if secret in str(problem.value)]
