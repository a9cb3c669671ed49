"""Whether work costs more the more is stored."""

import statistics
from collections.abc import Mapping, Sequence

from bench.figures import Figure, Place, at_most, percentile
from bench.rig import Rig
from bench.traffic import Traffic, send

_STORED = (10_000, 100_000, 1_000_000)
_PAGES: Mapping[str, str] = {
    "GET /v1/jobs": "/v1/jobs",
    "GET /v1/jobs?status=COMPLETED": "/v1/jobs?status=COMPLETED",
    "a job": "/v1/jobs/{id}",
    "its tasks": "/v1/jobs/{id}/tasks",
    "its summary": "/v1/jobs/{id}/summary",
}


def growth(rig: Rig) -> Sequence[Figure]:
    """Half of what is stored has run, half is pending: drain, lag, and the answers to readers."""
    figures: list[Figure] = []
    rig.empty()
    stored = 0
    drains: list[float] = []
    lags: list[float] = []
    for many in _STORED:
        rig.remember((many - stored) // 2)
        rig.pend((many - stored) // 2)
        stored = many
        drains.append(statistics.median(10_000 / rig.run(10_000).seconds for _ in range(3)))
        lags.append(percentile(rig.run(5_000, 10).start_lags(), 50))
        place = Place("growth", "drain", f"{many:,}")
        figures.append(
            Figure(f"drain of 10,000 with {many:,} jobs stored", drains[-1], "jobs/s", place=place)
        )
        figures.append(Figure(f"start lag at 500 tasks/s with {many:,} jobs stored", lags[-1], "ms"))
    return [
        *figures,
        at_most("what a hundred times as many jobs cost the drain", _loss(drains), "%", 10),
        at_most("what a hundred times as many jobs cost the lag", _loss([1 / lag for lag in lags]), "%", 10),
        *pages(rig, stored),
    ]


def pages(rig: Rig, stored: int) -> Sequence[Figure]:
    """What one reader waits for, asking again and again."""
    job = rig.database.jobs.find_one({"status": "COMPLETED"}, {"_id": 1})
    assert job is not None
    return [
        at_most(
            f"{name} with {stored:,} jobs stored, 99th percentile", _slowest(rig, path, job["_id"]), "ms", 20
        )
        for name, path in _PAGES.items()
    ]


def _slowest(rig: Rig, path: str, ident: str) -> float:
    answered = send(Traffic(rig.cluster.url + path.format(id=ident), seconds=5.0))
    return percentile(answered.latencies, 99)


def _loss(rates: Sequence[float]) -> float:
    """By how many percent the last is less than the first."""
    return 100 * (1 - rates[-1] / rates[0])
