"""What people are told when something is wrong: four lines, a stable code, an exit code."""

from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command (contract)."""

    OK = 0
    BUG = 1
    USAGE = 2
    CONFIGURATION = 3
    CREDENTIALS = 4
    NOT_FOUND = 5
    REFUSED = 6
    PARTLY_FAILED = 7
    UNREACHABLE = 8
    INTERRUPTED = 130


# The hundreds digit of a code is its family, and the family decides the exit code.
_FAMILIES = {
    "1": Exit.BUG,
    "2": Exit.USAGE,
    "3": Exit.CONFIGURATION,
    "4": Exit.CREDENTIALS,
    "5": Exit.NOT_FOUND,
    "6": Exit.REFUSED,
    "7": Exit.PARTLY_FAILED,
    "8": Exit.UNREACHABLE,
}


@dataclass(slots=True)
class Problem(Exception):  # noqa: N818 - a Problem is told to people, it is not always an error of theirs
    """Something that a person can mend: what happened, why, and what to do; code is CA-nnn, listed in CODES."""

    code: str
    what: str
    why: str
    do: str

    @property
    def exit(self) -> Exit:
        """The exit code that belongs to the code's family."""
        return _FAMILIES[self.code[3]]

    @property
    def lines(self) -> tuple[str, str, str, str]:
        """The four lines that people read."""
        return (
            f"Error {self.code}: {self.what}",
            f"Why:  {self.why}",
            f"Do:   {self.do}",
            f"More: docs/errors.md#{self.code.lower()}",
        )

    def __str__(self) -> str:
        """One line for logs."""
        return f"{self.code} {self.what} ({self.why})"


# code -> (title, what it means and how to mend it in general); docs/errors.md is generated from this table.
CODES: dict[str, tuple[str, str]] = {
    "CA-101": ("Unexpected error", "A bug of ours. Run the command again with --debug and report what it prints."),
    "CA-201": ("Unknown communication type", "`communication-agent types list` shows the types that exist."),
    "CA-202": ("Not a date or time", "Dates are written 2026-11-22, times 2026-11-22T10:00:00-05:00."),
    "CA-203": ("Choose one tenant", "The command works on one tenant: name it with --tenant."),
    "CA-204": ("Not a readable JSON file", "The file has to hold one object or a list of objects in UTF-8."),
    "CA-205": ("The command needs something else", "Its --help begins with an example."),
    "CA-301": ("The tenant file is not valid", "Every wrong field is named with what it has to be."),
    "CA-302": ("A setting is not valid", "`communication-agent config` shows every setting, its origin and its meaning."),
    "CA-303": ("The dealer's database lacks something", "The comm views do not have what the contract asks for."),
    "CA-304": ("A provider refused the key", "The key is wrong, expired or lacks a right."),
    "CA-305": ("This mode is not available yet", "This version runs in legacy mode."),
    "CA-306": (
        "The encryption key is missing or wrong",
        "COMMUNICATION_AGENT_KEY or the key file must be the one that encrypted the credentials.",
    ),
    "CA-307": ("A migration was changed or is missing", "A file that was applied must stay as it was: restore it."),
    "CA-308": ("A template is not valid", "The message names the variable, tag or filter."),
    "CA-309": ("The embedded database cannot start", "The last lines of its log are shown."),
    "CA-310": ("The address needs a password", "Any address but loopback needs a first user with a password."),
    "CA-401": ("The database refused the password", "User or password are wrong."),
    "CA-402": ("A provider refused the credentials", "The tenant's channel waits until they are mended."),
    "CA-501": ("No such tenant", "`communication-agent tenants list` shows those that exist."),
    "CA-502": ("No such customer", "The dealer's database has no customer with this id or name."),
    "CA-503": ("No such message", "`communication-agent messages list` shows those that exist."),
    "CA-504": ("No such file", "The path does not exist or cannot be read."),
    "CA-601": ("A pretended clock may not send", "Only with sending = outbox, or when every provider address is loopback."),
    "CA-602": ("That is not allowed in this state", "The message has already left, ended, or is in somebody's hands."),
    "CA-701": ("Some of it failed", "What failed is listed; everything else was done."),
    "CA-801": ("A database cannot be reached", "Host, port or network are wrong, or the server is down."),
    "CA-802": ("A provider cannot be reached", "Its address cannot be reached from here."),
}
