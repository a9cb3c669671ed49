"""The memory of every process of the cluster, sampled during a run."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from statistics import median

import psutil

from tests.chaos.cluster import ClusterUnderTest, role_of

_EVERY = 5.0
_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Growth:
    """The resident memory of a role, by the largest of its processes, in MB: the median of the minute behind
    the warm-up, that of the last minute, and the most that it ever was."""

    role: str
    begin: float
    end: float
    most: float

    @property
    def part(self) -> float:
        """By how much it grew, as a part of what it was."""
        return self.end / self.begin - 1


class Sampler:
    """Looks at all processes every few seconds, until it is cancelled."""

    def __init__(self, cluster: ClusterUnderTest) -> None:
        self._cluster = cluster
        self._begun = time.monotonic()
        self._samples: dict[str, list[tuple[float, float]]] = defaultdict(list)

    async def run(self) -> None:
        """For ever."""
        while True:
            found = await asyncio.to_thread(self._look)
            for role, size in found.items():
                self._samples[role].append((time.monotonic() - self._begun, size))
            await asyncio.sleep(_EVERY)

    def growth(self, warm_up: float) -> list[Growth]:
        """By role: the minute that begins so many seconds after the start against the last one."""
        return [grown(role, samples, warm_up) for role, samples in sorted(self._samples.items())]

    def _look(self) -> Mapping[str, float]:
        sizes: dict[str, float] = defaultdict(float)
        for process in self._cluster.processes():
            with suppress(psutil.Error):
                if role := role_of(process):
                    sizes[role] = max(sizes[role], process.memory_info().rss / 1e6)
        return sizes


def grown(role: str, samples: list[tuple[float, float]], warm_up: float) -> Growth:
    """By samples of a role: when, in seconds after the start, and MB."""
    sizes = [size for _, size in samples]
    begin = [size for at, size in samples if warm_up <= at < warm_up + _MINUTE] or sizes
    end = [size for at, size in samples if at >= samples[-1][0] - _MINUTE]
    return Growth(role, median(begin), median(end), max(sizes))
