"""Every example in the doc strings of `detectors` runs and says the truth."""

import doctest
import importlib
import pkgutil

import pytest

import detectors

MODULES = sorted(module.name for module in pkgutil.walk_packages(detectors.__path__, "detectors."))


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
