"""How the tests are shared out when pytest runs them in several processes (`-n auto`)."""

import os
from functools import cache
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

ROOT = Path(__file__).parents[2]
_MOST = 6
"""Processes. Each may have a cluster of its own, and the longest unit takes as long as a sixth of all."""
LONGEST = (
    "tests/model/test_model",
    "tests/integration/cli",
    "tests/integration/supervision",
    "tests/chaos/test_chaos",
    "tests/integration/cluster",
    "tests/compat",
    "tests/ui",
    "tests/docs",
    "tests/integration",
    "tests/model",
    "tests/chaos",
)
"""Files and folders from the longest to the shortest, as measured; all else takes moments."""


def unit_of(nodeid: str) -> str:
    """The tests that one process runs one after another: a folder that shares a cluster, else a file."""
    path = nodeid.partition("::")[0]
    folder = path.rpartition("/")[0]
    return folder if _shares(folder) else path


@cache
def _shares(folder: str) -> bool:
    conftest = ROOT / folder / "conftest.py"
    return conftest.exists() and 'scope="package"' in conftest.read_text()


def rank(unit: str) -> int:
    """Its place in line: the longest first, so that no process is alone at the end."""
    return next((n for n, start in enumerate(LONGEST) if unit.startswith(start)), len(LONGEST))


class Sharing(LoadScopeScheduling):
    """Gives a process that has little left to do the unit that is first in line."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        self.workqueue.move_to_end(min(self.workqueue, key=rank), last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """For the conftest of all tests."""
    return Sharing(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """For the conftest of all tests: one more than there are cores, as most of them wait."""
    return min((os.cpu_count() or 1) + 1, _MOST)
