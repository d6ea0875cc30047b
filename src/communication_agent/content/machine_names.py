"""What a machine is called: make, model and kind as a person would say them, long and short."""

from communication_agent.content.fact_text import clean, cut
from communication_agent.content.gsm7 import to_gsm7
from communication_agent.domain import Equipment


def model_name(machine: Equipment) -> str:
    """Make and model, the make only once: Meadowlark ZT-48."""
    return _make_once(_part(machine.make), _part(machine.model))


def full_name(machine: Equipment) -> str:
    """Make, model and kind: Meadowlark ZT-48 zero-turn mower."""
    name, kind = model_name(machine), _spoken(_part(machine.kind))
    return name if name.casefold().endswith(kind.casefold()) else f"{name} {kind}".strip()


def short_name(machine: Equipment) -> str:
    """The model without its make, at most 18 characters of GSM-7 cut at a word: ZT-48."""
    make, model = _part(machine.make), _part(machine.model)
    if make and model.casefold().startswith(f"{make.casefold()} "):
        model = model[len(make) + 1 :]
    return shortened(model or make or _spoken(_part(machine.kind)))


def shortened(name: str) -> str:
    """`name` as it fits into a text message."""
    return cut(" ".join(to_gsm7(name).split()), 18)


def _part(text: str) -> str:
    tidy = clean(text)
    return "" if tidy.casefold() in ("none", "null", "unknown", "n/a", "other", "misc", "-") else tidy


def _make_once(make: str, model: str) -> str:
    doubled = make and (model.casefold() == make.casefold() or model.casefold().startswith(f"{make.casefold()} "))
    return model if doubled else f"{make} {model}".strip()


def _spoken(kind: str) -> str:
    """`ZERO_TURN_MOWER` is a code, `ATV` a word."""
    words = kind.replace("_", " ")
    return " ".join(word if word.isupper() and len(word) <= 3 else word.lower() for word in words.split())
