"""Karya's own audit of what it has stored, the other of the two judges."""

from collections.abc import Callable, Sequence

from tests.chaos.cluster import ClusterUnderTest

_LINES = 20
_SECONDS = 900
"""So long it may take, with the ledger of a long soak."""


def audited(cluster: ClusterUnderTest, tell: Callable[[str], None]) -> Sequence[str]:
    """What `karya audit` complains about, where that command exists."""
    if " audit " not in cluster.command("--help").stdout:
        tell("there is no `karya audit` here: judged by the targets alone")
        return []
    found = cluster.command("audit", seconds=_SECONDS)
    if found.returncode == 0:
        return []
    lines = (found.stdout + found.stderr).splitlines()
    return [f"karya audit (exit {found.returncode}): {line}" for line in lines[:_LINES]]
