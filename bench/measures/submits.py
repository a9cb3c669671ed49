"""How fast jobs are taken in, each of them checked and durable before it is acknowledged."""

import json
import time
from collections.abc import Sequence

from bench.figures import Figure, at_least, at_most, percentile
from bench.rig import Rig, soon
from bench.traffic import Traffic, send

_CLIENTS = 64
_BATCH = 1_000
_MANY = 20_000


def submit(rig: Rig) -> Sequence[Figure]:
    """`POST /v1/jobs` from 64 clients for ten seconds."""
    rig.empty()
    answered = send(Traffic(f"{rig.cluster.url}/v1/jobs", "POST", json.dumps(pending()), clients=_CLIENTS))
    return [
        at_least(f"POST /v1/jobs, {_CLIENTS} clients", answered.rate, "jobs/s", 5_000),
        at_most(
            f"POST /v1/jobs, {_CLIENTS} clients, 99th percentile",
            percentile(answered.latencies, 99),
            "ms",
            40,
        ),
    ]


def submit_batch(rig: Rig) -> Sequence[Figure]:
    """`POST /v1/jobs/batch`, 1,000 at once from two clients, and the same through the actor handle."""
    rig.empty()
    body = json.dumps([pending()] * _BATCH)
    answered = send(Traffic(f"{rig.cluster.url}/v1/jobs/batch", "POST", body, clients=2))
    handle = rig.handle()
    specs = [pending()] * _MANY
    began = time.perf_counter()
    handle.submit_many(specs)
    by_handle = _MANY / (time.perf_counter() - began)
    return [
        at_least("POST /v1/jobs/batch", answered.rate * _BATCH, "jobs/s", 25_000),
        at_least("submit_many of the actor handle", by_handle, "jobs/s", 40_000),
    ]


def submit_to_start(rig: Rig) -> Sequence[Figure]:
    """One client submits a job that is due now, again and again, with a pause in between: it is due at the
    instant at which the gateway took it in."""
    rig.empty()
    waits = waits_for_start(rig)
    return [at_most("from submit to start, unloaded, median", percentile(waits, 50), "ms", 10)]


def waits_for_start(rig: Rig, seconds: float = 10.0, pause: float = 0.05) -> Sequence[float]:
    """The same for so long, with so much of a pause; each wait in milliseconds, in ascending order. The
    instant is a whole millisecond, cut, so that half a millisecond of it is nobody's."""
    due_now = {"schedule": {"kind": "once"}, "action": {"type": "noted"}}
    since = soon(0)
    send(Traffic(f"{rig.cluster.url}/v1/jobs", "POST", json.dumps(due_now), seconds=seconds, pause=pause))
    run = rig.between(since, soon(0))
    run.await_end(timeout=10)
    return run.noted_lags()


def pending() -> dict[str, object]:
    """A job that is due tomorrow."""
    return {"schedule": {"kind": "once", "at": soon(86_400).isoformat()}, "action": {"type": "noop"}}
