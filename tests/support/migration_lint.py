"""What a migration must be like: no shard refuses it, nobody waits for it, and yesterday's program runs on its schema."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from communication_agent.db.migrate import Migration, split_steps

_NOISE = re.compile(r"--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'", re.DOTALL)
_DOLLARS = re.compile(r"\$(\w*)\$(.*?)\$\1\$", re.DOTALL)
_ACCEPTED = re.compile(r"^-- accepted: \S", re.MULTILINE)

# Never, in whatever file.
_FORBIDDEN = {
    "a trigger": r"\bCREATE (OR REPLACE )?(CONSTRAINT )?TRIGGER\b",
    "a rule": r"\bCREATE (OR REPLACE )?RULE\b",
    "code in the database": r"\bCREATE (OR REPLACE )?(FUNCTION|PROCEDURE)\b",
    "a sequence": r"\bCREATE (TEMP )?SEQUENCE\b|\b(SMALL|BIG)?SERIAL\b|\bGENERATED (ALWAYS|BY DEFAULT) AS IDENTITY\b|\bNEXTVAL\b",
    "ON DELETE SET NULL or SET DEFAULT": r"\bON (DELETE|UPDATE) SET (NULL|DEFAULT)\b",
    "DETACH … CONCURRENTLY": r"\bDETACH PARTITION \S+ CONCURRENTLY\b",
    "a transaction of its own": r"^(BEGIN|COMMIT|ROLLBACK|START TRANSACTION)\b",
    "a change of rows; a backfill goes in batches from the program": r"^(INSERT|UPDATE|DELETE|MERGE|COPY|TRUNCATE)\b",
    "a setting; the runner sets lock_timeout": r"^(SET|RESET)\b",
}

# Not without `-- accepted: why` above it: somebody waits, or yesterday's program fails.
_DEAR = {
    "a rename: yesterday's program knows the old name": r"^ALTER TABLE .* RENAME\b",
    "a DROP: yesterday's program may still read it": r"^DROP (TABLE|VIEW|SCHEMA)\b|^ALTER TABLE .* DROP (?!CONSTRAINT\b)",
    "a change of type, which rewrites the table": r"^ALTER TABLE .* (ALTER|ALTER COLUMN) \S+ (SET DATA )?TYPE\b",
    "SET NOT NULL, which reads the whole table": r"^ALTER TABLE .* SET NOT NULL\b",
}


@dataclass(frozen=True, slots=True)
class _Step:
    """One statement in upper-case words without comments, strings and bodies."""

    words: str
    accepted: bool

    @property
    def table(self) -> str:
        found = re.match(r"(?:CREATE|ALTER) TABLE (?:IF (?:NOT )?EXISTS )?(?:ONLY )?(\S+)", self.words)
        return found[1] if found else ""


def findings(migration: Migration, earlier: Sequence[Migration] = ()) -> list[str]:
    """Every rule that a file breaks; `earlier` are the files before it."""
    steps = _steps(migration.text)
    own = {step.table for step in steps if step.words.startswith("CREATE TABLE")}
    split = {step.table for file in (*earlier, migration) for step in _steps(file.text) if "PARTITION BY" in step.words}
    found: list[str] = []
    for step in steps:
        found += [*_forbidden(step.words), *_alters(step), *_indexes(step, migration, own, split)]
        if not step.accepted:
            found += [f"{name}" for name, pattern in _DEAR.items() if re.search(pattern, step.words)]
            found += _waits(step, own)
        if not migration.transactional:
            found += _step_by_step(step)
    if not migration.transactional and len(split_steps(migration.text)) != len(steps):
        found.append("a semicolon at the end of a line inside a statement, or two statements on one line")
    for body in _bodies(migration.text):
        found += [finding for finding in _forbidden(body) if "change of rows" not in finding]
    return sorted(set(found))


def gaps(migrations: Sequence[Migration]) -> list[str]:
    """Numbers that do not follow one another from 0001."""
    return [f"{m.version:04d} is not number {place:04d}" for place, m in enumerate(migrations, 1) if m.version != place]


def _forbidden(words: str) -> list[str]:
    return [name for name, pattern in _FORBIDDEN.items() if re.search(pattern, words)]


def _alters(step: _Step) -> Iterator[str]:
    if not step.words.startswith("ALTER TABLE"):
        return
    commands = _commands(step.words)
    if len(commands) > 1:
        yield "several subcommands in one ALTER"
    if any(re.match(r"ADD (COLUMN )?(?!CONSTRAINT\b|CHECK\b|UNIQUE\b|PRIMARY\b|FOREIGN\b)", command) for command in commands):
        if re.search(r"\b(CHECK|UNIQUE|PRIMARY KEY|REFERENCES)\b", step.words):
            yield "ADD COLUMN with a constraint; it goes into an ALTER of its own"
        if "NOT NULL" in step.words and "DEFAULT" not in step.words:
            yield "ADD COLUMN … NOT NULL without a default: there are rows, and yesterday's program writes more"
    if any(re.match(r"ADD (CHECK|UNIQUE|PRIMARY|FOREIGN)\b", command) for command in commands):
        yield "a constraint without a name"


def _waits(step: _Step, own: set[str]) -> Iterator[str]:
    adds = re.search(r"\bADD CONSTRAINT \S+ (CHECK|FOREIGN KEY|UNIQUE|PRIMARY KEY|EXCLUDE)\b", step.words)
    if adds and step.table not in own:
        if adds[1] in {"CHECK", "FOREIGN KEY"} and "NOT VALID" not in step.words:
            yield "a constraint that reads the whole table under its lock; NOT VALID first, then VALIDATE"
        if adds[1] not in {"CHECK", "FOREIGN KEY"} and "USING INDEX" not in step.words:
            yield "a constraint that builds its index under its lock; CREATE UNIQUE INDEX CONCURRENTLY first, then USING INDEX"


def _indexes(step: _Step, migration: Migration, own: set[str], split: set[str]) -> Iterator[str]:
    made = re.match(r"CREATE (?:UNIQUE )?INDEX (CONCURRENTLY )?(?:IF NOT EXISTS )?\S+ ON (?:ONLY )?(\S+)", step.words)
    concurrently = "INDEX CONCURRENTLY" in step.words or "REINDEX" in step.words
    if concurrently and migration.transactional:
        yield "CONCURRENTLY in a file without `-- no-transaction`"
    if made and made[1] and made[2] in split:
        yield "CREATE INDEX CONCURRENTLY on a partitioned table, which PostgreSQL refuses"
    if made and not made[1] and made[2] not in own and not step.accepted:
        yield "an index that nobody may write beside; CONCURRENTLY in a `-- no-transaction` file"


def _step_by_step(step: _Step) -> Iterator[str]:
    if step.words.startswith("DO"):
        yield "a DO block in a file that is cut at its semicolons"
    elif not re.search(r"\bIF (NOT )?EXISTS\b|^ALTER TABLE .* VALIDATE CONSTRAINT\b", step.words):
        yield "a step that fails when it is run again; IF NOT EXISTS or IF EXISTS"


def _steps(text: str) -> list[_Step]:
    """Statements; a mark in the comment lines right above one belongs to it."""
    steps: list[_Step] = []
    for part in _cut(text):
        words = " ".join(_NOISE.sub(" ", part).split()).upper()
        if words:
            steps.append(_Step(words, bool(_ACCEPTED.search(part))))
    return steps


def _cut(text: str) -> list[str]:
    """At the semicolons that stand outside of comments, strings and bodies."""
    quiet = _NOISE.sub(lambda match: "x" * len(match[0]), text)
    ends = [match.start() for match in re.finditer(";", quiet)]
    return [text[begin:end].lstrip(";") for begin, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def _bodies(text: str) -> list[str]:
    return [" ".join(match[2].replace("'", " ").split()).upper() for match in _DOLLARS.finditer(text)]


def _commands(words: str) -> list[str]:
    """The subcommands of an ALTER TABLE: what stands between commas outside of brackets."""
    rest = re.sub(r"^ALTER TABLE (IF EXISTS )?(ONLY )?\S+ ", "", words)
    while (flat := re.sub(r"\([^()]*\)", "", rest)) != rest:
        rest = flat
    return [command.strip() for command in rest.split(",")]
