"""On which node an actor runs. No I/O."""

from collections import Counter
from collections.abc import Iterable, Mapping

from karya.actors.cluster.names import pool_of

ANYWHERE = ""
"""Wherever Ray finds what the actor claims."""


def node_for(
    name: str, *, claims: bool, home: str, roams: bool, alive: frozenset[str], taken: Iterable[str]
) -> str | None:
    """The node for this actor, ANYWHERE, or None while there is none for it.

    `home` is the node of `karya up`. Only in a cluster that `roams` may actors leave it: workers that claim
    something go where that is, the others where the fewest of them are (`taken` has the node of each), and
    scheduler and server stay at home while that lives. Ray would place what claims nothing at random.
    """
    if not roams:
        return home if home in alive else None
    if pool_of(name) is None:
        return home if home in alive else min(alive, default=None)
    if claims:
        return ANYWHERE
    workers = Counter(taken)
    return min(alive, key=lambda node: (workers[node], node != home, node), default=None)


def one_too_many(stations: Mapping[str, str], alive: frozenset[str]) -> str | None:
    """The worker that should rather be elsewhere: of those on the fullest node, if another living one has at
    least two fewer. `stations` has the node of every worker that may be anywhere."""
    workers = Counter(node for node in stations.values() if node in alive)
    if not workers:
        return None
    fullest = max(sorted(workers), key=lambda node: workers[node])
    if workers[fullest] - min(workers[node] for node in alive) < 2:
        return None
    return max(name for name, node in stations.items() if node == fullest)
