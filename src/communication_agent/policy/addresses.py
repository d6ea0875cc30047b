"""Addresses as dealers type them, made into the one form that we compare and send to."""

from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from communication_agent.domain import Address, Channel, Customer

LONGEST = 320  # characters; longer than any address, and short enough to look at
USABLE = frozenset({"", "active"})  # an unknown status is no permission


@lru_cache(maxsize=16_384)
def normalise(channel: Channel, raw: str) -> str | None:
    """The address in its one form (email in ASCII lower case, phone in E.164, US unless it says otherwise), or None.

    Equal results mean the same mailbox or phone, so this is the form to hash for suppressions. Normalising twice changes nothing.
    """
    text = raw.strip()
    # Both libraries refuse these too; a line break in an address is somebody else's header, so one look more is cheap.
    if not text or len(text) > LONGEST or any(character < " " or character == "\x7f" for character in text):
        return None
    return _email(text) if channel is Channel.EMAIL else _phone(text)


def _email(text: str) -> str | None:
    try:
        # A mailbox name outside ASCII needs SMTPUTF8 on every hop, which the providers do not promise.
        valid = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        return None
    return (valid.ascii_email or valid.normalized).lower()


def _phone(text: str) -> str | None:
    # A number with words in it is a note ("do not call ...", "... ext. 12"): the phone behind it is not simply theirs to text.
    if any(character.isalpha() or character in "#;," for character in text):
        return None
    try:
        number = phonenumbers.parse(text, "US")
    except phonenumbers.NumberParseException:
        return None
    # Possible, not valid: 555 numbers count. Possible only locally (no area code) does not reach anybody.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def of_channel(customer: Customer, channel: Channel) -> tuple[Address, ...]:
    """The customer's addresses of a channel, the primary ones first, else in the dealer's order."""
    return tuple(sorted((a for a in customer.addresses if a.channel is channel), key=lambda a: not a.primary))


def usable(addresses: tuple[Address, ...]) -> tuple[str, ...]:
    """The normalised values that may be written to, in order, each once."""
    values = (normalise(a.channel, a.value) for a in addresses if not fault(a))
    return tuple(dict.fromkeys(value for value in values if value))


def fault(address: Address) -> str | None:
    """Why an address cannot be written to, in a word or two, None when it can."""
    status = address.status.strip().lower()
    if status not in USABLE:
        return status
    return None if normalise(address.channel, address.value) else "not an address"
