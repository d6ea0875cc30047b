"""The outbox: a folder that takes mail and texts, byte for byte, so that nothing leaves the machine."""

import asyncio
import json
import os
import re
import tempfile
from datetime import timedelta
from pathlib import Path

from communication_agent.domain import Accepted, Channel, Message, Receipt, Refused, Unavailable
from communication_agent.mime import to_bytes
from communication_agent.provider import Dispatch, Provider

_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


async def send(dispatch: Dispatch) -> Receipt:
    """Write `directory/TENANT/MESSAGE_ID.eml` or `.sms.json`, whole or not at all; a message that is there stays as it is.

    Credentials: `directory`; `refuse`, addresses with commas between them that are refused as a real provider would;
    `fsync` (any value) waits for the disk.
    """
    message = dispatch.message
    refused = dispatch.credentials.get("refuse", "").split(",")
    if _plain(message.to) in {_plain(address) for address in refused if address.strip()}:
        return Refused("refused_by_outbox")
    try:
        path, content = _place(dispatch), _content(dispatch)
    except ValueError as error:
        return Refused(f"not_a_message: {error}")
    # In a thread: a slow disk must not stop the messages of everybody else.
    return await asyncio.to_thread(_store, path, content, durable="fsync" in dispatch.credentials)


async def find(dispatch: Dispatch) -> Receipt | None:
    """The receipt of a message that is in the outbox, None when it is not, Unavailable when the folder cannot be read."""
    try:
        return await asyncio.to_thread(_look, _place(dispatch))
    except ValueError:
        return None  # what has no place was never written


def _place(dispatch: Dispatch) -> Path:
    message = dispatch.message
    if not _FOLDER.fullmatch(message.tenant_id):
        raise ValueError("the tenant's id cannot be a folder's name")
    ending = "eml" if message.channel is Channel.EMAIL else "sms.json"
    return Path(dispatch.credentials["directory"]) / message.tenant_id / f"{message.id}.{ending}"


def _content(dispatch: Dispatch) -> bytes:
    message = dispatch.message
    return to_bytes(message, dispatch.files) if message.channel is Channel.EMAIL else _text_message(message)


def _text_message(message: Message) -> bytes:
    fields = {"from": message.sender, "to": message.to, "body": message.text}
    return (json.dumps(fields, ensure_ascii=False, indent=2) + "\n").encode()


def _store(path: Path, content: bytes, *, durable: bool) -> Receipt:
    try:
        if not path.exists():
            _write(path, content, durable=durable)
    except OSError as error:
        return Unavailable(f"outbox_not_writable: {error.strerror or type(error).__name__}")
    return Accepted(path.name)


def _look(path: Path) -> Receipt | None:
    try:
        path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return Unavailable(f"outbox_not_readable: {error.strerror or type(error).__name__}")
    return Accepted(path.name)


def _write(path: Path, content: bytes, *, durable: bool) -> None:
    path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    if durable:
        _settle_folder(path.parent)


def _settle_folder(folder: Path) -> None:
    # The name is in the folder's own blocks: without this a power cut forgets it.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _plain(address: str) -> str:
    text = address.strip().casefold()
    return text if "@" in text else re.sub(r"[^0-9a-z]", "", text)


# What is not in the folder is not there: absence needs no patience.
PROVIDER = Provider(
    name="outbox",
    channels=frozenset({Channel.EMAIL, Channel.SMS}),
    needs=("directory",),
    idempotent=True,
    send=send,
    find=find,
    grace=timedelta(),
)
