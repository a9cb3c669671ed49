"""Counting without locks gives what the library of Prometheus would give."""

import random
from itertools import pairwise

from prometheus_client import CollectorRegistry, Histogram

from karya.actors.tallies import LATENCIES, SIZES, Spread, Tally


def test_a_histogram_is_that_of_the_library() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    spread = Spread("lag", "how late", ours)
    known = Histogram("lag", "how late", registry=theirs, buckets=LATENCIES)
    chance = random.Random(7)
    for value in [*LATENCIES, 0.0, 1e9, *(chance.expovariate(20) for _ in range(500))]:
        spread.of().observe(value)
        known.observe(value)
    expected = [s for f in theirs.collect() for s in f.samples if not s.name.endswith("_created")]
    found = [sample for family in ours.collect() for sample in family.samples]
    assert {(s.name, *s.labels.items()): s.value for s in found} == {
        (s.name, *s.labels.items()): s.value for s in expected
    }


def test_each_value_of_a_label_has_its_own_series() -> None:
    registry = CollectorRegistry()
    spread = Spread("size", "how many", registry, label="kind", values=("idle",), bounds=SIZES)
    spread.of("busy").observe(3)
    assert registry.get_sample_value("size_count", {"kind": "busy"}) == 1
    assert registry.get_sample_value("size_bucket", {"kind": "busy", "le": "2.0"}) == 0
    assert registry.get_sample_value("size_bucket", {"kind": "busy", "le": "5.0"}) == 1
    assert registry.get_sample_value("size_count", {"kind": "idle"}) == 0


def test_a_tally_counts_by_its_labels() -> None:
    registry = CollectorRegistry()
    tally = Tally("ends", "what became", ("outcome", "reason"), registry)
    tally.counts["dead", "timeout"] += 2
    assert registry.get_sample_value("ends_total", {"outcome": "dead", "reason": "timeout"}) == 2


def test_below_100_ms_no_bucket_is_much_wider_than_the_one_before() -> None:
    fine = [bound for bound in LATENCIES if bound <= 0.1]
    assert fine[0] == 0.0001 and sum(bound < 0.001 for bound in fine) >= 4
    assert all(upper / lower <= 2.5 for lower, upper in pairwise(fine))
