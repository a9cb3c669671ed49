"""The figures of many actors become one exposition that Prometheus reads."""

import pickle
from datetime import timedelta

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from karya.actors.metrics import SchedulerMetrics, ServerMetrics, WorkerMetrics, exposition, figures
from karya.core.ports.census import Census, LimitKind, Parked, Queued
from karya.core.transitions import Move
from tests.support.story import NOW


def parsed(*actors: tuple[str, CollectorRegistry]) -> dict[str, Metric]:
    """What Prometheus reads; the figures travel between processes first."""
    parts = [pickle.loads(pickle.dumps(figures(name, registry))) for name, registry in actors]
    families = list(text_string_to_metric_families(exposition(parts).decode()))
    assert len({family.name for family in families}) == len(families), "each family once"
    return {family.name: family for family in families}


def values(family: Metric, name: str) -> dict[str, float]:
    return {s.labels["actor"]: s.value for s in family.samples if s.name == name}


def test_two_workers_share_a_family_and_keep_their_own_values() -> None:
    one, two = WorkerMetrics(), WorkerMetrics()
    one.refused.inc(3)
    two.refused.inc(4)
    one.running.set(2)
    families = parsed(("worker-1", one.registry), ("worker-2", two.registry))
    refused = families["karya_claims_refused"]
    assert (refused.type, refused.documentation) == ("counter", "Hints that were no longer true when claimed")
    assert values(refused, "karya_claims_refused_total") == {"worker-1": 3, "worker-2": 4}
    running = families["karya_worker_running_tasks"]
    assert running.type == "gauge"
    assert values(running, "karya_worker_running_tasks") == {"worker-1": 2, "worker-2": 0}


def test_upstreams_names_with_count_stay_as_they_are() -> None:
    metrics = WorkerMetrics()
    for move, times in ((Move.SUCCEED, 5), (Move.BURY, 2)):
        for _ in range(times):
            metrics.attempts.ended("{}", None, move)
    families = parsed(("w", metrics.registry))
    name = "karya_executor_task_success_execution_count"
    assert families[name].type == "unknown"
    assert [(sample.name, sample.value) for sample in families[name].samples] == [(name, 5)]
    name = "karya_executor_task_failed_execution_count"
    assert values(families[name], name) == {"w": 2}


def test_histograms_keep_their_buckets() -> None:
    metrics = SchedulerMetrics()
    metrics.fetch_seconds.observe(0.004)
    family = parsed(("s", metrics.registry))["karya_scheduler_task_fetch_seconds"]
    assert family.type == "histogram"
    assert values(family, f"{family.name}_count") == {"s": 1}
    assert values(family, f"{family.name}_sum") == {"s": 0.004}
    buckets = {s.labels["le"]: s.value for s in family.samples if s.name.endswith("_bucket")}
    assert (buckets["0.003"], buckets["0.005"], buckets["+Inf"]) == (0, 1, 1)


def test_when_a_counter_was_made_is_left_out() -> None:
    """Of several actors these would be several families of one name, which Prometheus refuses."""
    registries = [metrics().registry for metrics in (ServerMetrics, SchedulerMetrics, WorkerMetrics)]
    parts = [figures(f"a{n}", registry) for n, registry in enumerate(registries)]
    assert any(s.name.endswith("_created") for part in parts for f in part.families for s in f.samples)
    assert b"_created" not in exposition(parts)


def test_every_sample_carries_its_actor_and_its_own_labels() -> None:
    registry = CollectorRegistry()
    Gauge("karya_test", 'with "quotes"\nand lines', ["kind"], registry=registry).labels('a"b\n').set(1)
    (sample,) = parsed(("the actor", registry))["karya_test"].samples
    assert sample.labels == {"kind": 'a"b\n', "actor": "the actor"}
    for family in parsed(("x", WorkerMetrics().registry), ("y", ServerMetrics().registry)).values():
        assert {sample.labels["actor"] for sample in family.samples} <= {"x", "y"}


def test_the_figures_are_those_of_the_moment() -> None:
    metrics = ServerMetrics()
    taken = figures("server", metrics.registry)
    metrics.submitted.inc()
    assert b'karya_jobs_submitted_total{actor="server"} 0.0' in exposition([taken])


def test_nothing_is_shown_where_nobody_answers() -> None:
    assert exposition([]) == b""


def test_old_numbers_of_the_store_are_not_shown() -> None:
    metrics = ServerMetrics()
    parked = {LimitKind.RATE: Parked(4, NOW - timedelta(seconds=7))}
    pools = {"default": Queued(3, 1, timedelta(seconds=20))}
    metrics.standing(Census(NOW, pools, running=2, dead=1, parked=parked), 5)
    families = parsed(("server", metrics.registry))
    assert values(families["karya_tasks_due"], "karya_tasks_due") == {"server": 3}
    assert values(families["karya_oldest_due_seconds"], "karya_oldest_due_seconds") == {"server": 20}
    assert values(families["karya_disk_free_bytes"], "karya_disk_free_bytes") == {"server": 5}
    assert values(families["karya_tasks_limited"], "karya_tasks_limited") == {"server": 4}
    assert values(families["karya_oldest_limited_seconds"], "karya_oldest_limited_seconds") == {"server": 7}
    metrics.standing(None, 5)
    families = parsed(("server", metrics.registry))
    assert values(families["karya_mongodb_up"], "karya_mongodb_up") == {"server": 0}
    gone = ("karya_tasks", "karya_tasks_due", "karya_tasks_late", "karya_tasks_limited")
    assert [families[name].samples for name in gone] == [[]] * 4


def test_commands_are_told_apart_by_a_closed_table() -> None:
    metrics = WorkerMetrics()
    metrics.round_trip("find", 0.002, False)
    metrics.round_trip("somethingNew", 0.002, True)
    count = "karya_mongodb_command_seconds_count"
    assert metrics.registry.get_sample_value(count, {"command": "find"}) == 1
    assert metrics.registry.get_sample_value(count, {"command": "other"}) == 1
    failed = "karya_mongodb_commands_failed_total"
    assert metrics.registry.get_sample_value(failed, {"command": "other"}) == 1
    assert metrics.registry.get_sample_value(failed, {"command": "find"}) == 0, "or its first is no increase"
