"""What is measured: each function runs one experiment on a running cluster and returns its figures."""

from collections.abc import Callable, Mapping, Sequence

from bench.figures import Figure
from bench.measures.costs import costs
from bench.measures.drains import drain, drain_more, drain_requests
from bench.measures.growth import growth
from bench.measures.lags import lag, recurring, recurring_short
from bench.measures.pages import pages
from bench.measures.rest import idle, memory
from bench.measures.sharing import sharing
from bench.measures.submits import submit, submit_batch, submit_to_start
from bench.rig import Rig

MEASURES: Mapping[str, Callable[[Rig], Sequence[Figure]]] = {
    "memory": memory,
    "drain": drain,
    "drain-more": drain_more,
    "costs": costs,
    "drain-requests": drain_requests,
    "lag": lag,
    "recurring": recurring,
    "recurring-short": recurring_short,
    "submit": submit,
    "submit-batch": submit_batch,
    "submit-to-start": submit_to_start,
    "sharing": sharing,
    "pages": pages,
    "idle": idle,
    "growth": growth,
}
"""By name, in the order in which they are run: those that store most come last."""

BY_NAME_ONLY = frozenset({"recurring-short"})
"""Those that are no part of a whole run: something longer in it says the same."""

FRESH = frozenset({"memory", "submit", "idle"})
"""Those that get a cluster of their own, which those after them go on with: what had run before would show in
their memory, or had to be deleted by the million."""


def sittings(names: Sequence[str]) -> Sequence[Sequence[str]]:
    """The same names in the same order, by the cluster on which they are measured."""
    found: list[list[str]] = []
    for name in names:
        if name in FRESH or not found:
            found.append([])
        found[-1].append(name)
    return found
