"""What each actor counts, and how the gateway puts the actors' figures together.

Names are upstream's where upstream has a plain counter (docs/reference/metrics.md has the table). No label
has a value that users write: all of them come from the settings or from a closed table, so that what
Prometheus has to keep is bounded.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import Metric

from karya.actors.attempted import Attempted
from karya.actors.tallies import LATENCIES, SIZES, Buckets, Spread, Tally
from karya.core.policies import MisfirePolicy
from karya.core.ports.census import Census

_COMMANDS = frozenset(
    {
        "abortTransaction",
        "aggregate",
        "commitTransaction",
        "delete",
        "distinct",
        "find",
        "findAndModify",
        "getMore",
        "insert",
        "ping",
        "update",
    }
)
"""The commands of MongoDB that are told apart."""
_OTHER = "other"


class ActorMetrics:
    """What every actor counts: what its process uses, and its round trips to MongoDB."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._round_trips = Histogram(
            "karya_mongodb_command_seconds",
            "One round trip to MongoDB",
            ["command"],
            registry=self.registry,
            buckets=LATENCIES,
        )
        self._failed = Counter(
            "karya_mongodb_commands_failed",
            "Commands that MongoDB refused, or did not answer",
            ["command"],
            registry=self.registry,
        )
        for name in (*_COMMANDS, _OTHER):  # else the first one would be no increase of anything
            self._failed.labels(name)

    def round_trip(self, command: str, seconds: float, failed: bool) -> None:
        """One command was answered, or was not. From any thread."""
        name = command if command in _COMMANDS else _OTHER
        self._round_trips.labels(name).observe(seconds)
        if failed:
            self._failed.labels(name).inc()


class ServerMetrics(ActorMetrics):
    """What the server counts."""

    def __init__(self) -> None:
        super().__init__()
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
            buckets=LATENCIES,
        )
        self.submit_jobs = Spread(
            "karya_submit_jobs", "Jobs stored in one transaction", self.registry, bounds=SIZES
        ).of()
        self.gateway = GatewayMetrics(self.registry)
        self._standing = StandingMetrics(self.registry)
        self.standing = self._standing.show


class GatewayMetrics:
    """What the gateway answers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Tally(
            "karya_http_requests", "Requests answered", ("route", "method", "status"), registry
        )
        self._seconds = Spread(
            "karya_http_request_seconds", "Until the head of the answer", registry, label="route"
        )
        self._repeated = Counter(
            "karya_requests_repeated",
            "Requests that had been answered before under their Idempotency-Key",
            registry=registry,
        )

        self._listeners = Gauge("karya_event_listeners", "Listeners to events now", registry=registry)
        self._behind = Gauge(
            "karya_event_feed_behind_seconds",
            "How old what was read last is",
            registry=registry,
        )
        self._sent = Tally("karya_events_sent", "Events sent to listeners", (), registry)
        self._ended = Tally("karya_event_listeners_ended", "Listeners that went", ("reason",), registry)

    def heard(self, present: int, behind: float, sent: int, ended: Mapping[str, int]) -> None:
        """Takes how the listeners to events fare now; `sent` and `ended` are from the beginning on."""
        self._listeners.set(present)
        self._behind.set(behind)
        self._sent.counts[()] = sent
        self._ended.counts.update({(reason,): count for reason, count in ended.items()})

    def answered(self, route: str, method: str, status: int, seconds: float, repeated: bool) -> None:
        """One request was answered; `route` is its template."""
        self._requests.counts[route, method, str(status)] += 1
        self._seconds.of(route).observe(seconds)
        if repeated:
            self._repeated.inc()


class StandingMetrics:
    """How the tasks of the whole cluster stand. While nobody can tell there are no samples: old ones would
    be believed."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._up = Gauge("karya_mongodb_up", "1 while MongoDB answers", registry=registry)
        self._tasks = Gauge("karya_tasks", "Tasks in this state", ["state"], registry=registry)
        self._due = Gauge("karya_tasks_due", "Due tasks that nobody has claimed", ["pool"], registry=registry)
        self._late = Gauge("karya_tasks_late", "Those due for over a second", ["pool"], registry=registry)
        self._oldest = Gauge(
            "karya_oldest_due_seconds", "For how long the first of them is due", ["pool"], registry=registry
        )
        self._limited = Gauge(
            "karya_tasks_limited", "Due tasks that wait for room in a limit", ["limit"], registry=registry
        )
        self._oldest_limited = Gauge(
            "karya_oldest_limited_seconds",
            "For how long the first of them is due",
            ["limit"],
            registry=registry,
        )
        self._of_tasks = (
            *(self._tasks, self._due, self._late, self._oldest),
            *(self._limited, self._oldest_limited),
        )
        self._free = Gauge("karya_disk_free_bytes", "Room on the disk", ["disk"], registry=registry)

    def show(self, census: Census | None, free: int | None) -> None:
        """Takes this census; None when it could not be taken. `free` is how many bytes the disk of the data
        directory has, where that matters."""
        self._up.set(census is not None)
        if free is not None:
            self._free.labels("data_dir").set(free)
        for gauge in self._of_tasks:
            gauge.clear()
        if census is None:
            return
        self._tasks.labels("running").set(census.running)
        self._tasks.labels("dead").set(census.dead)
        for pool, queued in census.pools.items():
            self._due.labels(pool).set(queued.due)
            self._late.labels(pool).set(queued.late)
            self._oldest.labels(pool).set(queued.oldest.total_seconds())
        for kind, parked in census.parked.items():
            self._limited.labels(kind.value).set(parked.count)
            waited = max((census.at - parked.since).total_seconds(), 0.0) if parked.since else 0.0
            self._oldest_limited.labels(kind.value).set(waited)


class SchedulerMetrics(ActorMetrics):
    """What the scheduler counts."""

    def __init__(self) -> None:
        super().__init__()
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
        self.running = Gauge(
            "karya_pool_running_tasks", "Tasks that the workers run", ["pool"], registry=self.registry
        )
        self.free = Gauge(
            "karya_pool_free_slots", "How many more tasks the workers take", ["pool"], registry=self.registry
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
        for policy in MisfirePolicy:  # else the first one would be no increase of anything
            self.misfired.labels(policy.value)
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
            buckets=LATENCIES,
        )


class WorkerMetrics(ActorMetrics):
    """What a worker counts. What it counts for every task belongs to its event loop."""

    def __init__(self, connectors: Collection[str] = ()) -> None:
        """With the names of the connectors that it has."""
        super().__init__()
        self.attempts = Attempted(self.registry, connectors)
        self.running = Gauge("karya_worker_running_tasks", "Tasks that run now", registry=self.registry)
        self.credit = Gauge("karya_worker_credit", "How many more tasks it asks for", registry=self.registry)
        self.refused = Counter(
            "karya_claims_refused", "Hints that were no longer true when claimed", registry=self.registry
        )
        self.lost = Counter("karya_leases_lost", "Leases lost before the outcome", registry=self.registry)
        self.queue_wait_seconds = self._spread(
            "karya_task_queue_wait_seconds", "From the due time of a task until its worker began to claim it"
        )
        self.claim_seconds = self._spread("karya_claim_seconds", "One claim of all hints that came together")
        self.claim_tasks = self._spread("karya_claim_tasks", "Hints in one claim", SIZES)
        self.start_lag_seconds = self._spread(
            "karya_task_start_lag_seconds", "Start of an attempt minus the moment it was due"
        )
        self.commit_seconds = Histogram(
            "karya_commit_seconds",
            "One group of outcomes made durable",
            registry=self.registry,
            buckets=LATENCIES,
        )
        self.commit_tasks = self._spread("karya_commit_tasks", "Outcomes in one group", SIZES)

    def _spread(self, name: str, documentation: str, bounds: Sequence[float] = LATENCIES) -> Buckets:
        return Spread(name, documentation, self.registry, bounds=bounds).of()


class SupervisorMetrics(ActorMetrics):
    """What the supervisor counts."""

    def __init__(self) -> None:
        super().__init__()
        self.replaced = Counter(
            "karya_actors_replaced",
            "Actors that died or hung and were started again",
            ["reason"],
            registry=self.registry,
        )
        for reason in ("crashed", "gone", "hung"):
            self.replaced.labels(reason)
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
