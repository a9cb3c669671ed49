"""What is measured. Each function runs one experiment on a running cluster and returns its figures."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psutil

from bench.rig import Rig


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure and what it has to reach."""

    name: str
    value: float
    unit: str
    goal: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.value >= self.goal if self.at_least else self.value <= self.goal


def drain(rig: Rig, count: int = 10_000, runs: int = 3) -> list[Figure]:
    """`count` no-op jobs fall due at one instant; the clock stops when the last job is durably COMPLETED."""
    rates = []
    for _ in range(runs):
        rig.empty()
        instant = _soon(3 + count / 5_000)
        rig.fill([instant] * count)
        ended = rig.await_completed(timeout=120)
        rates.append(count / (ended - instant.timestamp()))
    return [Figure(f"drain of {count:,} due no-op jobs", statistics.median(rates), "jobs/s", 5_000, True)]


def start_lag(rig: Rig, rate: int = 500, seconds: int = 20) -> list[Figure]:
    """`rate` jobs a second fall due, evenly spread; lag is the start of the action minus its instant."""
    rig.empty()
    first = _soon(3 + rate * seconds / 5_000)
    rig.fill([first + timedelta(seconds=number / rate) for number in range(rate * seconds)])
    rig.await_completed(timeout=seconds + 60)
    lags = rig.start_lags()
    return [
        Figure(f"start lag at {rate} tasks/s, p50", lags[len(lags) // 2], "ms", 15),
        Figure(f"start lag at {rate} tasks/s, p99", lags[len(lags) * 99 // 100], "ms", 60),
    ]


def idle(rig: Rig, pending: int = 100_000, seconds: int = 20) -> list[Figure]:
    """`pending` jobs wait for tomorrow: what Karya's own processes (not mongod's) use meanwhile."""
    rig.empty()
    rig.fill([_soon(86_400)] * pending)
    time.sleep(5)
    processes = rig.processes()
    before = _cpu_seconds(processes)
    time.sleep(seconds)
    used = sum(after - before[name] for name, after in _cpu_seconds(processes).items())
    cpu = Figure(f"idle with {pending:,} pending jobs, all processes", 100 * used / seconds, "% of a core", 5)
    return [cpu, *memory(rig)]


def memory(rig: Rig) -> list[Figure]:
    """The resident memory of each actor."""
    actors = {name: process for name, process in rig.processes().items() if name != "karya up"}
    return [
        Figure(f"memory of {name}", process.memory_info().rss / 1e6, "MB", 200)
        for name, process in sorted(actors.items())
    ]


MEASURES: Mapping[str, Callable[[Rig], list[Figure]]] = {
    "drain": drain,
    "lag": start_lag,
    "idle": idle,
}


def _soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def _cpu_seconds(processes: Mapping[str, psutil.Process]) -> dict[str, float]:
    return {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}
