"""The judge of statements promises: never a crash, and nothing unsafe that comments, strings or names could hide."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import statements
from schemas.statements import KINDS, LONGEST, dialects, unsafe

SAFE = [
    "SELECT 1",
    "select total from orders where note = 'drop table orders; delete it'",
    "SELECT total FROM orders -- drop table orders\n",
    "SELECT /* delete everything; now */ total FROM orders",
    "SELECT replace(name, 'a', 'b') FROM orders FOR UPDATE",
    'SELECT "delete" FROM orders;',
    "WITH late AS (SELECT * FROM orders) SELECT * FROM late",
    "INSERT INTO orders (id) VALUES (7) ON CONFLICT (id) DO UPDATE SET paid = true",
    "UPDATE orders SET paid = true WHERE id = 7",
    "DELETE FROM orders WHERE id = ? AND 1 = 1",
    "DELETE FROM orders WHERE id IN (SELECT id FROM late)",
    "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN UPDATE SET x = 1 WHEN NOT MATCHED THEN INSERT VALUES (1)",
    "EXPLAIN SELECT * FROM orders",
    "VALUES (1), (2)",
]
UNSAFE = [
    ("UPDATE orders SET paid = true", "write_without_predicate"),
    ("DELETE FROM orders", "write_without_predicate"),
    ("DELETE FROM orders WHERE true", "write_without_predicate"),
    ("DELETE FROM orders WHERE (1 = 1)", "write_without_predicate"),
    ("DELETE FROM orders WHERE id = 7 OR 1 = 1", "write_without_predicate"),
    ("DELETE FROM orders WHERE id = id", "write_without_predicate"),
    ("DELETE FROM orders LIMIT 5", "write_without_predicate"),
    ("DELETE FROM orders -- WHERE id = 7", "write_without_predicate"),
    ("WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone", "write_without_predicate"),
    ("INSERT OVERWRITE TABLE orders SELECT * FROM late", "write_without_predicate"),
    ("MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE", "write_without_predicate"),
    ("MERGE INTO a USING b ON a.id = b.id WHEN NOT MATCHED BY SOURCE THEN DELETE", "write_without_predicate"),
    ("DROP TABLE orders", "ddl"),
    ("CREATE TABLE copy AS SELECT * FROM orders", "ddl"),
    ("ALTER TABLE orders ADD COLUMN x INT", "ddl"),
    ("TRUNCATE orders", "ddl"),
    ("GRANT SELECT ON orders TO everyone", "ddl"),
    ("SELECT * INTO copy FROM orders", "ddl"),
    ("SELECT 1; SELECT 2", "several_statements"),
    ("SELECT 1;\n-- fine\nDROP TABLE orders", "several_statements"),
    ("CALL refund_all()", "command"),
    ("EXEC sp_configure", "command"),
    ("COPY orders TO PROGRAM 'curl example.org'", "command"),
    ("SET ROLE admin", "command"),
    ("DO $$ begin end $$", "command"),
    ("EXPLAIN ANALYZE DELETE FROM orders WHERE id = 7", "command"),
    ("SELEKT 1", "unreadable"),
    ("", "unreadable"),
    ("SELECT 1 DELETE FROM orders WHERE 1 = 0", "unreadable"),
    ("SELECT 1 /*! ; DROP TABLE orders */", "unreadable"),
    ("SELECT 1 /* /* */ DROP TABLE orders -- */", "unreadable"),
    ("DROP TABLE orders -- " + "x" * LONGEST, "unreadable"),
    ("DELETE FROM orders WHERE " + "(" * 2000 + "1" + ")" * 2000, "unreadable"),
]  # fmt: skip


@pytest.mark.parametrize("text", SAFE)
def test_what_only_reads_or_says_which_rows_it_means_is_safe(text: str) -> None:
    assert unsafe(text) == frozenset()


@pytest.mark.parametrize(("text", "kind"), UNSAFE, ids=lambda said: said[:40])
def test_what_is_unsafe_is_named(text: str, kind: str) -> None:
    assert kind in unsafe(text)


@pytest.mark.parametrize(
    ("text", "outside"),
    [
        ("SELECT * FROM orders", False),
        ('SELECT * FROM "Orders"', False),
        ("SELECT * FROM sales.orders", True),
        ("SELECT * FROM sales.late", False),
        ("SELECT * FROM customers", True),
        ("SELECT * FROM orders JOIN customers USING (id)", True),
        ("SELECT (SELECT max(iban) FROM customers)", True),
        ("WITH customers AS (SELECT * FROM orders) SELECT * FROM customers", False),
        ("WITH customers AS (SELECT * FROM customers) SELECT * FROM customers", True),
        ("WITH a AS (SELECT * FROM customers), customers AS (SELECT 1) SELECT * FROM a", True),
        ("SELECT * FROM customers WHERE id IN (WITH customers AS (SELECT 1) SELECT * FROM customers)", True),
        ("WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT * FROM t) SELECT * FROM t", False),
        ("SELECT * FROM dblink('x')", True),
        ("INSERT INTO customers VALUES (1)", True),
        ("SELECT 1", False),
    ],
)
def test_a_table_outside_the_list_is_found_wherever_it_stands(text: str, outside: bool) -> None:
    assert ("table_not_allowed" in unsafe(text, ("orders", "sales.late"))) is outside


def test_a_backslash_ends_a_string_or_not_as_the_dialect_says() -> None:
    text = r"SELECT 'a\'; DROP TABLE orders; --'"
    assert "ddl" in unsafe(text, dialect="postgres")
    assert unsafe(text, dialect="mysql") == frozenset()


words = st.sampled_from(
    [
        "SELECT",
        "select",
        "FROM",
        "a",
        "b.c",
        "*",
        ",",
        ";",
        "(",
        ")",
        "'",
        '"',
        "`",
        "--",
        "/*",
        "*/",
        "/*!",
        "WHERE",
        "1",
        "=",
        "DELETE",
        "drop",
        "TABLE",
        "UPDATE",
        "SET",
        "INTO",
        "INSERT",
        "VALUES",
        "WITH",
        "AS",
        "UNION",
        "CALL",
        "EXEC",
        "MERGE",
        "USING",
        "ON",
        "OR",
        "AND",
        "true",
        "$$",
        "\\",
        "@x",
        "?",
        ":",
        "[",
        "]",
        "{",
        "}",
        "E'",
        "COPY",
    ]
)
hostile = st.lists(words, max_size=25).map(" ".join) | st.lists(words, max_size=25).map("".join) | st.text(max_size=40)
spoken = st.sampled_from(["", "postgres", "mysql", "tsql", "bigquery", "snowflake", "duckdb", "oracle", "clickhouse"])


@given(hostile, st.none() | st.just(("a",)), spoken)
def test_no_text_breaks_it(text: str, tables: tuple[str, ...] | None, dialect: str) -> None:
    assert unsafe(text, tables, dialect) <= set(KINDS)


@given(st.just("SELECT ") | st.just("WITH ") | st.just("("), hostile, spoken)
def test_what_the_screen_lets_pass_the_parser_finds_nothing_in(first: str, text: str, dialect: str) -> None:
    """But that it might not be able to read it, which is asked where something could be written only."""
    if not unsafe(first + text, None, dialect):
        assert statements._judged(first + text, None, dialect) <= {"unreadable"}


@pytest.mark.parametrize("dialect", dialects())
def test_in_every_dialect_a_write_without_predicate_is_found(dialect: str) -> None:
    assert unsafe("UPDATE orders SET paid = 1", dialect=dialect)
    assert unsafe("DROP TABLE orders", dialect=dialect)
    assert unsafe("SELECT total FROM orders", ("orders",), dialect) <= {"unreadable"}
