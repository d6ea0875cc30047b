"""`communication-agent pause`: stop sending."""

from typing import Annotated

import typer

from communication_agent.cli.command import Call, Tenant, command, group
from communication_agent.cli.output import Answer
from communication_agent.cli.pauses import Channels, TypeName, stop

cli = group("Stop sending, for everybody or one dealer.", "pause")
Reason = Annotated[str, typer.Option("--reason", help="Why, for those who read it later.")]


@command(cli, "pause", 'pause --reason "wrong prices in the spring offer"', "COMMUNICATION_AGENT_HOME, CENTRAL_DB_URL")
async def pause(
    call: Call, tenant: Tenant = None, type_: TypeName = None, channel: Channels = None, reason: Reason = "paused by hand"
) -> Answer:
    """Stop sending for everybody, or for one dealer, type or channel; what is due waits and is lost nowhere.

    Takes effect at once, also for messages that are just being prepared.
    """
    return await stop(call, tenant, type_, channel, reason)
