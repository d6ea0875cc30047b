"""`communication-agent resume`: go on sending."""

from communication_agent.cli.command import Call, Tenant, command, group
from communication_agent.cli.output import Answer
from communication_agent.cli.pauses import Channels, TypeName, go_on

cli = group("Go on sending.", "resume")


@command(cli, "resume", "resume --tenant green-valley", "COMMUNICATION_AGENT_HOME, CENTRAL_DB_URL")
async def resume(call: Call, tenant: Tenant = None, type_: TypeName = None, channel: Channels = None) -> Answer:
    """Take a pause back; what waited for it is looked at within the next round."""
    return await go_on(call, tenant, type_, channel)
