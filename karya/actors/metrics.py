"""What each actor counts, and how the gateway puts the actors' figures together.

Names are upstream's where upstream has a plain counter (docs/reference/metrics.md has the table).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import Metric

_LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class ServerMetrics:
    """What the server counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.submitted = Counter("karya_jobs_submitted", "Jobs stored", registry=self.registry)
        self.cancelled = Counter("karya_jobs_cancelled", "Jobs cancelled by request", registry=self.registry)
        self.reaped = Counter(
            "karya_tasks_reaped", "Tasks taken from a holder whose lease expired", registry=self.registry
        )
        self.expired = Counter(
            "karya_tasks_expired", "Tasks removed at the end of their retention", registry=self.registry
        )
        self.turned_away = Counter(
            "karya_requests_turned_away",
            "Requests answered with 503 because too many were under way",
            registry=self.registry,
        )
        self.submit_seconds = Histogram(
            "karya_submit_seconds",
            "From a valid request to its durable write",
            registry=self.registry,
            buckets=_LATENCIES,
        )


class SchedulerMetrics:
    """What the scheduler counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.leader = Gauge("karya_scheduler_leader", "1 while this one leads", registry=self.registry)
        self.planned = Gauge(
            "karya_scheduler_planned_tasks", "Tasks held in memory for their instant", registry=self.registry
        )
        self.workers = Gauge("karya_scheduler_workers", "Workers connected", ["pool"], registry=self.registry)
        self.waiting = Gauge(
            "karya_pool_waiting_tasks",
            "Due tasks that no worker has been told of",
            ["pool"],
            registry=self.registry,
        )
        self.dispatched = Counter(
            "karya_tasks_dispatched", "Hints handed to the queue", registry=self.registry
        )
        self.mended = Counter(
            "karya_chains_mended", "Recurring jobs whose chain was cut", registry=self.registry
        )
        self.misfired = Counter(
            "karya_instants_misfired", "Instants skipped as misfired", ["policy"], registry=self.registry
        )
        self.overlapped = Counter(
            "karya_occurrences_overlapped",
            "Occurrences skipped because another one of their job had not ended",
            registry=self.registry,
        )
        self.dropped_frames = Gauge(
            "karya_queue_dropped_frames", "Malformed or oversized frames dropped", registry=self.registry
        )
        self.refused_connections = Gauge(
            "karya_queue_refused_connections",
            "Connections turned away for their key, or the lack of one",
            registry=self.registry,
        )
        self.fetch_seconds = Histogram(
            "karya_scheduler_task_fetch_seconds",
            "One look for due tasks",
            registry=self.registry,
            buckets=_LATENCIES,
        )


class WorkerMetrics:
    """What a worker counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.succeeded = Counter(
            "karya_executor_task_success_execution_count", "Attempts that succeeded", registry=self.registry
        )
        self.failed = Counter(
            "karya_executor_task_failed_execution_count", "Attempts that failed", registry=self.registry
        )
        self.running = Gauge("karya_worker_running_tasks", "Tasks that run now", registry=self.registry)
        self.refused = Counter(
            "karya_claims_refused", "Hints that were no longer true when claimed", registry=self.registry
        )
        self.lost = Counter("karya_leases_lost", "Leases lost before the outcome", registry=self.registry)
        self.start_lag_seconds = Histogram(
            "karya_task_start_lag_seconds",
            "Start of an attempt minus the moment it was due",
            registry=self.registry,
            buckets=_LATENCIES,
        )
        self.execution_seconds = Histogram(
            "karya_task_execution_seconds",
            "How long an action ran",
            registry=self.registry,
            buckets=_LATENCIES,
        )
        self.commit_seconds = Histogram(
            "karya_commit_seconds",
            "One group of outcomes made durable",
            registry=self.registry,
            buckets=_LATENCIES,
        )


class SupervisorMetrics:
    """What the supervisor counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.replaced = Counter(
            "karya_actors_replaced",
            "Actors that died or hung and were started again",
            ["reason"],
            registry=self.registry,
        )
        self.workers = Gauge(
            "karya_pool_workers", "Workers that a pool shall have now", ["pool"], registry=self.registry
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one actor at one moment; they travel between processes."""

    actor: str
    families: Sequence[Metric]


def figures(actor: str, registry: CollectorRegistry) -> Figures:
    """What an actor's registry says now."""
    return Figures(actor, list(registry.collect()))


def exposition(parts: Iterable[Figures]) -> bytes:
    """The figures of many actors as one Prometheus text, each sample labelled with its actor."""
    registry = CollectorRegistry()
    registry.register(_Merged(parts))
    return generate_latest(registry)


class _Merged:
    """A collector over figures that were gathered elsewhere."""

    def __init__(self, parts: Iterable[Figures]) -> None:
        self._families: dict[str, Metric] = {}
        for part in parts:
            for family in part.families:
                self._add(part.actor, family)

    def _add(self, actor: str, family: Metric) -> None:
        upstream = family.name.endswith("_count")  # a name that no counter of this format may have
        kind = "unknown" if upstream else family.type
        merged = self._families.setdefault(family.name, Metric(family.name, family.documentation, kind))
        for sample in family.samples:
            if sample.name.endswith("_created"):
                continue
            name = sample.name.removesuffix("_total") if upstream else sample.name
            merged.add_sample(name, {**sample.labels, "actor": actor}, sample.value)

    def collect(self) -> Iterator[Metric]:
        """The merged families."""
        yield from self._families.values()
