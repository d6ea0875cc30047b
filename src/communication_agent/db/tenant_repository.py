"""Tenants: settings in the open, secrets sealed beside them; and what somebody stopped sending."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast, get_args

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import Jsonb
from pydantic import BaseModel, SecretStr, ValidationError

from communication_agent.db.central_db import CentralDatabase
from communication_agent.db.statements import statements
from communication_agent.domain import Pause
from communication_agent.errors import Problem
from communication_agent.ids import new_id
from communication_agent.keys import Keys, reseal, seal, unseal
from communication_agent.tenant import TenantSettings

SQL = statements("tenants")
EVERYBODY = "*"  # the tenant_id of what concerns all tenants

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class TenantRepository:
    """Reads and writes tenants as the engine; only this room sees secrets in the open."""

    central: CentralDatabase
    keys: Keys

    async def save(self, settings: TenantSettings, now: datetime, actor: str = "operator") -> None:
        """Add the tenant, or update the one with this id."""
        open_part, secrets = split(settings)
        values = {
            "tenant_id": settings.id,
            "name": settings.name,
            "time_zone": settings.time_zone,
            "settings": Jsonb(open_part),
            "secrets": seal(self.keys, json.dumps(secrets).encode(), settings.id),
            "now": now,
        }
        async with self.central.engine() as conn, conn.transaction():
            await conn.execute(SQL["save"].text, values)
            await _note(conn, settings.id, actor, "tenant_saved", {"settings": open_part}, now)

    async def load(self, tenant_id: str) -> TenantSettings:
        """One tenant; raises Problem CA-501 for none, CA-306 when its secrets cannot be decrypted."""
        async with self.central.engine() as conn:
            row = await (await conn.execute(SQL["load"].text, {"tenant_id": tenant_id})).fetchone()
        if row is None:
            raise _unknown(tenant_id)
        return self._settings(row)

    async def all(self) -> list[TenantSettings]:
        """Every tenant by id; raises Problem CA-306 naming the tenant whose secrets cannot be decrypted."""
        async with self.central.engine() as conn:
            rows = await (await conn.execute(SQL["all"].text)).fetchall()
        return [self._settings(row) for row in rows]

    async def pauses(self) -> list[Pause]:
        """Everything that is stopped, by tenant and scope."""
        async with self.central.engine() as conn, conn.cursor(row_factory=class_row(Pause)) as cursor:
            await cursor.execute(SQL["pauses"].text)
            return await cursor.fetchall()

    async def pause(self, tenant_id: str, scope: str, reason: str, actor: str, now: datetime) -> None:
        """Stop sending for a tenant or `*`; scope is all, type:NAME, channel:NAME or restored_backup. Raises Problem CA-501."""
        values = {"tenant_id": tenant_id, "scope": scope, "reason": reason, "actor": actor, "now": now}
        async with self.central.engine() as conn, conn.transaction():
            await _know(conn, tenant_id)
            await conn.execute(SQL["pause"].text, values)
            await _note(conn, tenant_id, actor, "paused", {"scope": scope, "reason": reason}, now)

    async def resume(self, tenant_id: str, scope: str, reason: str, actor: str, now: datetime) -> bool:
        """Go on sending; False when nothing was stopped there. Raises Problem CA-501."""
        async with self.central.engine() as conn, conn.transaction():
            await _know(conn, tenant_id)
            gone = await conn.execute(SQL["resume"].text, {"tenant_id": tenant_id, "scope": scope})
            if gone.rowcount:
                await _note(conn, tenant_id, actor, "resumed", {"scope": scope, "reason": reason}, now)
            return bool(gone.rowcount)

    async def rotate(self) -> int:
        """Seal every tenant's secrets with the current key; how many were under an older one. Safe beside everything else."""
        changed = 0
        async with self.central.engine() as conn:
            for tenant_id, _, before in await (await conn.execute(SQL["all"].text)).fetchall():
                after = reseal(self.keys, before, tenant_id)
                if after != before:
                    values = {"tenant_id": tenant_id, "secrets": after, "before": before}
                    changed += (await conn.execute(SQL["reseal"].text, values)).rowcount
        return changed

    def _settings(self, row: TupleRow) -> TenantSettings:
        tenant_id, open_part, sealed = cast("tuple[str, Json, bytes]", row)
        secrets = cast("dict[str, str]", json.loads(unseal(self.keys, sealed, tenant_id)))
        return joined(open_part, secrets)


def split(settings: TenantSettings) -> tuple[Json, dict[str, str]]:
    """The settings as JSON without secrets, and the secrets by their dotted place in the tenant file."""
    secrets = dict(_secrets(settings))
    open_part = cast("Json", settings.model_dump(mode="json", by_alias=True))
    for place in secrets:
        section, name = _section(open_part, place)
        del section[name]
    return open_part, {place: secret for place, secret in secrets.items() if secret}


def joined(open_part: Json, secrets: Mapping[str, str]) -> TenantSettings:
    """The reverse of `split`; what a newer version of this program has saved beside it is left out."""
    data = _known(TenantSettings, open_part)
    for place, secret in secrets.items():
        section, name = _section(data, place)
        section[name] = secret
    try:
        return TenantSettings.model_validate(_known(TenantSettings, data))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors(include_input=False))
        name = str(open_part.get("id"))
        raise Problem(
            "CA-301",
            f"The saved settings of {name} are not valid.",
            wrong,
            "communication-agent tenants add FILE   saves them anew",
        ) from None  # pydantic's error quotes what it was given, and that includes secrets


def shown(settings: TenantSettings) -> Json:
    """The settings for people and JSON: a secret is `(set)` or null."""
    data, secrets = split(settings)
    for place, _ in _secrets(settings):
        section, name = _section(data, place)
        section[name] = "(set)" if place in secrets else None
    return data


def _secrets(model: BaseModel, above: str = "") -> Iterator[tuple[str, str]]:
    for name, info in type(model).model_fields.items():
        value = cast("object", getattr(model, name))
        place = f"{above}{info.alias or name}"
        if isinstance(value, SecretStr):
            yield place, value.get_secret_value()
        elif isinstance(value, BaseModel):
            yield from _secrets(value, f"{place}.")


def _section(data: Json, place: str) -> tuple[Json, str]:
    *sections, name = place.split(".")
    for section in sections:
        data = cast("Json", data.setdefault(section, {}))
    return data, name


def _known(model: type[BaseModel], data: Mapping[str, object]) -> Json:
    found: Json = {}
    for name, info in model.model_fields.items():
        key = info.alias or name
        if key in data:
            inner = _model_in(info.annotation)
            value = data[key]
            found[key] = _known(inner, cast("Json", value)) if inner and isinstance(value, dict) else value
    return found


def _model_in(annotation: object) -> type[BaseModel] | None:
    kinds = (annotation, *get_args(annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _unknown(tenant_id: str) -> Problem:
    return Problem("CA-501", f"There is no tenant {tenant_id}.", "nobody added it", "communication-agent tenants list")


async def _know(conn: AsyncConnection[TupleRow], tenant_id: str) -> None:
    if tenant_id == EVERYBODY:
        return
    if await (await conn.execute(SQL["load"].text, {"tenant_id": tenant_id})).fetchone() is None:
        raise _unknown(tenant_id)


async def _note(conn: AsyncConnection[TupleRow], tenant_id: str, actor: str, action: str, detail: Json, now: datetime) -> None:
    values = {"tenant_id": tenant_id, "id": new_id(), "now": now, "actor": actor, "action": action}
    await conn.execute(SQL["note"].text, {**values, "object": f"tenant:{tenant_id}", "detail": Jsonb(detail)})
