"""A mail server on loopback that keeps what it takes, and misbehaves at any step when it is told to.

In a test: `async with SmtpServer() as server: ... server.url, server.mails, server.counts`. As a process of its own, which
survives the worker that is killed: `with smtp_process(folder) as url: ... stored_mails(folder)`, on a command line
`python -m tests.support.smtp_server --port-file F --store DIR`.
"""

import argparse
import asyncio
import base64
import re
import signal
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self, cast
from uuid import uuid4

# BODY is in the middle of the message, END after its final dot.
Step = Literal["greeting", "ehlo", "helo", "starttls", "auth", "mail", "rcpt", "data", "body", "end"]
_LARGEST = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Fault:
    """What the server does at a step instead of its duty: says `answer`, then goes on, closes, resets, hangs or stalls.

    While it stalls it reads nothing, until `server.resumed` is set; then it goes on.
    """

    answer: bytes = b""
    then: Literal["goes on", "closes", "resets", "hangs", "stalls"] = "goes on"
    pause: float = 0  # seconds before each octet of the answer
    keeps: bool = False  # at END: whether the message was taken although it does not look so


def answers(line: str, then: Literal["goes on", "closes"] = "goes on") -> Fault:
    """Another answer than the usual one."""
    return Fault(f"{line}\r\n".encode("utf-8", "surrogateescape"), then)


def closes(*, keeps: bool = False) -> Fault:
    """An end of the connection without a word."""
    return Fault(then="closes", keeps=keeps)


def resets() -> Fault:
    """A connection that breaks (RST)."""
    return Fault(then="resets")


def hangs(*, keeps: bool = False) -> Fault:
    """Silence."""
    return Fault(then="hangs", keeps=keeps)


@dataclass(frozen=True, slots=True)
class Mail:
    """A message as it was taken."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def message_id(self) -> str:
        """Its Message-ID with the angle brackets."""
        return _message_id(self.content)


@dataclass(slots=True)
class _Session:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sender: str = ""
    recipients: list[str] = field(default_factory=list[str])
    user: str = ""


class _Over(Exception):  # noqa: N818 - not an error
    """The session has ended."""


@dataclass(slots=True)
class SmtpServer:
    """The server; `users` makes it ask for a login, `tls` offers STARTTLS, `implicit_tls` speaks TLS from the first byte."""

    faults: Mapping[Step, Fault] = field(default_factory=dict[Step, Fault])
    extensions: tuple[str, ...] = ("SIZE 60000000", "8BITMIME", "SMTPUTF8")
    users: Mapping[str, str] = field(default_factory=dict[str, str])
    auth_methods: str = "PLAIN LOGIN"
    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False
    store: Path | None = None
    delay: float = 0  # seconds between the final dot and the answer
    mails: list[Mail] = field(default_factory=list[Mail])
    commands: list[str] = field(default_factory=list[str])
    connections: int = 0
    port: int = 0
    resumed: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _heard: asyncio.Event = field(default_factory=asyncio.Event)
    _sessions: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    @property
    def url(self) -> str:
        """An `smtp_url` of this server."""
        return f"{'smtps' if self.implicit_tls else 'smtp'}://127.0.0.1:{self.port}"

    @property
    def counts(self) -> Counter[str]:
        """How often each Message-ID was taken."""
        return Counter(mail.message_id for mail in self.mails)

    async def __aenter__(self) -> Self:
        context = self.tls if self.implicit_tls else None
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=_LARGEST, ssl=context)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server:
            self._server.close()
        if self._sessions and not any(fault.then == "hangs" for fault in self.faults.values()):
            await asyncio.wait(self._sessions, timeout=1)  # until they have read their QUIT
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    async def hears(self, command: str) -> None:
        """Wait until somebody has said so."""
        while command not in self.commands:
            self._heard.clear()
            await self._heard.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._sessions.add(task)
        task.add_done_callback(self._sessions.discard)
        self.connections += 1
        session = _Session(reader, writer)
        try:
            with suppress(_Over, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
                await self._say(session, "greeting", "220 mail.example ready")
                while True:
                    await self._command(session)
        finally:
            session.writer.transport.abort()

    async def _command(self, session: _Session) -> None:
        line = (await session.reader.readuntil(b"\n")).decode("utf-8", "surrogateescape").rstrip("\r\n")
        self.commands.append(line)
        self._heard.set()
        match line.split(" ")[0].upper():
            case "EHLO":
                await self._say(session, "ehlo", *self._greeting(session))
            case "HELO":
                await self._say(session, "helo", "250 mail.example")
            case "STARTTLS":
                await self._say(session, "starttls", "220 go ahead")
                assert self.tls
                await session.writer.start_tls(self.tls)
            case "AUTH":
                await self._log_in(session, line.split(" "))
            case "MAIL":
                await self._mail(session, line)
            case "RCPT":
                session.recipients.append(_path(line))
                await self._say(session, "rcpt", "250 2.1.5 ok")
            case "DATA":
                await self._data(session)
            case "QUIT":
                session.writer.write(b"221 bye\r\n")
                raise _Over
            case _:
                session.writer.write(b"502 5.5.1 unknown\r\n")

    def _greeting(self, session: _Session) -> list[str]:
        encrypted = session.writer.get_extra_info("sslcontext") is not None
        extensions = list(self.extensions)
        extensions += ["STARTTLS"] if self.tls and not encrypted else []
        extensions += [f"AUTH {self.auth_methods}"] if self.users else []
        lines = ["mail.example", *extensions]
        return [f"250{' ' if place == len(lines) - 1 else '-'}{line}" for place, line in enumerate(lines)]

    async def _log_in(self, session: _Session, words: list[str]) -> None:
        if words[1] == "PLAIN":
            _, user, password = base64.b64decode(words[2]).decode().split("\0")
        else:
            user = base64.b64decode(words[2]).decode()
            session.writer.write(b"334 UGFzc3dvcmQ6\r\n")
            password = base64.b64decode(await session.reader.readuntil(b"\n")).decode()
        if self.users.get(user) == password:
            session.user = user
            await self._say(session, "auth", "235 2.7.0 welcome")
        else:
            await self._say(session, "auth", "535 5.7.8 bad credentials")

    async def _mail(self, session: _Session, line: str) -> None:
        session.sender, session.recipients = _path(line), []
        await self._say(session, "mail", "250 2.1.0 ok" if session.user or not self.users else "530 5.7.0 log in first")

    async def _data(self, session: _Session) -> None:
        await self._say(session, "data", "354 go ahead")
        if (fault := self.faults.get("data")) and not fault.answer.startswith(b"354"):
            return
        if fault := self.faults.get("body"):
            await session.reader.readexactly(10)
            await self._misbehave(session, fault)
        raw = (await session.reader.readuntil(b"\r\n.\r\n"))[:-3]
        fault = self.faults.get("end")
        if not fault or fault.keeps:
            self._keep(Mail(session.sender, tuple(session.recipients), re.sub(rb"(?m)^\.", b"", raw)))
        await asyncio.sleep(self.delay)
        await self._say(session, "end", "250 2.0.0 queued as 4F2K1")

    def _keep(self, mail: Mail) -> None:
        self.mails.append(mail)
        if self.store:
            part = self.store / f".{uuid4().hex}"
            part.write_bytes(mail.content)
            part.rename(self.store / f"{len(self.mails):06}-{uuid4().hex}.eml")

    async def _say(self, session: _Session, step: Step, *lines: str) -> None:
        if fault := self.faults.get(step):
            await self._misbehave(session, fault)
        else:
            session.writer.write("".join(f"{line}\r\n" for line in lines).encode())

    async def _misbehave(self, session: _Session, fault: Fault) -> None:
        for octet in fault.answer:
            await asyncio.sleep(fault.pause)
            if session.writer.is_closing():
                raise _Over
            session.writer.write(bytes([octet]))
        match fault.then:
            case "goes on":
                return
            case "closes":
                await session.writer.drain()
                session.writer.close()
                await session.writer.wait_closed()
            case "resets":
                session.writer.transport.abort()
            case "hangs":
                await asyncio.Event().wait()
            case "stalls":
                transport = cast("asyncio.Transport", session.writer.transport)
                transport.pause_reading()
                await self.resumed.wait()
                transport.resume_reading()
                return
        raise _Over


def stored_mails(store: Path) -> list[bytes]:
    """What a server with a store has taken, in its order, also while it runs."""
    return [path.read_bytes() for path in sorted(store.glob("*.eml"))]


def count_by_message_id(contents: Iterable[bytes]) -> Counter[str]:
    """How often each Message-ID is there."""
    return Counter(map(_message_id, contents))


@contextmanager
def smtp_process(store: Path, delay: float = 0) -> Generator[str]:
    """The `smtp_url` of a server in a process and process group of its own, which ends with the block."""
    command = [sys.executable, __file__, "--store", str(store), "--delay", str(delay)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _path(line: str) -> str:
    found = re.search("<(.*?)>", line)
    return found[1] if found else ""


def _message_id(content: bytes) -> str:
    found = re.search(rb"(?im)^Message-ID:\s*(<[^>\r\n]+>)", content)
    return found[1].decode() if found else ""


async def _main(port_file: Path | None, store: Path, delay: float) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with SmtpServer(store=store, delay=delay) as server:
        if port_file:
            part = port_file.with_name(f".{port_file.name}")
            part.write_text(str(server.port))
            part.rename(port_file)
        print(server.url, flush=True)  # noqa: T201 - whoever started the process reads it here
        await stopping.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port-file", type=Path)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--delay", type=float, default=0, help="seconds between the final dot and the answer")
    options = parser.parse_args()
    options.store.mkdir(parents=True, exist_ok=True)
    asyncio.run(_main(options.port_file, options.store, options.delay))
