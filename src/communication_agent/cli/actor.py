"""Who gives a command, as the audit log names them."""

import getpass


def actor() -> str:
    """cli: and the name of the account that runs this program."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):
        return "cli"  # an account without a name, as in some containers
