"""The tenant file: TOML in, a tenant's settings out, or every wrong field in words."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from communication_agent.errors import Problem
from communication_agent.tenant import TenantSettings

# What pydantic calls a mistake -> what the field has to be; {…} are the mistake's own limits.
_WORDS: Mapping[str, str] = {
    "missing": "is missing",
    "string_type": "has to be a text in quotes",
    "string_too_short": "must not be empty",
    "string_too_long": "has to be {max_length} characters or fewer",
    "int_type": "has to be a whole number",
    "int_parsing": "has to be a whole number",
    "int_from_float": "has to be a whole number",
    "bool_type": "has to be true or false",
    "bool_parsing": "has to be true or false",
    "greater_than_equal": "has to be {ge} or more",
    "less_than_equal": "has to be {le} or less",
    "literal_error": "has to be {expected}",
    "tuple_type": 'has to be a list, as in ["en", "es"]',
    "dict_type": "has to be a section of its own",
    "mapping_type": "has to be a section of its own",
    "model_type": "has to be a section of its own",
    "model_attributes_type": "has to be a section of its own",
    "time_type": 'has to be a time, as in "21:00"',
    "time_parsing": 'has to be a time, as in "21:00"',
    "date_type": "has to be a date, as in 2026-11-22",
    "date_parsing": "has to be a date, as in 2026-11-22",
    "date_from_datetime_parsing": "has to be a date, as in 2026-11-22",
}

# The fields whose pattern says nothing to people.
_PATTERNS: Mapping[str, str] = {
    "id": "has to be small letters, digits and hyphens (2 to 63), beginning with a letter or digit, as in green-valley",
    "brand_color": "has to be a color, as in #1f6b3a",
    "booking_url": "has to be an address that begins with https:// or http://",
    "inventory_url": "has to be an address that begins with https:// or http://",
    "logo_url": "has to be an address that begins with https:// or http://",
}


def read_tenant_file(path: Path) -> TenantSettings:
    """The settings in the file; raises Problem CA-504 when it cannot be read, CA-301 naming every field that is wrong."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return TenantSettings.model_validate(data)
    except OSError as error:
        raise Problem(
            "CA-504", f"The tenant file {path} cannot be read.", error.strerror or str(error), "give the path of a tenant file"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise _invalid(path, [f"it is not TOML: {error}"]) from error
    except UnicodeDecodeError as error:
        raise _invalid(path, ["it is not written in UTF-8"]) from error
    except ValidationError as error:
        # Without its cause: pydantic quotes what it was given, and that includes passwords.
        raise _invalid(path, [_in_words(mistake) for mistake in error.errors(include_input=False)]) from None


def _invalid(path: Path, wrong: list[str]) -> Problem:
    return Problem(
        "CA-301",
        f"The tenant file {path} is not valid.",
        "\n      ".join(wrong),
        f"mend {'this field' if len(wrong) == 1 else f'these {len(wrong)} fields'} and add the tenant again",
    )


def _in_words(mistake: ErrorDetails) -> str:
    place = ".".join(str(part) for part in mistake["loc"])
    if mistake["type"] == "extra_forbidden":
        return f"{place}: is not known{_nearest(place)}"
    if mistake["type"] == "string_pattern_mismatch" and place in _PATTERNS:
        return f"{place}: {_PATTERNS[place]}"
    if mistake["type"] == "value_error":
        words = mistake["msg"].removeprefix("Value error, ")
        return f"{place}: {words}" if place else words
    limits = cast("Mapping[str, object]", mistake.get("ctx", {}))
    words = _WORDS.get(mistake["type"])
    return f"{place}: {words.format_map(limits) if words else mistake['msg']}"


def _nearest(place: str) -> str:
    """Where a misspelt or misplaced name belongs: first the same name in another section, then the most similar one."""
    known = list(_places(TenantSettings))
    name = place.rpartition(".")[2]
    elsewhere = [candidate for candidate in known if candidate.rpartition(".")[2] == name]
    similar = elsewhere or difflib.get_close_matches(place, known, n=1, cutoff=0.6)
    similar = similar or [known_place for known_place in known if difflib.get_close_matches(name, [known_place.rpartition(".")[2]])]
    return f" (did you mean {similar[0]}?)" if similar else ""


def _places(model: type[BaseModel], above: str = "") -> Iterator[str]:
    for name, info in model.model_fields.items():
        place = f"{above}{info.alias or name}"
        yield place
        for kind in (info.annotation, *get_args(info.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _places(kind, f"{place}.")
