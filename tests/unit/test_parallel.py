"""How the tests are shared out: a cluster is started by one process, and the list of the longest is true."""

import pytest

from tests.support.parallel import LONGEST, ROOT, rank, unit_of


@pytest.mark.parametrize(
    ("nodeid", "unit"),
    [
        ("tests/integration/cluster/test_chain.py::test_a", "tests/integration/cluster"),
        ("tests/compat/test_calls.py::test_a[node]", "tests/compat"),
        ("tests/integration/cli/test_up.py::test_a", "tests/integration/cli/test_up.py"),
        ("tests/unit/api/compat/test_routes.py::test_a[x::y/z]", "tests/unit/api/compat/test_routes.py"),
    ],
)
def test_a_folder_that_shares_a_cluster_stays_together(nodeid: str, unit: str) -> None:
    assert unit_of(nodeid) == unit


def test_the_longest_come_first() -> None:
    units = ["tests/unit/core/test_ids.py", "tests/integration/store/test_plans.py", *LONGEST[:1]]
    assert sorted(units, key=rank) == units[::-1]


@pytest.mark.parametrize("start", LONGEST)
def test_what_is_named_as_long_exists(start: str) -> None:
    assert list(ROOT.glob(f"{start}*"))
