"""The memory of every process of the cluster, sampled during a run."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median

import psutil

from tests.chaos.cluster import ClusterUnderTest, role_of

_EVERY = 5.0
_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Sample:
    """A role at one time: seconds after the start of the run, the start of its youngest process on the same
    scale, and the resident memory of its largest, in MB."""

    at: float
    youngest: float
    size: float


@dataclass(frozen=True, slots=True)
class Growth:
    """The resident memory of a role, by the largest of its processes, in MB: the median of the minute behind
    the warm-up, that of the last minute, and the most that it ever was.

    A process that was killed fills its caches once more. The warm-up is that of the role's last start
    therefore, wherever a minute is left behind it."""

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
        self._begun = time.time()
        self._samples: dict[str, list[Sample]] = defaultdict(list)

    async def run(self) -> None:
        """For ever."""
        while True:
            for role, sample in (await asyncio.to_thread(self._look)).items():
                self._samples[role].append(sample)
            await asyncio.sleep(_EVERY)

    def growth(self, warm_up: float) -> list[Growth]:
        """By role: the minute that begins so many seconds after the start against the last one."""
        return [grown(role, samples, warm_up) for role, samples in sorted(self._samples.items())]

    def _look(self) -> Mapping[str, Sample]:
        found: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for process in self._cluster.processes():
            with suppress(psutil.Error):
                if role := role_of(process):
                    found[role].append((process.create_time(), process.memory_info().rss / 1e6))
        at = time.time() - self._begun
        return {role: _sample(at, self._begun, processes) for role, processes in found.items()}


def grown(role: str, samples: Sequence[Sample], warm_up: float) -> Growth:
    """By samples of a role, in the order of time."""
    last = samples[-1]
    fresh = last.youngest + warm_up
    behind = fresh if warm_up < fresh <= last.at - 2 * _MINUTE else warm_up
    begin = [each.size for each in samples if behind <= each.at < behind + _MINUTE]
    end = [each.size for each in samples if each.at >= last.at - _MINUTE]
    sizes = [each.size for each in samples]
    return Growth(role, median(begin or sizes), median(end), max(sizes))


def _sample(at: float, begun: float, processes: Sequence[tuple[float, float]]) -> Sample:
    return Sample(at, max(born for born, _ in processes) - begun, max(size for _, size in processes))
