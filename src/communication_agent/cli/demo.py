"""`communication-agent demo`: all of it on this machine; nothing leaves."""

import asyncio
import shlex
import socket
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from communication_agent import config as configuration
from communication_agent import telemetry
from communication_agent.app import App, opened
from communication_agent.cli.command import PROGRAM, Call, Day, command, group
from communication_agent.cli.demo_story import Teller, story_page
from communication_agent.cli.output import Answer, give, note, stderr, stdout
from communication_agent.cli.serving import listening, serve_until_stopped, signals
from communication_agent.cli.session import parsed_day, settings
from communication_agent.cli.since_start import since_start
from communication_agent.clock import Clock, unix_micros
from communication_agent.config import Config, load
from communication_agent.demo import LOOPS, Story, demo_day, monday_from, overrides, play, stage, ten_o_clock
from communication_agent.errors import Exit

cli = group("See it all on this machine; nothing leaves it.", "demo")

Once = Annotated[bool, typer.Option("--once", help="End after the work is done, without the console.")]
Keep = Annotated[
    Path | None, typer.Option("--keep", metavar="DIR", help="Play in this directory, empty or an earlier demo's, and leave it.")
]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Do not open the first message in a browser.")]
PORTS = 20  # tried one after the other when somebody else listens


@command(cli, "demo", "demo --once", "COMMUNICATION_AGENT_HOME, HEALTH_PORT")
async def demo(
    call: Call, once: Once = False, date_: Day = None, keep: Keep = None, no_browser: NoBrowser = False
) -> Answer | Exit:
    """Play two dealers, two weeks of messages and a Monday at ten on a database of its own, then serve the console.

    Every message is found, decided upon, written and put into the outbox by the real program; nothing leaves this machine. The
    console runs until Ctrl-C.
    """
    config = settings(call)
    telemetry.configure("text", "ERROR")
    day = parsed_day(date_)
    now = ten_o_clock(day) if day else config.communication_agent_now or ten_o_clock(monday_from(demo_day(Clock().now())))
    home = keep.expanduser().absolute() if keep else config.home / "demo"
    listener = None if once else listening(config, tries=PORTS)
    teller = Teller(stderr() if call.json else stdout())
    with stage(home):
        own = load(**overrides(home, now, listener.getsockname()[1] if listener else config.health_port))
        teller.done("PostgreSQL, embedded", "ready")
        async with opened(own) as app:
            standing, story = await play(app, now, teller.done)
            answer = _answer(story, own, _program(config, home), served=not once)
            if listener is None:
                return answer
            give(answer, as_json=call.json)
            if listener.getsockname()[1] != config.health_port:
                note(f"Port {config.health_port} was taken, so the console is at {own.base_url}")
            return await _served(standing, story, listener, browser=not no_browser)


def _program(config: Config, home: Path) -> str:
    """How the program is called on the demo's stage from this shell."""
    return f"COMMUNICATION_AGENT_HOME={shlex.quote(str(home))} {'CENTRAL_DB_URL= ' if config.central_db_url else ''}{PROGRAM}"


def _answer(story: Story, own: Config, program: str, *, served: bool) -> Answer:
    return Answer(
        document(story, own),
        lambda console: story_page(console, story, own, program, served=served),
        Exit.PARTLY_FAILED if story.unserved else Exit.OK,
    )


def document(story: Story, own: Config) -> dict[str, object]:
    """The contract's document."""
    outcomes = {outcome: story.outcomes[outcome] for outcome in ("sent", "waiting", "skipped", "failed", "cancelled")}
    return {
        "tenants": [tenant.id for tenant in story.tenants],
        "customers": story.customers,
        "messages": outcomes,
        "seconds_to_first_message": _seconds_to_first(story, own.outbox),
        "outbox": own.outbox,
        "url": own.base_url,
    }


async def _served(app: App, story: Story, listener: socket.socket, *, browser: bool) -> Exit:
    async with signals() as ending:
        if browser and sys.stdout.isatty() and _has_display():
            first = (story.about("991") or story.messages)[0]
            await asyncio.to_thread(webbrowser.open, f"{app.config.base_url}/m/{first.id}")
        await serve_until_stopped(app, LOOPS | {"web"}, ending, listener)
    return ending.exit


def _seconds_to_first(story: Story, outbox: Path) -> float | None:
    """From the start of the process to the first message of the day that lay in the outbox."""
    sent = [message for message in story.messages if message.sent_at]
    files = [file for m in sent for file in (outbox / m.tenant).glob(f"{m.id}.*")]
    written = min((file.stat().st_mtime for file in files), default=None)
    return None if written is None else round(since_start() - (unix_micros() / 1e6 - written), 2)


def _has_display() -> bool:
    known = configuration.environment()
    return sys.platform in {"darwin", "win32"} or bool(known.get("DISPLAY") or known.get("WAYLAND_DISPLAY"))
