"""The text of an SQL statement -> what is unsafe about it."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from logging import CRITICAL, getLogger
from typing import Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

KINDS: Final = (
    "write_without_predicate", "ddl", "several_statements", "table_not_allowed", "command", "unreadable",
)  # fmt: skip

LONGEST: Final = 5_000
"""Characters of a statement that is read; that takes some 50 ms, while everything else waits."""

getLogger("sqlglot").setLevel(CRITICAL)  # it would write statements to the log, and they hold what users said

_DDL: Final = ("create", "alter", "drop", "truncate", "rename", "comment", "grant", "revoke", "deny")
_COMMANDS: Final = (
    "call", "exec", "execute", "do", "begin", "declare", "if", "copy", "load", "unload", "import", "export", "put",
    "get", "set", "reset", "use", "attach", "detach", "pragma", "prepare", "deallocate", "vacuum", "analyze", "analyse",
    "optimize", "refresh", "cluster", "reindex", "checkpoint", "lock", "unlock", "kill", "install", "listen", "notify",
    "handler", "shutdown", "backup", "restore", "explain", "show", "describe", "desc", "flush", "discard", "security",
)  # fmt: skip
_WRITES: Final = ("insert", "update", "delete", "merge", "replace", "upsert")
_KIND: Final = dict.fromkeys(_DDL, "ddl") | dict.fromkeys(_COMMANDS, "command")
_QUERY: Final = re.compile(r"[\s(]*(?:select|with|values)\b", re.IGNORECASE)
_RISKY: Final = re.compile(rf"\b(?:{'|'.join((*_DDL, *_COMMANDS, *_WRITES, 'into'))})\b|;\s*\S|/\*[!M]", re.IGNORECASE)
_FIRST: Final = re.compile(r"[\s(]*([a-z]+)", re.IGNORECASE)
_EXECUTED: Final = re.compile(r"/\*[!M]|/\*(?:(?!\*/).)*/\*", re.DOTALL)
"""A comment that MySQL or MariaDB executes, and one within another, which ends here or there as the database likes."""

_HARMLESS: Final = (exp.Query, exp.Values, exp.Describe, exp.Show, exp.Transaction, exp.Commit, exp.Rollback)
_DEFINES: Final = (
    exp.Create, exp.Alter, exp.Drop, exp.TruncateTable, exp.Comment, exp.Grant, exp.Revoke, exp.Into,
)  # fmt: skip
_WRITE: Final = (exp.Insert, exp.Update, exp.Delete, exp.Merge)
_VARIES: Final = (exp.Column, exp.Query, exp.Placeholder, exp.Parameter)
"""What can make a condition differ from row to row, or from call to call."""

_BROKEN: Final = (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError)
"""What a parser of thirty dialects raises at texts that nobody meant to write."""


def unsafe(text: str, tables: Sequence[str] | None = None, dialect: str = "") -> frozenset[str]:
    """Say what is unsafe about a statement: a set of `KINDS`, empty if nothing is.

    A text that has no word by which anything is written, defined or run need not be parsed, however long it is: it can
    only read. Where such a word stands in a comment or a string, the parser tells.

    Parameters
    ----------
    tables : the only ones that may be named, None where all may
    dialect : by sqlglot's name; empty for what all have in common

    Examples
    --------
    >>> [sorted(unsafe(text)) for text in ("SELECT 1 FROM a -- drop it", "DELETE FROM a", "DELETE FROM a WHERE id = 7")]
    [[], ['write_without_predicate'], []]
    >>> sorted(unsafe("SELECT 1; DROP TABLE a")), sorted(unsafe("WITH a AS (SELECT 1) SELECT * FROM a, b", ["c"]))
    (['ddl', 'several_statements'], ['table_not_allowed'])
    """
    if tables is None and _QUERY.match(text) and not _RISKY.search(text):
        return frozenset()
    if len(text) > LONGEST:
        return frozenset({"unreadable"})
    return _judged(text, None if tables is None else frozenset(map(str.lower, tables)), dialect)


@lru_cache(1024)
def _judged(text: str, tables: frozenset[str] | None, dialect: str) -> frozenset[str]:
    if _EXECUTED.search(text):
        return frozenset({"unreadable"})
    try:
        said = [
            one for one in sqlglot.parse(text, dialect=dialect or None) if one and not isinstance(one, exp.Semicolon)
        ]
        found = {kind for one in said for kind in _of(one, tables)}
    except _BROKEN:
        said, found = [], {"unreadable"}
    if not said or "unreadable" in found:
        found |= {"unreadable", *_by_first_word(text)}
    return frozenset(found | ({"several_statements"} if len(said) > 1 else set()))


def _by_first_word(text: str) -> Iterator[str]:
    """Judge what cannot be read by its first word: some dialect's statement, most likely."""
    if (first := _FIRST.match(text)) and (kind := _KIND.get(first[1].lower())):
        yield kind


def _of(statement: exp.Expr, tables: frozenset[str] | None) -> Iterator[str]:
    """Go through a statement and all that is within it."""
    if isinstance(statement, exp.Command):
        yield from _of_command(statement)
        return
    if not isinstance(statement, _HARMLESS + _DEFINES + _WRITE):
        yield (
            "unreadable" if isinstance(statement, exp.Alias | exp.Condition) else "command"
        )  # the former is no statement
    for node in statement.walk():
        if isinstance(node, _DEFINES):
            yield "ddl"
        elif isinstance(node, _WRITE):
            yield from () if _bounded(node) else ("write_without_predicate",)
        elif isinstance(node, exp.Command) and node is not statement:
            yield "command"
        elif isinstance(node, exp.Alias | exp.TableAlias) and _hides(node):
            yield "unreadable"
        elif isinstance(node, exp.Table) and tables is not None and _name(node) not in tables and not _is_cte(node):
            yield "table_not_allowed"


def _of_command(statement: exp.Command) -> Iterator[str]:
    """Judge what sqlglot passes on as a text: by its first word, for what it does cannot be read from it."""
    first, rest = statement.name.lower(), str(statement.args.get("expression") or "")
    if first == "replace":  # MySQL's INSERT
        return
    if first not in ("explain", "show", "describe", "desc") or _RISKY.search(rest):
        yield _KIND.get(first, "command")


def _hides(alias: exp.Expr) -> bool:
    """Whether a name is a statement: T-SQL needs no semicolon, so that ``SELECT 1 DELETE FROM a`` is two of them."""
    name = alias.args.get("alias") if isinstance(alias, exp.Alias) else alias.this
    return isinstance(name, exp.Identifier) and not name.args.get("quoted") and name.name.lower() in (*_WRITES, *_KIND)


def _bounded(write: exp.Expr) -> bool:
    """Whether a write says which rows it means."""
    if isinstance(write.parent, exp.When):
        return True  # a part of a MERGE, which is asked as a whole
    if isinstance(write, exp.Insert):
        return not write.args.get("overwrite")  # its rows are its own values
    if isinstance(write, exp.Merge):
        by_source = [
            when for when in write.args["whens"].expressions
            if when.args.get("source") and not when.args.get("matched") and not _chooses(when.args.get("condition"))
        ]  # fmt: skip
        return _chooses(write.args.get("on")) and not by_source
    where = write.args.get("where")
    return where is not None and _chooses(where.this)


def _chooses(condition: exp.Expr | None) -> bool:
    """Whether a condition can hold for some rows and not for others, as far as can be seen without the rows."""
    if condition is None:
        return False
    match condition:
        case exp.Paren():
            return _chooses(condition.this)
        case exp.Or():
            return _chooses(condition.left) and _chooses(condition.right)
        case exp.And():
            return _chooses(condition.left) or _chooses(condition.right)
        case exp.EQ() | exp.GTE() | exp.LTE() | exp.NullSafeEQ() if condition.left == condition.right:
            return False
    return any(isinstance(node, _VARIES) for node in condition.walk())


def dialects() -> tuple[str, ...]:
    """Name all dialects that can be read.

    Examples
    --------
    >>> "postgres" in dialects(), "" in dialects()
    (True, False)
    """
    return tuple(sorted(one.value for one in sqlglot.Dialects if one.value))


def _name(table: exp.Table) -> str:
    return ".".join(part.name for part in table.parts).lower()


def _is_cte(table: exp.Table) -> bool:
    """Whether a name is that of a common table expression that can be seen from where it stands."""
    if len(table.parts) > 1 or not isinstance(table.this, exp.Identifier):
        return False
    below: exp.Expr = table
    while (above := below.parent) is not None:
        if (given := above.args.get("with_")) is not None:
            seen = [one.alias.lower() for one in _visible(given, table)]
            if table.name.lower() in seen:
                return True
        below = above
    return False


def _visible(given: exp.With, table: exp.Table) -> list[exp.CTE]:
    """Choose those that a table can mean: from within one of them the ones before it, or all if they are recursive."""
    around = table.find_ancestor(exp.CTE)
    while around is not None and around.parent is not given:
        around = around.find_ancestor(exp.CTE)
    ctes: list[exp.CTE] = given.expressions
    if around is None or given.args.get("recursive"):
        return ctes
    return ctes[: next(i for i, one in enumerate(ctes) if one is around)]
