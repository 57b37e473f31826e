"""Below the shell nothing reads a clock, draws a number, or hangs on the order of a set.

import-linter keeps whole modules out; what is said here it cannot say.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PURE = ("schemas", "detectors", "streams/measure", "streams/watch", "streams/gather", "streams/act", "streams/telling")
FILES = sorted(file for room in PURE for file in (ROOT / room).rglob("*.py"))

CLOCKS = {
    "now",
    "utcnow",
    "today",
    "time",
    "time_ns",
    "monotonic",
    "perf_counter",
    "process_time",
    "localtime",
    "gmtime",
}
CHANCE = {"random", "default_rng", "shuffle", "getrandbits", "uuid4", "uuid1", "urandom", "token_bytes"}
WORLD = {"getenv", "environ", "open", "gethostname", "getpid"}
READS = {"schemas/config.py", "schemas/taxonomy.py", "schemas/docs/__main__.py", "schemas/docs/taxonomy_page.py"}
"""Files whose work is to read files: configs, the taxonomy that comes with the package, docs."""


def named(tree: ast.AST) -> Iterator[str]:
    """Every name that is looked up or called, and every attribute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id


def modules(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def test_there_is_something_to_look_at() -> None:
    assert len(FILES) > 40
    assert {file.relative_to(ROOT).parts[0] for file in FILES} == {"schemas", "detectors", "streams"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_clock_no_chance_no_world(file: Path) -> None:
    tree = ast.parse(file.read_text("utf-8"))
    assert not set(modules(tree)) & {"time", "random", "secrets", "uuid", "os", "socket", "threading", "asyncio"}
    used = set(named(tree))
    assert not used & CHANCE
    assert not used & (CLOCKS - _words(tree))
    if str(file.relative_to(ROOT)) not in READS:
        assert not used & WORLD


def _words(tree: ast.AST) -> set[str]:
    """What the file itself calls so: a parameter `now`, say, is time as an argument."""
    arguments = {arg.arg for node in ast.walk(tree) if isinstance(node, ast.arguments) for arg in _all(node)}
    stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    fields = {
        node.target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return arguments | stored | fields | defined


def _all(node: ast.arguments) -> list[ast.arg]:
    return [*node.posonlyargs, *node.args, *node.kwonlyargs]


@pytest.mark.parametrize("source", ["datetime.now(UTC)", "time.time()", "np.random.default_rng(1)", "import random"])
def test_the_scan_sees_what_it_looks_for(source: str) -> None:
    tree = ast.parse(source)
    found = set(named(tree)) & (CLOCKS | CHANCE) | set(modules(tree)) & {"random"}
    assert found
