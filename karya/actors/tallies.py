"""Counting what happens to every single task, at a fraction of a microsecond each.

The client library of Prometheus takes a lock for every bucket and looks labels up by their text: four
metrics a task would cost a tenth of what a whole task does. These belong to one event loop, in which they are
counted and collected, and need no lock. See docs/decisions/0048-counting-without-locks.md.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

LATENCIES = (
    *(0.0001, 0.00025, 0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075),
    *(0.01, 0.015, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
)
"""In seconds; fine below 100 ms, because the median is below one on a machine that is not busy."""

SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
"""Of batches."""


class Tally(Collector):
    """A counter with labels: `counts[values] += 1`."""

    def __init__(
        self, name: str, documentation: str, labels: Sequence[str], registry: CollectorRegistry
    ) -> None:
        self.counts: dict[tuple[str, ...], int] = defaultdict(int)
        self._name, self._documentation, self._labels = name, documentation, labels
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labels)
        for values, count in self.counts.items():
            family.add_metric(values, count)
        yield family


class Buckets:
    """One series of a histogram."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """One more value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def sums(self) -> tuple[list[tuple[str, float]], float]:
        """How many values were at most each bound, and the sum of all values."""
        names = [*map(floatToGoString, self._bounds), "+Inf"]
        return list(zip(names, accumulate(self._counts), strict=True)), self._sum


class Spread(Collector):
    """A histogram, with one label or none. Those who observe often keep the series that `of` returns."""

    def __init__(
        self,
        name: str,
        documentation: str,
        registry: CollectorRegistry,
        *,
        label: str | None = None,
        values: Iterable[str] = (),
        bounds: Sequence[float] = LATENCIES,
    ) -> None:
        """With a `label`, the series of these `values` are there from the beginning."""
        self._name, self._documentation, self._bounds = name, documentation, bounds
        self._labels = [] if label is None else [label]
        self._series = {value: Buckets(bounds) for value in (values if label else ("",))}
        registry.register(self)

    def of(self, value: str = "") -> Buckets:
        """The series of this value of the label."""
        found = self._series.get(value)
        if found is None:
            found = self._series[value] = Buckets(self._bounds)
        return found

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        for value, series in self._series.items():
            buckets, total = series.sums()
            family.add_metric([value][: len(self._labels)], buckets, total)
        yield family
