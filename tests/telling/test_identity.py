"""An incident's fingerprint is the one that Alertmanager would give its labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.telling.identity import fingerprint


def fnv1a(data: bytes) -> int:
    """FNV-1a, 64 bits, as its authors write it: in wrapping unsigned arithmetic, and the prime as its powers of two.

    The prime 1099511628211 is 2^40 + 2^8 + 0xb3.
    """
    with np.errstate(over="ignore"):
        hashed = np.uint64(0xCBF29CE484222325)
        for byte in data:
            x = hashed ^ np.uint64(byte)
            hashed = (x << np.uint64(40)) + (x << np.uint64(8)) + x * np.uint64(0xB3)
    return int(hashed)


@pytest.mark.parametrize(
    ("data", "hashed"), [(b"", 0xCBF29CE484222325), (b"a", 0xAF63DC4C8601EC8C), (b"foobar", 0x85944171F73967E8)]
)
def test_the_other_implementation_gives_the_published_values(data: bytes, hashed: int) -> None:
    """Fowler, Noll, Vo: draft-eastlake-fnv, test vectors."""
    assert fnv1a(data) == hashed


labels = st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=5)


@given(labels)
def test_it_is_the_hash_of_the_sorted_pairs(some: dict[str, str]) -> None:
    pairs = b"".join(
        name.encode() + b"\xff" + value.encode() + b"\xff" for name, value in sorted(some.items()) if value
    )
    assert fingerprint(some) == f"{fnv1a(pairs):016x}"


def test_it_is_the_value_of_prometheus_own_test() -> None:
    """`model/signature_test.go` of prometheus/common: 5799056148416392346."""
    some = {"name": "garland, briggs", "fear": "love is not enough"}
    assert int(fingerprint(some), 16) == 5799056148416392346


@given(labels)
def test_neither_order_nor_empty_values_count(some: dict[str, str]) -> None:
    assert fingerprint(dict(reversed(some.items())) | {"absent": ""}) == fingerprint({**some, "absent": ""})
    assert fingerprint({name: value for name, value in some.items() if value}) == fingerprint(some)
