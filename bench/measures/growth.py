"""Whether work costs more the more is stored."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.figures import TOLD_APART_MS, Figure, Place, at_most, percentile
from bench.rig import Rig
from bench.traffic import Traffic, send

_STORED = (10_000, 100_000, 1_000_000)
_DRAINED = 10_000
_ROUNDS = 3
_LAGS, _LAG_SECONDS = 5_000, 10
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
    lags: dict[str, list[float]] = {"median": [], "99th percentile": []}
    stored = 0
    for many in _STORED:
        rig.remember((many - stored) // 2)
        rig.pend((many - stored) // 2)
        stored = many
        drains.append(statistics.median(_DRAINED / rig.run(_DRAINED).seconds for _ in range(_ROUNDS)))
        place = Place("growth", "drain", f"{many:,}")
        figures.append(
            Figure(f"drain of {_DRAINED:,} with {many:,} jobs stored", drains[-1], "jobs/s", place=place)
        )
        figures += _late(rig, many, lags)
    among = f"with {' and '.join(f'{many:,}' for many in _STORED)} jobs stored"
    return [
        *figures,
        at_most(f"by how much the drains {among} differ", spread(drains), "%", 10),
        *(
            at_most(
                f"by how much the {name} lags {among} differ",
                max(found) - min(found),
                "ms",
                max(min(found) / 10, TOLD_APART_MS),
            )
            for name, found in lags.items()
        ),
        *read(rig, stored),
    ]


def _late(rig: Rig, stored: int, lags: Mapping[str, list[float]]) -> Sequence[Figure]:
    """Three runs: the median of each figure, which goes to `lags`, too; and the checkpoints of MongoDB that
    they met."""
    before = Checkpoints.of(rig)
    runs = [rig.lags(_LAGS, _LAG_SECONDS) for _ in range(_ROUNDS)]
    checkpoints = Checkpoints.of(rig).since(before)
    lags["median"].append(statistics.median(percentile(run, 50) for run in runs))
    lags["99th percentile"].append(statistics.median(percentile(run, 99) for run in runs))
    found = {
        "mean": statistics.median(statistics.mean(run) for run in runs),
        **{name: values[-1] for name, values in lags.items()},
        "99th percentile of the worst run": max(percentile(run, 99) for run in runs),
        "latest of all": max(run[-1] for run in runs),
    }
    many = f"with {stored:,} jobs stored"
    return [
        *(Figure(f"start lag at 500 tasks/s {many}, {name}", value, "ms") for name, value in found.items()),
        Figure(f"checkpoints of MongoDB meanwhile {many}", checkpoints.count, ""),
        Figure(f"all of them together {many}", checkpoints.milliseconds, "ms"),
    ]


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Of mongod: it writes what has changed to its files once a minute. The counters only rise."""

    count: float
    milliseconds: float

    @classmethod
    def of(cls, rig: Rig) -> "Checkpoints":
        """As they stand."""
        found = rig.database.client.admin.command("serverStatus")["wiredTiger"]["transaction"]
        return cls(found["transaction checkpoints"], found["transaction checkpoint total time (msecs)"])

    def since(self, before: "Checkpoints") -> "Checkpoints":
        """What has come to them."""
        return Checkpoints(self.count - before.count, self.milliseconds - before.milliseconds)


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
