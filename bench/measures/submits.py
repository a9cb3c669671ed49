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
    due_now = {"schedule": {"kind": "once"}, "action": {"type": "noop"}}
    since = soon(0)
    send(Traffic(f"{rig.cluster.url}/v1/jobs", "POST", json.dumps(due_now), pause=0.05))
    run = rig.between(since, soon(0))
    run.await_end(timeout=10)
    lags = run.start_lags()
    return [at_most("from submit to start, unloaded, median", percentile(lags, 50), "ms", 10)]


def pending() -> dict[str, object]:
    """A job that is due tomorrow."""
    return {"schedule": {"kind": "once", "at": soon(86_400).isoformat()}, "action": {"type": "noop"}}
