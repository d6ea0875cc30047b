"""The web door: every screen and probe on one port of this machine, and the server that runs beside the loops."""

import asyncio
import errno
import socket
from collections.abc import Collection, Generator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from communication_agent.clock import unix_micros
from communication_agent.config import Config
from communication_agent.db.console_repository import ConsoleRepository
from communication_agent.errors import Exit, Problem
from communication_agent.web.console.customers import Customers
from communication_agent.web.console.desk import Desk
from communication_agent.web.console.message import OneMessage
from communication_agent.web.console.messages import Messages
from communication_agent.web.console.times import long_day, short_day
from communication_agent.web.console.today import Today
from communication_agent.web.console.words import why
from communication_agent.web.doorman import Doorman, is_loopback
from communication_agent.web.health import ALL, Health
from communication_agent.web.house import House
from communication_agent.web.pages import STATIC, Pages
from communication_agent.web.unsubscribe import PreferencePage

BACKLOG = 128
GRACE = 3  # seconds that answers in the making have when the server is to end
FILTERS = {"long_day": long_day, "short_day": short_day, "why": why}
STATUS = {Exit.NOT_FOUND: 404, Exit.REFUSED: 403, Exit.UNREACHABLE: 503, Exit.USAGE: 400}
SENTENCES = {404: "There is nothing at this address.", 405: "That cannot be done here."}


def build(house: House, only: Collection[str] = ALL) -> FastAPI:
    """Every route; `only` names the rooms whose loops run in this process (as in `run --only`), for `/health`."""
    pages, reads = Pages.made(FILTERS), ConsoleRepository()
    desk = Desk(house, pages, reads)
    api = FastAPI(title="Communication Agent", docs_url=None, redoc_url=None, openapi_url=None)
    api.router.routes.extend([
        Route("/", _Front(desk).page),
        *Health(house, only, unix_micros() / 1e6).routes(),
        *PreferencePage(house, pages, reads).routes(),
        *Today(desk).routes(),
        *Messages(desk).routes(),
        *OneMessage(desk).routes(),
        *Customers(desk).routes(),
    ])  # fmt: skip
    api.mount("/static", _Kept(directory=STATIC))
    refusals = _Refusals(pages)
    api.add_exception_handler(Problem, refusals.problem)
    api.add_exception_handler(HTTPException, refusals.http)
    api.add_middleware(Doorman, config=house.config, refuse=refusals.page)
    return api


def listen(config: Config) -> socket.socket:
    """A socket on WEB_HOST and HEALTH_PORT; raises Problem CA-310 for an address that others reach, CA-302 when it cannot be had."""
    if not is_loopback(config.web_host):
        raise Problem(
            "CA-310",
            f"The console would be open to others at {config.web_host}.",
            "this version has no logins, so it listens on this machine only",
            "WEB_HOST=127.0.0.1   and let a web server of yours hand on /p/ to it",
        )
    family = socket.AF_INET6 if ":" in config.web_host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((config.web_host, config.health_port))
        listener.listen(BACKLOG)  # whoever comes before the first page can be made waits
    except OSError as error:
        listener.close()
        raise _not_had(config, error) from error
    return listener


async def serve(house: House, stopping: asyncio.Event, only: Collection[str] = ALL, listener: socket.socket | None = None) -> None:
    """Answer requests until `stopping`, then end within 5 seconds; raises Problem like `listen`, which it calls for no listener."""
    bound = listener or listen(house.config)
    server = _Server(
        uvicorn.Config(
            build(house, only),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    ending = asyncio.create_task(_end(server, stopping))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = server.force_exit = True
        await serving
        raise
    finally:
        ending.cancel()
        bound.close()


async def _end(server: uvicorn.Server, stopping: asyncio.Event) -> None:
    await stopping.wait()
    server.should_exit = True


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handlers: the program decides when it ends."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class _Kept(StaticFiles):
    """Static files, whose addresses change with their content."""

    def file_response(self, *args: object, **named: object) -> Response:
        response = super().file_response(*args, **named)  # pyright: ignore[reportArgumentType] - handed on as it came
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


class _Front:
    """The address without a path."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def page(self, _request: Request) -> Response:
        """To the first dealer's Today, or how to add one."""
        async with self.desk.house.central.engine() as engine:
            tenants = await self.desk.reads.tenant_names(engine)
        if tenants:
            return RedirectResponse(f"/t/{tenants[0][0]}", 303)
        return self.desk.pages.page("nobody.html", {})


class _Refusals:
    """Every no, as a page."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    def page(self, status: int, sentence: str) -> Response:
        """One sentence."""
        return self.pages.page("refusal.html", {"status": status, "sentence": sentence, "problem": None}, status=status)

    async def problem(self, _request: Request, error: Exception) -> Response:
        """A Problem with its why and what to do."""
        if not isinstance(error, Problem):
            raise error
        status = STATUS.get(error.exit, 500)
        return self.pages.page("refusal.html", {"status": status, "sentence": error.what, "problem": error}, status=status)

    async def http(self, _request: Request, error: Exception) -> Response:
        """What the framework says no to."""
        if not isinstance(error, HTTPException):
            raise error
        return self.page(error.status_code, SENTENCES.get(error.status_code, "That could not be read."))


def _not_had(config: Config, error: OSError) -> Problem:
    what = f"The port {config.health_port} of {config.web_host} cannot be had."
    if error.errno == errno.EADDRINUSE:
        return Problem("CA-302", what, "another program listens there", f"end that one, or HEALTH_PORT={config.health_port + 1}")
    return Problem("CA-302", what, error.strerror or str(error), "HEALTH_PORT=8080 and WEB_HOST=127.0.0.1")
