"""Every example in a benchmark's docstrings runs."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import benchmarks

# The sides and the gauge are programs of their own; they are imported, and start nothing.
MODULES = sorted(path.stem for path in Path(benchmarks.__file__).parent.glob("[a-z]*.py"))


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_benchmark_hold(name: str) -> None:
    found = doctest.testmod(import_module(f"benchmarks.{name}"), optionflags=doctest.ELLIPSIS)
    assert found.failed == 0
