"""How fast a backlog is worked off: jobs that all fall due at one instant."""

import statistics
from collections.abc import Sequence

from bench import raw
from bench.figures import Figure, at_least
from bench.rig import Rig
from karya.core.action import Action, RestAction

_GOAL = 25_000
_SHARE = 80


def drain(rig: Rig) -> Sequence[Figure]:
    """10,000 no-op jobs, three times."""
    return [at_least("drain of 10,000 due no-op jobs", _rate(rig, 10_000, 3), "jobs/s", _GOAL)]


def drain_more(rig: Rig) -> Sequence[Figure]:
    """100,000 no-op jobs, once."""
    return [at_least("drain of 100,000 due no-op jobs", _rate(rig, 100_000, 1), "jobs/s", _GOAL)]


def drain_requests(rig: Rig) -> Sequence[Figure]:
    """10,000 jobs that each send a request, three times, against aiohttp alone in as many processes."""
    with raw.Senders(rig.target.url, rig.workers) as senders:
        alone = senders.rate(10_000)
    rate = _rate(rig, 10_000, 3, request_to(rig))
    return [
        Figure("aiohttp alone, in as many processes as workers", alone, "requests/s"),
        Figure("drain of 10,000 due HTTP calls", rate, "jobs/s"),
        at_least("HTTP calls, of what aiohttp alone does", 100 * rate / alone, "%", _SHARE),
    ]


def request_to(rig: Rig) -> RestAction:
    """An HTTP call to the target of the benchmark."""
    return RestAction.model_validate({"type": "rest", "url": rig.target.url, "capture": "none"})


def _rate(rig: Rig, count: int, runs: int, action: Action | None = None) -> float:
    """The median of some runs, until the last job is durably COMPLETED."""
    rates = []
    for _ in range(runs):
        rig.empty()
        rates.append(count / rig.run(count, action=action).seconds)
    return statistics.median(rates)
