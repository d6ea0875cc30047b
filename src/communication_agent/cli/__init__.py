"""The command line."""

from communication_agent.cli.main import main

__all__ = ["main"]
