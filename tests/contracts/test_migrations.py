"""Every migration can be applied beside running programs, on one server or many; and the lint that says so can see."""

import pytest

from communication_agent.db.migrate import Migration, packaged_migrations
from support.migration_lint import findings, gaps

FILES = packaged_migrations()
BEFORE = [Migration(1, "before", "CREATE TABLE jobs (a int); CREATE TABLE events (at date) PARTITION BY RANGE (at);")]
LATER = "-- no-transaction\n"

BAD = [
    ("ALTER TABLE jobs ADD b int, ADD c int;", "several subcommands"),
    ("ALTER TABLE jobs ADD b int CHECK (b > 0);", "ADD COLUMN with a constraint"),
    ("ALTER TABLE jobs ADD COLUMN b int UNIQUE;", "ADD COLUMN with a constraint"),
    ("ALTER TABLE jobs ADD b text REFERENCES tenants;", "ADD COLUMN with a constraint"),
    ("ALTER TABLE jobs ADD b bigserial;", "a sequence"),
    ("ALTER TABLE jobs ADD b bigint GENERATED ALWAYS AS IDENTITY;", "a sequence"),
    ("CREATE SEQUENCE s;", "a sequence"),
    ("ALTER TABLE jobs ADD b int NOT NULL;", "NOT NULL without a default"),
    ("ALTER TABLE jobs ADD CHECK (a > 0) NOT VALID;", "a constraint without a name"),
    ("ALTER TABLE jobs ADD CONSTRAINT c CHECK (a > 0);", "NOT VALID first"),
    ("ALTER TABLE jobs ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES x (a);", "NOT VALID first"),
    ("ALTER TABLE jobs ADD CONSTRAINT u UNIQUE (a);", "builds its index under its lock"),
    ("ALTER TABLE jobs ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES x (a) ON DELETE SET NULL NOT VALID;", "SET NULL"),
    ("ALTER TABLE jobs RENAME a TO b;", "a rename"),
    ("ALTER TABLE jobs RENAME TO work;", "a rename"),
    ("ALTER TABLE jobs DROP COLUMN a;", "a DROP"),
    ("DROP TABLE jobs;", "a DROP"),
    ("ALTER TABLE jobs ALTER a TYPE bigint;", "a change of type"),
    ("ALTER TABLE jobs ALTER COLUMN a SET DATA TYPE bigint;", "a change of type"),
    ("ALTER TABLE jobs ALTER a SET NOT NULL;", "SET NOT NULL"),
    ("CREATE INDEX i ON jobs (a);", "nobody may write beside"),
    ("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON jobs (a);", "without `-- no-transaction`"),
    (LATER + "CREATE INDEX CONCURRENTLY i ON jobs (a);", "fails when it is run again"),
    (LATER + "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON events (at);", "on a partitioned table"),
    (LATER + "DROP INDEX IF EXISTS i; DROP INDEX IF EXISTS j;", "two statements on one line"),
    (LATER + "ALTER TABLE jobs ADD COLUMN IF NOT EXISTS b text DEFAULT 'x;\ny';", "inside a statement"),
    (LATER + "DO $$ BEGIN NULL; END $$;", "a DO block"),
    ("CREATE TRIGGER t AFTER INSERT ON jobs EXECUTE FUNCTION f();", "a trigger"),
    ("CREATE RULE r AS ON INSERT TO jobs DO NOTHING;", "a rule"),
    ("CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;", "code in the database"),
    ("DO $$ BEGIN EXECUTE 'CREATE TRIGGER t AFTER INSERT ON jobs EXECUTE FUNCTION f()'; END $$;", "a trigger"),
    ("ALTER TABLE events DETACH PARTITION events_2025 CONCURRENTLY;", "DETACH"),
    ("BEGIN;\nALTER TABLE jobs ADD b int;\nCOMMIT;", "a transaction of its own"),
    ("UPDATE jobs SET a = 1;", "a backfill goes in batches"),
    ("SET lock_timeout = 0;", "a setting"),
]

GOOD = [
    "ALTER TABLE jobs ADD b int;",
    "ALTER TABLE jobs ADD COLUMN b text NOT NULL DEFAULT 'x, y; z';",
    "ALTER TABLE jobs ADD CONSTRAINT b_known CHECK (b IN ('x', 'y')) NOT VALID;",
    "ALTER TABLE jobs VALIDATE CONSTRAINT b_known;",
    "ALTER TABLE jobs ADD CONSTRAINT u UNIQUE USING INDEX i;",
    "ALTER TABLE jobs DROP CONSTRAINT b_known;",
    "CREATE TABLE new (a int, CHECK (a > 0));\nCREATE INDEX i ON new (a);",
    "-- accepted: the column was never written\nALTER TABLE jobs DROP COLUMN a;",
    "-- accepted: a partitioned table takes no index concurrently, and it is small\nCREATE INDEX i ON events (at);",
    LATER + "DROP INDEX CONCURRENTLY IF EXISTS i;\nCREATE INDEX CONCURRENTLY IF NOT EXISTS i ON jobs (a);\n",
    LATER + "ALTER TABLE jobs VALIDATE CONSTRAINT b_known;\n",
]


@pytest.mark.parametrize("place", range(len(FILES)), ids=[f"{file.version:04d}_{file.name}" for file in FILES])
def test_a_migration_keeps_every_rule(place: int) -> None:
    assert findings(FILES[place], FILES[:place]) == []


def test_migrations_are_numbered_without_a_gap() -> None:
    assert gaps(FILES) == []
    assert gaps([*FILES, Migration(len(FILES) + 2, "x", "")]) != []


@pytest.mark.parametrize(("text", "told"), BAD)
def test_a_migration_that_breaks_a_rule_is_told(text: str, told: str) -> None:
    assert told in "; ".join(findings(Migration(2, "bad", text), BEFORE))


@pytest.mark.parametrize("text", GOOD)
def test_a_migration_that_keeps_the_rules_passes(text: str) -> None:
    assert findings(Migration(2, "good", text), BEFORE) == []


def test_what_is_accepted_is_accepted_for_one_statement_only() -> None:
    text = "-- accepted: never written\nALTER TABLE jobs DROP COLUMN a;\nALTER TABLE jobs DROP COLUMN b;"
    assert findings(Migration(2, "half", text), BEFORE) == ["a DROP: yesterday's program may still read it"]
