"""Files that go with messages, kept once under their hash."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from psycopg import AsyncConnection

from communication_agent.db.central_db import CentralDatabase
from communication_agent.db.query import rows
from communication_agent.db.statements import statements

SQL = statements("attachments")


@dataclass(frozen=True, slots=True)
class AttachmentRepository:
    """Stores and reads the bytes of attachments."""

    central: CentralDatabase

    async def store(self, conn: AsyncConnection, tenant_id: str, content: bytes, now: datetime) -> str:
        """Keep the bytes in the caller's transaction; returns their sha256 in hex."""
        sha256 = hashlib.sha256(content).hexdigest()
        await conn.execute(SQL["store"].text, {"tenant_id": tenant_id, "sha256": sha256, "content": content, "now": now})
        return sha256

    async def read(self, tenant_id: str, sha256: str) -> bytes:
        """The bytes; raises LookupError when they are gone."""
        async with self.central.engine() as conn:
            found = await rows(conn, SQL["read"], {"tenant_id": tenant_id, "sha256": sha256})
        if not found:
            raise LookupError(f"attachment {sha256} of {tenant_id} is gone")
        return bytes(cast("bytes", found[0]["content"]))
