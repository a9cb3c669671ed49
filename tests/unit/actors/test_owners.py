"""Whether the holder of a lease is dead is told of the processes of this machine's present start alone."""

import os
import subprocess
import sys

import pytest

from karya.actors.cluster.owners import is_dead, new_owner

MADE_IN_A_PROCESS = "from karya.actors.cluster.owners import new_owner; print(new_owner('a/b'))"
OURS = new_owner("scheduler").split("-")[-2]


@pytest.fixture(scope="module")
def gone() -> str:
    """An owner whose process has ended and was buried."""
    said = subprocess.run(
        [sys.executable, "-c", MADE_IN_A_PROCESS], capture_output=True, check=True, text=True
    )
    return said.stdout.strip()


def test_whoever_lives_is_not_dead() -> None:
    assert not is_dead(new_owner("scheduler"))
    assert not is_dead(f"scheduler@here/{os.getppid()}-{OURS}-abc")


def test_whoever_lived_here_and_is_gone_is_dead(gone: str) -> None:
    assert is_dead(gone)


def test_whoever_has_our_host_name_but_other_processes_is_not_dead(gone: str) -> None:
    """As containers with the network of their host have, each with pids of its own."""
    assert not is_dead(gone.replace(f"-{OURS}-", "-000000-"))


@pytest.mark.parametrize("owner", ["", "x", "scheduler@here", "scheduler@here/", "scheduler@here/x-{ours}-1"])
def test_nobody_is_dead_who_cannot_be_known_to_be(owner: str) -> None:
    assert not is_dead(owner.format(ours=OURS))


def test_no_two_incarnations_have_one_name() -> None:
    assert len({new_owner("w") for _ in range(50)}) == 50
