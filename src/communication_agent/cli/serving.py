"""The loops and the console until somebody ends them: SIGTERM drains and ends with 0, Ctrl-C drains and ends with 130."""

import asyncio
import signal
import socket
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from communication_agent.app import App
from communication_agent.app import run as run_loops
from communication_agent.config import Config
from communication_agent.errors import Exit, Problem

ENDINGS = {signal.SIGTERM: Exit.OK, signal.SIGINT: Exit.INTERRUPTED}


@dataclass(slots=True)
class Ending:
    """`stopping` is set by the first signal; `by` names it, None while nobody wants an end."""

    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    by: signal.Signals | None = None

    @property
    def exit(self) -> Exit:
        """The exit code that belongs to the signal."""
        return ENDINGS[self.by] if self.by else Exit.OK


@asynccontextmanager
async def signals() -> AsyncGenerator[Ending]:
    """An Ending that SIGTERM and Ctrl-C set; a second Ctrl-C does not wait for the drain."""
    ending, loop = Ending(), asyncio.get_running_loop()

    def ended(number: signal.Signals) -> None:
        ending.by = number
        ending.stopping.set()
        loop.remove_signal_handler(number)

    for number in ENDINGS:
        loop.add_signal_handler(number, ended, number)
    try:
        yield ending
    finally:
        for number in ENDINGS:
            loop.remove_signal_handler(number)


async def unless_stopped(app: App, work: Coroutine[object, object, list[str]], ending: Ending) -> list[str] | None:
    """The work's result; None when a signal came first: what was in hand is brought to its end."""
    task, stop = asyncio.create_task(work), asyncio.create_task(ending.stopping.wait())
    await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if task.done():
        return await task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await app.processor.drain()
    return None


def listening(config: Config, *, tries: int = 1) -> socket.socket:
    """A listening socket on WEB_HOST and HEALTH_PORT or, with more `tries`, the next port that is free; raises CA-302, CA-310."""
    from communication_agent.web.app import listen  # noqa: PLC0415 - loads the web framework, which only those need who serve

    for further in range(tries):
        port = config.health_port + further if config.health_port else 0
        try:
            listener = listen(config.model_copy(update={"health_port": port}))
            listener.listen()
        except Problem as problem:
            if problem.code != "CA-302" or further + 1 == tries:
                raise
        except OSError as error:
            if further + 1 == tries:
                raise Problem(
                    "CA-302", f"The port {port} cannot be had.", error.strerror or str(error), "HEALTH_PORT=8081"
                ) from error
        else:
            return listener
    raise LookupError("no port was tried")


async def serve_until_stopped(app: App, loops: frozenset[str], ending: Ending, listener: socket.socket | None = None) -> None:
    """Run the loops, and the console on `listener`, until the signal; then drain."""
    if listener is None:
        await run_loops(app, loops, ending.stopping)
        return
    from communication_agent.web.app import serve  # noqa: PLC0415 - loads the web framework, which only those need who serve

    console = asyncio.create_task(serve(app, ending.stopping, loops, listener))
    await run_loops(app, loops, ending.stopping, [console])
