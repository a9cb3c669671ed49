"""What is measured: each function runs one experiment on a running cluster and returns its figures."""

from collections.abc import Callable, Mapping, Sequence

from bench.figures import Figure
from bench.measures.costs import costs
from bench.measures.drains import drain, drain_more, drain_requests
from bench.measures.growth import growth
from bench.measures.lags import lag, recurring
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
    "submit": submit,
    "submit-batch": submit_batch,
    "submit-to-start": submit_to_start,
    "sharing": sharing,
    "pages": pages,
    "idle": idle,
    "growth": growth,
}
"""By name, in the order in which they are run: those that store most come last."""
