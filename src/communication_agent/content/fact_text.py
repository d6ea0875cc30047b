"""Makes facts fit for words: one clean line each, dates, money and times as people write them."""

import re
import unicodedata
from datetime import date
from decimal import Decimal

from communication_agent.content.catalogue import Kind, Variable

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# What programs and people write into a field that has no value.
_NO_VALUE = frozenset({"none", "null", "undefined", "unknown", "n/a", "n.a.", "nil", "-", "--", "?", "tbd"})
_ISO_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ].*)?")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d(?:\.\d+)?)?")
_AMOUNT = re.compile(r"\$?(\d+(?:,\d{3})*(?:\.\d{1,2})?)")
_WHOLE_URL = re.compile(r"https?://[^\s\"'<>\\]+", re.IGNORECASE)
_SHORT_URL = re.compile(r"(?:https?://)?[\w-]+(?:\.[\w-]+)+(?:/[^\s\"'<>\\]*)?", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s@<>\"]+@[^\s@<>\"]+")
_LONGEST_RAW = 20_000  # characters that are looked at; nothing true is longer
_LONGEST_VERBATIM = 1_000  # of words that must not be rewritten; more than that is no notice but a document
_LONGEST_URL = 2_000
_LONGEST_SHORT = 60  # of dates, money, numbers: longer ones are something else


def clean(text: str) -> str:
    """One line without control, invisible and direction-changing characters, and without braces, which only templates need."""
    text = text[:_LONGEST_RAW]
    if not (text.isascii() and text.isprintable()):
        text = "".join(_visible(character) for character in unicodedata.normalize("NFC", text))
    return " ".join(text.replace("{", "").replace("}", "").split())


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, ending with a whole word; a single word that is longer is cut in its middle."""
    if len(text) <= limit:
        return text
    whole = text[: limit + 1].rpartition(" ")[0]
    return (whole or text[:limit]).rstrip(" ,;:-(&/")


def given_name(text: str) -> str:
    """A first name to greet with, empty when the field holds something else: an address, a link, no letter, a novel."""
    if any(mark in text for mark in ("@", "://", "www.")) or not any(character.isalpha() for character in text) or text == "NA":
        return ""
    short = cut(text, 40)
    return short if short == text or " " in text[:41] else ""


def long_date(day: date) -> str:
    """March 14, 2024."""
    return f"{MONTHS[day.month - 1]} {day.day}, {day.year}"


def written(variable: Variable, raw: str) -> str:
    """The fact as wording shows it; empty when `raw` is no value of the variable's kind."""
    text = clean(raw)
    if text.casefold() in _NO_VALUE:
        return ""
    if variable.name == "first_name":
        return given_name(text)
    if variable.kind is Kind.TEXT:
        return _words(variable, text)
    if variable.kind in (Kind.HTTPS, Kind.URL):
        return _url(_WHOLE_URL if variable.kind is Kind.HTTPS else _SHORT_URL, text)
    return _short(variable, text) if len(text) <= _LONGEST_SHORT else ""


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Zl", "Zp", "Zs"):
        return " "
    return "" if category in ("Cf", "Cs", "Co", "Cn") else character


def _words(variable: Variable, text: str) -> str:
    if not variable.uncut:
        return cut(text, variable.limit or 160)
    longest = _LONGEST_VERBATIM if "verbatim" in variable.source else _LONGEST_SHORT
    return text if len(text) <= longest else ""


def _url(pattern: re.Pattern[str], text: str) -> str:
    return text if len(text) <= _LONGEST_URL and pattern.fullmatch(text) else ""


def _short(variable: Variable, text: str) -> str:
    match variable.kind:
        case Kind.DATE:
            return _date(variable.example, text)
        case Kind.TIME:
            return _time(text)
        case Kind.MONEY:
            return _money(variable, text)
        case _:
            return text if _fits(variable, text) else ""


def _fits(variable: Variable, text: str) -> bool:
    match variable.kind:
        case Kind.ENUM:
            return text in re.split(r"[ |]", variable.type)[1:]
        case Kind.EMAIL:
            return _ADDRESS.fullmatch(text) is not None
        case Kind.INTEGER:
            return text != "0" or ">= 1" not in variable.type
        case _:
            return True


def _date(example: str, text: str) -> str:
    """ISO dates in the form of the catalogue's example: with the weekday, with the year, or only the day."""
    found = _ISO_DATE.fullmatch(text)
    if not found:
        return text
    try:
        day = date.fromisoformat(found.group(1))
    except ValueError:
        return ""
    if example.startswith(WEEKDAYS):
        return f"{WEEKDAYS[day.weekday()]}, {MONTHS[day.month - 1]} {day.day}"
    return long_date(day) if example[-4:].isdigit() else f"{MONTHS[day.month - 1]} {day.day}"


def _time(text: str) -> str:
    found = _CLOCK.fullmatch(text)
    if not found:
        return text
    hour = int(found.group(1))
    return f"{hour % 12 or 12}:{found.group(2)} {'am' if hour < 12 else 'pm'}"


def _money(variable: Variable, text: str) -> str:
    found = _AMOUNT.fullmatch(text)
    if not found:
        return text
    amount = Decimal(found.group(1).replace(",", ""))
    return "paid" if amount == 0 and "'paid'" in variable.meaning else f"${amount:,.2f}"
