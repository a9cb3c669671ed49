"""Whether work costs more the more is stored."""

import statistics
from collections.abc import Mapping, Sequence

from bench.figures import TOLD_APART_MS, Figure, Place, at_most, percentile
from bench.rig import Rig
from bench.traffic import Traffic, send

_STORED = (10_000, 100_000, 1_000_000)
_DRAINED = 10_000
_READ_SECONDS = 4.0
_CALLS: Mapping[str, str] = {
    "GET /v1/jobs": "/v1/jobs",
    "GET /v1/jobs?status=COMPLETED": "/v1/jobs?status=COMPLETED",
    "a job": "/v1/jobs/{id}",
    "its tasks": "/v1/jobs/{id}/tasks",
    "its summary": "/v1/jobs/{id}/summary",
}
_PAGES: Mapping[str, str] = {
    "page of jobs": "/ui/jobs",
    "page of a job": "/ui/jobs/{id}",
}
_GOALS_MS: Sequence[tuple[Mapping[str, str], float]] = ((_CALLS, 20), (_PAGES, 50))


def growth(rig: Rig) -> Sequence[Figure]:
    """Half of what is stored has run, half is pending: drain, lag, and the answers to readers."""
    rig.empty()
    rig.run(_DRAINED)  # the first drain of a young cluster is a slow one
    rig.empty()
    figures: list[Figure] = []
    drains: list[float] = []
    medians: list[float] = []
    stored = 0
    for many in _STORED:
        rig.remember((many - stored) // 2)
        rig.pend((many - stored) // 2)
        stored = many
        drains.append(statistics.median(_DRAINED / rig.run(_DRAINED).seconds for _ in range(3)))
        late = rig.lags(5_000, 10)
        medians.append(percentile(late, 50))
        place = Place("growth", "drain", f"{many:,}")
        figures += [
            Figure(f"drain of {_DRAINED:,} with {many:,} jobs stored", drains[-1], "jobs/s", place=place),
            Figure(f"start lag at 500 tasks/s with {many:,} jobs stored, mean", statistics.mean(late), "ms"),
            Figure(f"start lag at 500 tasks/s with {many:,} jobs stored, median", medians[-1], "ms"),
        ]
    among = f"with {' and '.join(f'{many:,}' for many in _STORED)} jobs stored"
    return [
        *figures,
        at_most(f"by how much the drains {among} differ", spread(drains), "%", 10),
        at_most(
            f"by how much the median lags {among} differ",
            max(medians) - min(medians),
            "ms",
            max(min(medians) / 10, TOLD_APART_MS),
        ),
        *read(rig, stored),
    ]


def spread(values: Sequence[float]) -> float:
    """By how many percent the largest of them, which are positive, is above the smallest."""
    return 100 * (max(values) / min(values) - 1)


def read(rig: Rig, stored: int) -> Sequence[Figure]:
    """What one reader waits for, asking again and again."""
    job = rig.database.jobs.find_one({"status": "COMPLETED"}, {"_id": 1})
    assert job is not None
    return [
        at_most(
            f"{name} with {stored:,} jobs stored, 99th percentile",
            _slowest(rig, path, job["_id"]),
            "ms",
            goal,
        )
        for paths, goal in _GOALS_MS
        for name, path in paths.items()
    ]


def _slowest(rig: Rig, path: str, ident: str) -> float:
    answered = send(Traffic(rig.cluster.url + path.format(id=ident), seconds=_READ_SECONDS))
    return percentile(answered.latencies, 99)
