"""What became of attempts: by outcome, connector and reason, as a worker counts them."""

from collections.abc import Collection, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from karya.actors.tallies import Spread, Tally
from karya.core.action import ActionText, type_of
from karya.core.outcome import Outcome
from karya.core.reasons import ENDS, LOST, OK, OTHER, reason_of
from karya.core.transitions import Move

_SUCCEEDED = ENDS[Move.SUCCEED]
_FAILED = frozenset({ENDS[Move.RETRY], ENDS[Move.BURY]})
_LOST = "lost"


class Attempted:
    """Counts the ends of attempts, and how long they took. Types of actions that are none of `connectors`
    count as `other`: they stand in stored actions, and are no closed table."""

    def __init__(self, registry: CollectorRegistry, connectors: Collection[str]) -> None:
        self._connectors = frozenset(connectors)
        self._ends = Tally(
            "karya_attempts",
            "Attempts, by what became of them",
            ("outcome", "connector", "reason"),
            registry,
        )
        self._seconds = Spread(
            "karya_task_execution_seconds", "How long an action ran", registry, label="connector"
        )
        for connector in connectors:
            self._ends.counts[_SUCCEEDED, connector, OK] = 0
        registry.register(_Upstreams(self._ends))

    def ran(self, action: ActionText, seconds: float) -> None:
        """An action ran for so long."""
        self._seconds.of(self.connector_of(action)).observe(seconds)

    def ended(self, action: ActionText, outcome: Outcome | None, move: Move | None) -> None:
        """An attempt ended with this move of its task; None when the lease was lost and nothing was
        written."""
        connector = self.connector_of(action)
        if move is Move.SUCCEED:
            self._ends.counts[_SUCCEEDED, connector, OK] += 1
        elif move is None:
            self._ends.counts[_LOST, connector, LOST] += 1
        else:
            self._ends.counts[ENDS[move], connector, reason_of(outcome)] += 1

    def connector_of(self, action: ActionText) -> str:
        """The connector that runs an action, as a label."""
        name = type_of(action)
        return name if name in self._connectors else OTHER


class _Upstreams(Collector):
    """The two counters of upstream Karya, under the names that they have there."""

    def __init__(self, ends: Tally) -> None:
        self._ends = ends

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        succeeded = failed = 0
        for (outcome, _, _), count in self._ends.counts.items():
            succeeded += count if outcome == _SUCCEEDED else 0
            failed += count if outcome in _FAILED else 0
        name = "karya_executor_task_{}_execution_count"
        yield CounterMetricFamily(name.format("success"), "Attempts that succeeded", succeeded)
        yield CounterMetricFamily(name.format("failed"), "Attempts that failed", failed)
