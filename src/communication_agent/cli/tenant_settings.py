"""One setting of a tenant, changed by its dotted place in the tenant file: `email.reply_to`, `knobs.GHOST_CUSTOMER_MONTHS`."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from typing import cast, get_args

from pydantic import BaseModel, SecretStr, ValidationError

from communication_agent.db.tenant_repository import Json
from communication_agent.errors import Problem
from communication_agent.tenant import TenantSettings


def is_secret(place: str) -> bool:
    """Whether the value at this place must not be shown, or stay in a shell's history."""
    return SecretStr in _kinds(TenantSettings, place.split("."))


def changed(tenant: TenantSettings, place: str, value: str | None) -> TenantSettings:
    """The settings with this value (None = as if it were not in the file); raises Problem CA-301, CA-205 for no such place."""
    if place == "id":
        raise _invalid(tenant, "id: cannot be changed; add the dealer under another id instead")
    if not _kinds(TenantSettings, place.split(".")):
        near = difflib.get_close_matches(place, [*places(TenantSettings)], n=1, cutoff=0.5)
        why = f"did you mean {near[0]}?" if near else "no place is like it"
        raise Problem("CA-205", f"A tenant has no setting {place!r}.", why, f"communication-agent tenants show {tenant.id}")
    wrong = ""
    for reading in _readings(value):
        try:
            return TenantSettings.model_validate(_with(tenant, place, reading))
        except ValidationError as error:
            # The first reading, as text, is the one to tell about; pydantic quotes what it was given, which may be a secret.
            wrong = wrong or "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
    raise _invalid(tenant, wrong)


def places(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """Every place of a tenant file."""
    for name, info in model.model_fields.items():
        place = f"{above}{info.alias or name}"
        inner = _model_in(info.annotation)
        if inner:
            yield from places(inner, f"{place}.")
        else:
            yield place


def _readings(value: str | None) -> Iterator[object]:
    """As text, then as TOML writes lists, numbers and dates."""
    yield value
    if value is not None:
        try:
            yield cast("object", tomllib.loads(f"value = {value}")["value"])
        except tomllib.TOMLDecodeError:
            return


def _with(tenant: TenantSettings, place: str, value: object) -> Json:
    whole = _revealed(tenant.model_dump(by_alias=True))
    *sections, name = place.split(".")
    section = whole
    for one in sections:
        if not isinstance(section.get(one), dict):
            section[one] = {}
        section = cast("Json", section[one])
    if value is None:
        section.pop(name, None)
    else:
        section[name] = value
    return whole


def _revealed(data: Json) -> Json:
    return {name: _plain(value) for name, value in data.items()}


def _plain(value: object) -> object:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return _revealed(cast("Json", value)) if isinstance(value, dict) else value


def _kinds(model: type[BaseModel], parts: list[str]) -> tuple[object, ...]:
    """What may stand at a place; nothing when there is no such place."""
    name, *rest = parts
    info = next((info for key, info in model.model_fields.items() if (info.alias or key) == name), None)
    if info is None:
        return ()
    inner = _model_in(info.annotation)
    kinds = (info.annotation, *get_args(info.annotation))
    if not rest:
        return () if inner else kinds
    if inner:
        return _kinds(inner, rest)
    is_mapping = any(getattr(kind, "__origin__", kind) in {Mapping, dict} for kind in kinds) or "Mapping" in str(info.annotation)
    return kinds if is_mapping and len(rest) == 1 else ()


def _model_in(annotation: object) -> type[BaseModel] | None:
    kinds = (annotation, *get_args(annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _invalid(tenant: TenantSettings, wrong: str) -> Problem:
    do = "give another value; docs/configuration.md tells what each setting has to be"
    return Problem("CA-301", f'That would not be a valid tenant "{tenant.id}".', wrong, do)
