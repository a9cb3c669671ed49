"""What a person who looks at pages, and a program that asks the gateway, wait for while the cluster works."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from bench.figures import Figure, percentile
from bench.reader import Round, read
from bench.rig import Rig, soon

_STORED = 100_000
_RATE = 1_000
_DEAD = 200
_SECONDS = 60
_FOLLOWED_SECONDS = 30
_PAUSE = 0.05
_GOAL_MS = 50
_PATIENCE_SECONDS = 30

_PAGES: Mapping[str, str] = {
    "overview": "/ui/",
    "jobs": "/ui/jobs",
    "jobs that failed": "/ui/jobs?status=COMPLETED",
    "a job": "/ui/jobs/{job}",
    "a task": "/ui/tasks/{task}",
    "form": "/ui/jobs/new",
    "dead letters": "/ui/dead-letters",
    "workers": "/ui/workers",
    "audit": "/ui/audit",
}
_CALLS: Mapping[str, str] = {
    "jobs": "/v1/jobs",
    "jobs by status": "/v1/jobs?status=COMPLETED",
    "a job": "/v1/jobs/{job}",
    "its summary": "/v1/jobs/{job}/summary",
    "its tasks": "/v1/jobs/{job}/tasks",
    "why it waits": "/v1/jobs/{job}/why",
    "its instants": "/v1/jobs/{job}/occurrences",
    "a task": "/v1/tasks/{task}",
    "dead letters": "/v1/dead-letters",
    "overview": "/v1/overview",
}
_READ: Mapping[str, Mapping[str, str]] = {"page": _PAGES, "call": _CALLS}


def pages(rig: Rig) -> Sequence[Figure]:
    """100,000 jobs are stored, 1,000 of one second run, some are dead, the overview is open; one reader opens
    everything in turn, about fifteen a second. Then the same while the page of a job is open, too."""
    rig.empty()
    rig.remember(_STORED // 2)
    rig.pend(_STORED // 2)
    job = _run(rig)
    task = _bury(rig)
    paths = {
        f"{kind}, {what}": path.format(job=job, task=task)
        for kind, each in _READ.items()
        for what, path in each.items()
    }
    began = soon(0)
    found = read(Round(rig.cluster.url, paths, ["/ui/live"], _SECONDS, _PAUSE))
    ran = len(rig.between(began, soon(0)).start_lags()) / (soon(0) - began).total_seconds()
    live = ["/ui/live", f"/ui/jobs/{job}/live"]
    followed = read(Round(rig.cluster.url, paths, live, _FOLLOWED_SECONDS, _PAUSE))
    rig.empty()
    return [
        Figure("tasks that ran while pages were read", ran, "tasks/s"),
        *(figure for kind in _READ for figure in _figures(f"every {kind}", _together(kind, found), _GOAL_MS)),
        *(figure for name, took in found.items() for figure in _figures(name, took)),
        *(
            figure
            for kind in _READ
            for figure in _figures(f"every {kind} while a job is followed", _together(kind, followed))
        ),
    ]


def _run(rig: Rig) -> str:
    """Jobs of one second, evenly spread, that are under way; the id of one of them."""
    start = soon(5)
    handle = rig.handle()
    ids = handle.submit_many(
        {
            "schedule": {
                "kind": "interval",
                "every": "PT1S",
                "start_at": (start + timedelta(milliseconds=number)).isoformat(timespec="milliseconds"),
            },
            "action": {"type": "noop"},
        }
        for number in range(_RATE)
    )
    return ids[0]


def _bury(rig: Rig) -> str:
    """Jobs that have failed for good; the id of a task of theirs."""
    nobody = {"type": "rest", "url": "http://127.0.0.1:9/", "method": "GET"}
    spec = {"schedule": {"kind": "once"}, "action": nobody, "retry": {"max_attempts": 1}}
    rig.handle().submit_many([spec] * _DEAD)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while rig.database.tasks.count_documents({"status": "DEAD"}) < _DEAD:
        if time.monotonic() > deadline:
            raise TimeoutError("the jobs that were to fail did not")
        time.sleep(0.1)
    dead = rig.database.tasks.find_one({"status": "DEAD"}, {"_id": 1})
    assert dead is not None
    return str(dead["_id"])


def _together(kind: str, found: Mapping[str, Sequence[float]]) -> Sequence[float]:
    return sorted(ms for name, took in found.items() if name.startswith(kind) for ms in took)


def _figures(name: str, took: Sequence[float], goal: float | None = None) -> Iterable[Figure]:
    yield Figure(f"{name}, median", percentile(took, 50), "ms")
    yield Figure(f"{name}, 99th percentile", percentile(took, 99), "ms", goal)
