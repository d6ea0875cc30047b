"""What a statement must be like so that it runs unchanged on a distributed PostgreSQL: it stays within one tenant."""

import re
from collections.abc import Iterator
from typing import cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError

from communication_agent.db.migrate import packaged_migrations

# A level of a query: what has a FROM and a WHERE of its own.
_LEVELS = (exp.Select, exp.Update, exp.Delete, exp.Insert, exp.Merge)

_NOW = (exp.CurrentTimestamp, exp.CurrentDate, exp.CurrentTime, exp.CurrentDatetime, exp.Localtime, exp.Localtimestamp)
_NOW_NAMES = {"now", "transaction_timestamp", "localtimestamp", "localtime", "age"}
_VOLATILE = (exp.Rand, exp.Uuid)
_VOLATILE_NAMES = {"clock_timestamp", "timeofday", "random", "gen_random_uuid", "uuidv4", "uuidv7", "nextval", "setval", "currval"}
_LEASE_CLOCK = "statement_timestamp"
# What runs on the database's clock on purpose, so that no worker compares wall clocks.
_LEASE_COLUMNS = {"lease_until", "dispatch_deadline"}
_SYSTEM_COLUMNS = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}
# Immutable, and therefore allowed in ON CONFLICT.
_PLAIN = (exp.Coalesce, exp.Nullif, exp.Case, exp.If, exp.Cast, exp.And, exp.Or, exp.Not)


def tenant_tables() -> frozenset[str]:
    """Every table of the central schema."""
    texts = "\n".join(migration.text for migration in packaged_migrations())
    return frozenset(re.findall(r"^CREATE TABLE (?:IF NOT EXISTS )?(\w+)", texts, re.MULTILINE))


def findings(text: str, tables: frozenset[str], *, fanout: bool = False) -> list[str]:
    """Every rule that one statement (with psycopg's named parameters) breaks; `fanout` is what it declares about itself."""
    if re.match(r"CREATE TEMP TABLE \w+ \([^;]*\) ON COMMIT DROP$", text, re.DOTALL):
        return []
    try:
        parsed = [
            statement
            for statement in sqlglot.parse(re.sub(r"%\((\w+)\)b", r"%(\1)s", text).replace("%%", "%"), read="postgres")
            if statement
        ]
    except ParseError as error:
        return [f"cannot be read: {error}"]
    if len(parsed) != 1 or isinstance(parsed[0], exp.Command):
        return ["cannot be read: a block is one statement"]
    tree = parsed[0]
    found = [*_everywhere(tree, tables), *_commands(tree), *_clocks(tree), *_conflicts(tree)]
    if not fanout:
        found += [*_levels(_inner(tree, None), tables, frozenset()), *_inserts(tree, tables)]
    return sorted(set(found))


# ---- one tenant -----------------------------------------------------------------------------------------------------


def _levels(levels: list[exp.Expr], tables: frozenset[str], outer: frozenset[str]) -> Iterator[str]:
    """Walk down level by level; `outer` are the aliases around these levels that are pinned to one tenant already."""
    for level in levels:
        pinned = _pinned(level, outer)
        names = [table.alias_or_name for table in _tables(level) if table.name in tables]
        loose = [name for name in names if name not in pinned] if not isinstance(level, exp.Insert) else []
        yield from (f"{name} is not pinned by tenant_id = …" for name in loose)
        if _skips_locked(level) and (loose or not names):
            yield "SKIP LOCKED without a constant tenant_id in the same SELECT"
        yield from _levels(_inner(level, level), tables, outer | pinned)


def _pinned(level: exp.Expr, outer: frozenset[str]) -> frozenset[str]:
    """The aliases whose tenant_id equals a constant, directly or by way of another alias."""
    names = [table.alias_or_name for table in _tables(level)]
    pinned, equal = set(outer.difference(names)), list[tuple[str, str]]()
    for left, right in _equalities(level):
        sides = [_tenant_of(side, names) for side in (left, right)]
        if sides[0] and sides[1]:
            equal.append((sides[0], sides[1]))
        for alias, other in ((sides[0], right), (sides[1], left)):
            if alias and _constant(other):
                pinned.add(alias)
    for _ in equal:
        pinned |= {b for a, b in equal if a in pinned} | {a for a, b in equal if b in pinned}
    return frozenset(pinned)


def _equalities(level: exp.Expr) -> Iterator[tuple[exp.Expr, exp.Expr]]:
    """Both sides of every `=` that has to hold for a row: joined by AND only, in WHERE or ON."""
    for equality in level.find_all(exp.EQ):
        above = equality.parent
        while isinstance(above, (exp.And, exp.Paren)):
            above = above.parent
        if isinstance(above, (exp.Where, exp.Join)) and _level_of(equality) is level:
            yield cast("exp.Expr", equality.this), cast("exp.Expr", equality.expression)


def _tenant_of(side: exp.Expr, names: list[str]) -> str | None:
    """The alias whose tenant_id this is; without an alias, the only table's."""
    if not isinstance(side, exp.Column) or side.name != "tenant_id":
        return None
    return side.table or (names[0] if len(names) == 1 else None)


def _inserts(tree: exp.Expr, tables: frozenset[str]) -> Iterator[str]:
    for insert in tree.find_all(exp.Insert):
        target = insert.this
        columns = [column.name for column in target.expressions] if isinstance(target, exp.Schema) else []
        name = next(target.find_all(exp.Table)).name
        if name not in tables:
            continue
        if "tenant_id" not in columns:
            yield f"an INSERT into {name} has to name its columns, tenant_id among them"
            continue
        if not all(_one_tenant(value) for value in _values(insert, columns.index("tenant_id"))):
            yield f"an INSERT into {name} gives no constant tenant_id"


def _values(insert: exp.Insert, place: int) -> list[exp.Expr]:
    source = insert.expression
    if isinstance(source, exp.Values):
        return [row.expressions[place] for row in source.expressions]
    selects = source.find_all(exp.Select) if isinstance(source, exp.SetOperation) else [source]
    return [select.expressions[place].unalias() for select in selects]


def _one_tenant(value: exp.Expr) -> bool:
    # A column can only come from a level that is looked at by itself.
    return _constant(value) or (isinstance(value, exp.Column) and value.name == "tenant_id")


# ---- what no statement may do, however many tenants it means --------------------------------------------------------


def _everywhere(tree: exp.Expr, tables: frozenset[str]) -> Iterator[str]:
    for node in tree.walk():
        match node:
            case exp.Merge():
                yield "MERGE"
            case exp.GroupingSets() | exp.Rollup() | exp.Cube():
                yield "GROUPING SETS"
            case exp.Column() if node.name in _SYSTEM_COLUMNS:
                yield f"the system column {node.name}"
            case exp.In() if isinstance(node.this, exp.Tuple):
                yield "a row-IN; id IN (…) is what a shard understands"
            case exp.Copy() if node.this.find(exp.Table) and cast("exp.Table", node.this.find(exp.Table)).name in tables:
                yield "COPY straight into a keyed table"
            case exp.Update() if any(_assigned(change) == "tenant_id" for change in node.expressions):
                yield "a change of tenant_id"
            case _:
                pass


def _commands(tree: exp.Expr) -> Iterator[str]:
    if isinstance(tree, exp.Create):
        yield "DDL outside the migrations"
    if isinstance(tree, exp.Set) and not tree.sql("postgres").upper().startswith("SET LOCAL"):
        yield "SET that outlives its transaction"
    for call in tree.find_all(exp.Anonymous):
        if call.name.lower() == "set_config":
            yield "set_config: it never reaches the workers; SET LOCAL with a literal does"
        if "advisory" in call.name.lower():
            yield "an advisory lock outside the migrations"


def _clocks(tree: exp.Expr) -> Iterator[str]:
    for node in tree.walk():
        name = node.name.lower() if isinstance(node, exp.Anonymous) else ""
        if isinstance(node, _VOLATILE) or name in _VOLATILE_NAMES:
            yield f"{name or node.key}: ids, numbers, jitter and clocks come as parameters"
        if isinstance(node, _NOW) or name in _NOW_NAMES or _word_for_now(node):
            yield "the database's now: business times are parameters"
        if name == _LEASE_CLOCK and not _about_a_lease(node):
            yield "statement_timestamp() for something else than a lease"


def _conflicts(tree: exp.Expr) -> Iterator[str]:
    for conflict in tree.find_all(exp.OnConflict):
        where = conflict.args.get("where")
        for change in conflict.expressions:
            for node in cast("exp.Expr", change.expression).walk():
                if isinstance(node, exp.Column) and node.table != "excluded":
                    yield "ON CONFLICT sets something else than excluded.… or a parameter"
        for part in [*conflict.expressions, *([where] if where else [])]:
            if any(isinstance(node, exp.Func) and not isinstance(node, _PLAIN) for node in part.walk()):
                yield "a function in ON CONFLICT"


def _about_a_lease(node: exp.Expr) -> bool:
    """Compared with, or assigned to, what runs on the database's clock."""
    above = node.parent
    while above and not isinstance(above, _LEVELS):
        if isinstance(above, (exp.EQ, exp.LT, exp.LTE, exp.GT, exp.GTE)):
            return bool({column.name for column in above.find_all(exp.Column)} & _LEASE_COLUMNS)
        above = above.parent
    insert = node.find_ancestor(exp.Insert)
    return insert is not None and bool({column.name for column in insert.this.expressions} & _LEASE_COLUMNS)


def _word_for_now(node: exp.Expr) -> bool:
    return isinstance(node, exp.Cast) and node.this.name.lower() in {"now", "today", "tomorrow", "yesterday"}


def _assigned(change: exp.Expr) -> str:
    return change.this.name if isinstance(change, exp.EQ) else ""


def _constant(node: exp.Expr) -> bool:
    return isinstance(node.this if isinstance(node, exp.Cast) else node, (exp.Placeholder, exp.Literal))


# ---- levels ---------------------------------------------------------------------------------------------------------


def _level_of(node: exp.Expr) -> exp.Expr | None:
    above = node.parent
    while above and not isinstance(above, _LEVELS):
        above = above.parent
    return above


def _inner(node: exp.Expr, above: exp.Expr | None) -> list[exp.Expr]:
    """The levels whose next level upwards is `above`."""
    return [level for level in node.find_all(*_LEVELS) if _level_of(level) is above]


def _tables(level: exp.Expr) -> list[exp.Table]:
    """The tables of this level itself; what FOR UPDATE OF names is an alias."""
    return [table for table in level.find_all(exp.Table) if _level_of(table) is level and not table.find_ancestor(exp.Lock)]


def _skips_locked(level: exp.Expr) -> bool:
    locks = cast("list[exp.Lock]", level.args.get("locks") or [])
    return any(lock.args.get("wait") is False for lock in locks)
