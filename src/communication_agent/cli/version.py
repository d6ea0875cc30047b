"""`communication-agent version`."""

from communication_agent import __version__
from communication_agent.cli.command import Call, command, group
from communication_agent.cli.output import Answer, cell

cli = group("Which version this is.", "version")


@command(cli, "version", "version --json")
def version(_call: Call) -> Answer:
    """Print the version of the program."""
    return Answer({"version": __version__}, lambda console: console.print(cell(f"communication-agent {__version__}")))
