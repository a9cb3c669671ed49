"""On which node an actor runs. No I/O."""

from collections import Counter
from collections.abc import Iterable

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
