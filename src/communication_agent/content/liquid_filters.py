"""The filters that wording may use; each is bounded and knows no clock and no locale."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal

from markupsafe import Markup, escape

from communication_agent.content.fact_text import MONTHS, WEEKDAYS

Filter = Callable[..., object]
_LONG_DATE = re.compile(rf"({'|'.join(MONTHS)}) (\d{{1,2}}), (\d{{4}})")
_DIRECTIVE = re.compile(r"%-?[A-Za-z%]")
_AMOUNT = re.compile(r"\d{1,12}(?:,\d{3}){0,4}(?:\.\d{1,6})?")
_LONGEST_FORMAT = 60


def default(value: object, fallback: object = "") -> object:
    """`fallback` for what is missing, empty or false; zero is a value."""
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return value if is_number or value else fallback


def capitalize(value: object) -> str:
    """The first letter large; the rest stays as it is, so that names keep their capitals."""
    text = str(value)
    return text[:1].upper() + text[1:]


def upcase(value: object) -> str:
    """All letters large."""
    return str(value).upper()


def downcase(value: object) -> str:
    """All letters small."""
    return str(value).lower()


def strip(value: object) -> str:
    """Without blanks at both ends."""
    return str(value).strip()


def truncate(value: object, length: object = 50, ending: object = "...") -> str:
    """At most `length` characters, the ending included."""
    text, end = str(value), str(ending)
    try:
        longest = max(0, int(str(length)))
    except ValueError as error:
        message = f"{str(length)[:20]!r} is not a number of characters"
        raise TypeError(message) from error
    return text if len(text) <= longest else text[: max(0, longest - len(end))] + end[:longest]


def money(value: object) -> str:
    """5349 as $5,349.00; what is already written with words or a sign stays."""
    text = str(value)
    return f"${Decimal(text.replace(',', '')):,.2f}" if _AMOUNT.fullmatch(text) else text


def format_date(value: object, form: object = "%B %-d, %Y") -> str:
    """A day in another form, such as %b %-d; what is no full date stays as it is."""
    text, day = str(value), _day(str(value))
    return _DIRECTIVE.sub(lambda found: _directive(day, found.group()), str(form)[:_LONGEST_FORMAT]) if day else text


def escaped(value: object) -> Markup:
    """HTML signs made harmless, once."""
    return escape(str(value))


# Plain text has no markup to escape: a habit of HTML authors must not put &#39; into a text message.
TEXT_FILTERS: Mapping[str, Filter] = {
    "default": default,
    "capitalize": capitalize,
    "upcase": upcase,
    "downcase": downcase,
    "strip": strip,
    "truncate": truncate,
    "money": money,
    "date": format_date,
    "escape": str,
}
HTML_FILTERS: Mapping[str, Filter] = {**TEXT_FILTERS, "escape": escaped}


def _day(text: str) -> date | None:
    found = _LONG_DATE.fullmatch(text.replace("\u00a0", " "))
    try:
        if found:
            return date(int(found.group(3)), MONTHS.index(found.group(1)) + 1, int(found.group(2)))
        return date.fromisoformat(text)
    except ValueError:
        return None


def _directive(day: date, directive: str) -> str:
    month, weekday = MONTHS[day.month - 1], WEEKDAYS[day.weekday()]
    table = {
        "%B": month,
        "%b": month[:3],
        "%A": weekday,
        "%a": weekday[:3],
        "%d": f"{day.day:02}",
        "%-d": str(day.day),
        "%e": str(day.day),
        "%m": f"{day.month:02}",
        "%-m": str(day.month),
        "%Y": str(day.year),
        "%y": f"{day.year % 100:02}",
        "%%": "%",
    }
    return table.get(directive, directive)
