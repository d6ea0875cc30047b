"""The outbox: what is in the folder was sent, byte for byte, and nothing else is in the folder."""

import asyncio
import json
import os
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from communication_agent.domain import Accepted, Attachment, Channel, Message, Receipt, Refused, Unavailable
from communication_agent.mime import to_bytes
from communication_agent.provider import Dispatch
from communication_agent.providers.outbox import PROVIDER, find, send

MAIL = Message(
    id=UUID("01941f29-7c00-7000-8000-000000000001"),
    tenant_id="green-valley",
    channel=Channel.EMAIL,
    sender="Green Valley <service@greenvalley.example>",
    to="Ada@Customer.example",
    date=datetime(2026, 11, 22, 14, 0, tzinfo=UTC),
    subject="Your mower is due",
    text="Hello Ada 🐐\n",
    message_id="<01941f29@greenvalley.example>",
    attachments=(Attachment("a.pdf", "application/pdf", "f00d"),),
)
SMS = replace(MAIL, channel=Channel.SMS, sender="+16145550142", to="+16145550199", text="Prêt\n🐐", attachments=())
FILES = {"f00d": b"%PDF"}


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "home" / "outbox"


def dispatch(outbox: Path, message: Message, extra: Mapping[str, str] | None = None) -> Dispatch:
    return Dispatch(message, {"directory": str(outbox), **(extra or {})}, FILES)


def sent(dispatch: Dispatch) -> Receipt:
    return asyncio.run(send(dispatch))


def found(dispatch: Dispatch) -> Receipt | None:
    return asyncio.run(find(dispatch))


def files_below(outbox: Path) -> dict[str, bytes]:
    return {str(path.relative_to(outbox)): path.read_bytes() for path in outbox.rglob("*") if path.is_file()}


def test_a_mail_lies_in_its_tenants_folder_byte_for_byte(outbox: Path) -> None:
    assert sent(dispatch(outbox, MAIL)) == Accepted(f"{MAIL.id}.eml")
    assert files_below(outbox) == {f"green-valley/{MAIL.id}.eml": to_bytes(MAIL, FILES)}


def test_a_text_lies_beside_it_with_from_to_and_body(outbox: Path) -> None:
    assert sent(dispatch(outbox, SMS)) == Accepted(f"{SMS.id}.sms.json")
    [(name, content)] = files_below(outbox).items()
    assert name == f"green-valley/{SMS.id}.sms.json"
    assert json.loads(content) == {"from": "+16145550142", "to": "+16145550199", "body": "Prêt\n🐐"}


def test_the_same_message_again_changes_nothing(outbox: Path) -> None:
    sent(dispatch(outbox, MAIL))
    [path] = outbox.rglob("*.eml")
    before = path.stat()
    assert sent(dispatch(outbox, MAIL)) == Accepted(path.name)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_many_senders_of_one_message_leave_one_whole_file(outbox: Path) -> None:
    async def all_at_once() -> list[Receipt]:
        return await asyncio.gather(*(send(dispatch(outbox, MAIL)) for _ in range(20)))

    assert set(asyncio.run(all_at_once())) == {Accepted(f"{MAIL.id}.eml")}
    assert files_below(outbox) == {f"green-valley/{MAIL.id}.eml": to_bytes(MAIL, FILES)}


def test_nobody_else_on_the_machine_can_read_it(outbox: Path) -> None:
    sent(dispatch(outbox, MAIL))
    [path] = outbox.rglob("*.eml")
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (outbox, path.parent, path)]
    assert modes == [0o700, 0o700, 0o600]


@pytest.mark.parametrize(
    ("message", "refuse"),
    [
        (MAIL, "ada@customer.example"),
        (MAIL, "x@y.example, ADA@CUSTOMER.EXAMPLE"),
        (SMS, "+1 (614) 555-0199"),
        (SMS, "a@b.example,+16145550199"),
    ],
)
def test_an_address_that_is_to_be_refused_is_refused(outbox: Path, message: Message, refuse: str) -> None:
    assert sent(dispatch(outbox, message, {"refuse": refuse})) == Refused("refused_by_outbox")
    assert not outbox.exists()


@pytest.mark.parametrize("refuse", ["", ",", " , ", "eve@customer.example", "+16145550198"])
def test_other_addresses_are_taken(outbox: Path, refuse: str) -> None:
    assert isinstance(sent(dispatch(outbox, MAIL, {"refuse": refuse})), Accepted)
    assert isinstance(sent(dispatch(outbox, SMS, {"refuse": refuse})), Accepted)


def test_find_sees_exactly_what_was_written(outbox: Path) -> None:
    assert found(dispatch(outbox, MAIL)) is None
    sent(dispatch(outbox, MAIL))
    assert found(dispatch(outbox, MAIL)) == Accepted(f"{MAIL.id}.eml")
    assert found(dispatch(outbox, SMS)) is None
    assert found(dispatch(outbox, replace(MAIL, id=UUID(int=1)))) is None


@pytest.mark.parametrize("tenant_id", ["..", "../evil", "a/b", "", ".hidden", "a\0b"])
def test_no_tenant_writes_outside_its_folder(outbox: Path, tenant_id: str) -> None:
    receipt = sent(dispatch(outbox, replace(MAIL, tenant_id=tenant_id)))
    assert isinstance(receipt, Refused)
    assert found(dispatch(outbox, replace(MAIL, tenant_id=tenant_id))) is None
    assert not outbox.exists()


def test_what_cannot_be_a_mail_is_refused(outbox: Path) -> None:
    receipt = sent(dispatch(outbox, replace(MAIL, subject="a\r\nBcc: eve@evil.example")))
    assert isinstance(receipt, Refused)
    assert receipt.reason.startswith("not_a_message: ")
    assert isinstance(sent(dispatch(outbox, replace(SMS, text="\ud800"))), Refused)


def test_a_disk_that_does_not_take_it_is_waited_for(outbox: Path) -> None:
    outbox.parent.mkdir(parents=True)
    outbox.write_text("not a folder")
    receipt = sent(dispatch(outbox, MAIL))
    assert isinstance(receipt, Unavailable)
    assert receipt.reason.startswith("outbox_not_writable: ")
    assert isinstance(found(dispatch(outbox, MAIL)), Unavailable)
    outbox.unlink()
    assert isinstance(sent(dispatch(outbox, MAIL)), Accepted)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a tiny disk")
def test_a_full_disk_leaves_no_half_message(tmp_path: Path) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,mode=700", "tiny", tmp_path], check=False).returncode:
        pytest.skip("may not mount")
    try:
        outbox = tmp_path / "outbox"
        big = replace(MAIL, text="x" * 100_000)
        receipt = sent(dispatch(outbox, big, {"fsync": "1"}))
        assert isinstance(receipt, Unavailable)
        assert files_below(tmp_path) == {}
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_it_can_wait_for_the_disk(outbox: Path) -> None:
    assert isinstance(sent(dispatch(outbox, MAIL, {"fsync": "1"})), Accepted)
    assert len(files_below(outbox)) == 1


def test_what_it_says_of_itself_is_true() -> None:
    assert PROVIDER.idempotent
    assert PROVIDER.find is find
    assert not PROVIDER.grace
    assert PROVIDER.channels == frozenset(Channel)
