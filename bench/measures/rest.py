"""What a cluster costs that has nothing to do."""

import time
from collections.abc import Iterable, Sequence

import psutil

from bench.figures import TOLD_APART_MS, Figure, at_most, percentile
from bench.rig import Rig, cpu_seconds

_PENDING = 1_000_000
_SECONDS = 30
_MEGABYTE = 1e6


def memory(rig: Rig) -> Sequence[Figure]:
    """What each process holds of the memory after the start, Ray's own apart. A page that several have is in
    the resident memory of each; the share (PSS) divides it among them, so that the sum of the shares is what
    the machine must have."""
    rig.empty()
    time.sleep(5)
    karya = {name: process for name, process in rig.processes().items() if name != "karya up"}
    others = rig.others()
    mongod = {name: process for name, process in others.items() if name.startswith("mongod")}
    own = {**karya, **mongod}
    ray = _megabytes(others.values()) - _megabytes(mongod.values())
    return [
        *(figure for name, process in own.items() for figure in _held(name.rsplit(" ", 1)[0], process)),
        Figure("memory of Ray's own processes", ray, "MB"),
        at_most("memory at rest, all but Ray's own processes", _megabytes(own.values()), "MB", 600),
        at_most("the same, what is shared counted once", _shares(own.values()), "MB", 600),
    ]


def idle(rig: Rig) -> Sequence[Figure]:
    """1,000,000 jobs wait for tomorrow: what Karya's own processes use meanwhile, and whether tasks start as
    they do without."""
    rig.empty()
    scheduler = next(p for name, p in rig.processes().items() if name.startswith("Scheduler"))
    fresh = _megabytes([scheduler])
    before = _median_lag(rig)
    rig.empty()
    rig.pend(_PENDING)
    time.sleep(10)
    used = _cpu_share(rig, _SECONDS)
    held = _megabytes([scheduler])
    after = _median_lag(rig)
    many = f"with {_PENDING:,} jobs pending"
    as_with_none = round(before + max(before / 10, TOLD_APART_MS), 2)
    return [
        at_most(f"processor at rest {many}, all of Karya's processes", used, "% of a core", 1),
        Figure("memory of the scheduler after its start", fresh, "MB"),
        at_most(f"memory of the scheduler {many}", held, "MB", 150),
        Figure("start lag at 100 tasks/s with none pending, median", before, "ms"),
        at_most(f"start lag at 100 tasks/s {many}, median", after, "ms", as_with_none),
    ]


def _cpu_share(rig: Rig, seconds: float) -> float:
    processes = list(rig.processes().values())
    before = cpu_seconds(processes)
    time.sleep(seconds)
    return 100 * (cpu_seconds(processes) - before) / seconds


def _median_lag(rig: Rig) -> float:
    return percentile(rig.lags(1_000, 10), 50)


def _megabytes(processes: Iterable[psutil.Process]) -> float:
    return sum(process.memory_info().rss for process in processes) / _MEGABYTE


def _held(name: str, process: psutil.Process) -> Sequence[Figure]:
    return (
        Figure(f"memory of {name}", _megabytes([process]), "MB"),
        Figure(f"memory of {name}, its share", _shares([process]), "MB"),
    )


def _shares(processes: Iterable[psutil.Process]) -> float:
    return sum(process.memory_full_info().pss for process in processes) / _MEGABYTE
