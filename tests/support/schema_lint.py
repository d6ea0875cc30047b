"""What a table must be like so that the schema runs unchanged on a distributed PostgreSQL and no tenant sees another's rows."""

from collections.abc import Mapping
from typing import LiteralString

from psycopg import Connection

# The columns whose values are a closed list, which the table has to know.
CLOSED = "'state', 'from_state', 'to_state', 'status', 'outcome', 'delivery', 'channel', 'purpose', 'job_type', 'role', 'lane'"

_TABLES = """
WITH tables AS (
    SELECT c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relname = 'schema_migrations' AS global
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')),
columns AS (
    SELECT t.*, a.attname, a.attnum, a.attnotnull, a.attidentity, format_type(a.atttypid, a.atttypmod) AS kind
    FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped)
"""

# What is wrong -> a query for the objects that are.
RULES: Mapping[str, LiteralString] = {
    "has no primary key": _TABLES
    + "SELECT relname FROM tables t WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary)",
    "has no tenant_id text NOT NULL": _TABLES
    + """SELECT relname FROM tables t WHERE NOT global AND NOT EXISTS (
         SELECT FROM columns c WHERE c.oid = t.oid AND c.attname = 'tenant_id' AND c.attnotnull AND c.kind = 'text')""",
    "is an index that does not begin with tenant_id": _TABLES
    + """SELECT i.indexrelid::regclass::text FROM pg_index i JOIN tables t ON t.oid = i.indrelid WHERE NOT global AND NOT EXISTS (
         SELECT FROM columns c WHERE c.oid = t.oid AND c.attnum = i.indkey[0] AND c.attname = 'tenant_id')""",
    "has a trigger": _TABLES
    + "SELECT DISTINCT relname FROM tables t JOIN pg_trigger g ON g.tgrelid = t.oid WHERE NOT g.tgisinternal",
    "has a rule": _TABLES + "SELECT DISTINCT relname FROM tables t JOIN pg_rewrite r ON r.ev_class = t.oid",
    "is a sequence": "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'",
    "is an identity column": _TABLES + "SELECT relname || '.' || attname FROM columns WHERE attidentity <> ''",
    "has a default that is no constant": _TABLES
    + """SELECT c.relname || '.' || c.attname FROM columns c JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = c.attnum
         WHERE pg_get_expr(d.adbin, d.adrelid) !~ '^(''[^'']*''::[a-z ]+(\\[\\])?|-?[0-9.]+|true|false)$'""",
    "is code in the database": """
        SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')""",
    "is a foreign key that does not go from (tenant_id, ...) to (tenant_id, ...)": _TABLES
    + """SELECT t.relname || '.' || f.conname FROM pg_constraint f JOIN tables t ON t.oid = f.conrelid WHERE f.contype = 'f' AND NOT (
         EXISTS (SELECT FROM columns c WHERE c.oid = f.conrelid AND c.attnum = f.conkey[1] AND c.attname = 'tenant_id')
         AND EXISTS (SELECT FROM columns c WHERE c.oid = f.confrelid AND c.attnum = f.confkey[1] AND c.attname = 'tenant_id'))""",
    "is a foreign key that changes rows by other means than deleting them": _TABLES
    + """SELECT t.relname || '.' || f.conname FROM pg_constraint f JOIN tables t ON t.oid = f.conrelid
         WHERE f.contype = 'f' AND (f.confdeltype NOT IN ('a', 'r', 'c') OR f.confupdtype NOT IN ('a', 'r'))""",
    "does not force row-level security": _TABLES + "SELECT relname FROM tables WHERE NOT (relrowsecurity AND relforcerowsecurity)",
    "does not let the engine in, and only it": _TABLES
    + """SELECT relname FROM tables t WHERE NOT EXISTS (
         SELECT FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE p.polrelid = t.oid AND p.polname = 'engine'
         AND p.polcmd = '*' AND p.polroles = ARRAY[c.relowner])""",
    "does not keep tenants to their own rows": _TABLES
    + """SELECT relname FROM tables t WHERE NOT global AND NOT EXISTS (
         SELECT FROM pg_policy p WHERE p.polrelid = t.oid AND p.polname = 'tenant' AND p.polcmd = '*' AND p.polpermissive
         AND pg_get_expr(p.polqual, p.polrelid) = '(tenant_id = current_setting(''app.tenant''::text, true))'
         AND pg_get_expr(p.polwithcheck, p.polrelid) = '(tenant_id = current_setting(''app.tenant''::text, true))')""",
    "has a policy that opens more than what is everybody's": _TABLES
    + """SELECT t.relname || '.' || p.polname FROM pg_policy p JOIN tables t ON t.oid = p.polrelid
         WHERE NOT (p.polname IN ('engine', 'tenant') OR (p.polname = 'everybody' AND p.polcmd = 'r'
         AND pg_get_expr(p.polqual, p.polrelid) = '(tenant_id = ''*''::text)'))""",
    "is a closed list that the table does not know": _TABLES
    + f"""SELECT c.relname || '.' || c.attname FROM columns c WHERE c.attname IN ({CLOSED}) AND NOT EXISTS (
          SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conkey = ARRAY[c.attnum])""",
}


def findings(conn: Connection) -> list[str]:
    """Every object of the schema `public` that breaks a rule, with the rule, sorted."""
    return sorted(f"{name} {rule}" for rule, query in RULES.items() for (name,) in conn.execute(query))
