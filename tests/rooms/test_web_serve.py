"""The web server beside the loops: it ends when it is told to, and says what is wrong with its address."""

import asyncio
import signal
import socket
from pathlib import Path

import pytest

from communication_agent.app import App
from communication_agent.errors import Exit, Problem
from communication_agent.web.app import listen, serve
from support.central import config_for
from support.web import served


async def _get(address: str, path: str = "/health") -> bytes:
    host, _, port = address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer


async def test_it_answers_on_loopback_until_it_is_told_to_stop(house: App) -> None:
    async with served(house) as address:
        answer = await _get(address)
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"server: uvicorn" not in answer.lower()
    with pytest.raises(ConnectionRefusedError):
        await _get(address)


async def test_it_ends_within_five_seconds_while_somebody_holds_on_to_a_connection(house: App) -> None:
    stopping, listener = asyncio.Event(), listen(house.config.model_copy(update={"health_port": 0}))
    port = listener.getsockname()[1]
    serving = asyncio.create_task(serve(house, stopping, listener=listener))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST /p/x HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 100\r\n\r\nhalf a form".encode())
    await writer.drain()

    stopping.set()
    await asyncio.wait_for(serving, 5)

    writer.close()
    assert await reader.read() is not None


async def test_it_leaves_the_programs_signal_handlers_alone(house: App) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with served(house) as address:
        await _get(address)
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


async def test_a_cancelled_server_gives_its_port_back(house: App) -> None:
    listener = listen(house.config.model_copy(update={"health_port": 0}))
    port = listener.getsockname()[1]
    serving = asyncio.create_task(serve(house, asyncio.Event(), listener=listener))
    await _get(f"http://127.0.0.1:{port}")

    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving

    listen(house.config.model_copy(update={"health_port": port})).close()


def test_a_taken_port_is_told_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Problem) as caught:
            listen(config_for(None, tmp_path, health_port=port))

    assert (caught.value.code, caught.value.exit) == ("CA-302", Exit.CONFIGURATION)
    assert str(port) in caught.value.what
    assert caught.value.why == "another program listens there"
    assert f"HEALTH_PORT={port + 1}" in caught.value.do


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "dealer.example"])
def test_an_address_that_others_reach_is_refused_while_there_are_no_logins(tmp_path: Path, host: str) -> None:
    with pytest.raises(Problem) as caught:
        listen(config_for(None, tmp_path, web_host=host, health_port=0))
    assert caught.value.code == "CA-310"
    assert "WEB_HOST=127.0.0.1" in caught.value.do


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_every_name_of_this_machine_will_do(tmp_path: Path, host: str) -> None:
    listen(config_for(None, tmp_path, web_host=host, health_port=0)).close()
