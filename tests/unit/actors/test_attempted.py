"""Attempts are counted by outcome, connector and reason, and by nothing that users write."""

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from karya.actors.attempted import Attempted
from karya.core.outcome import LEASE_EXPIRED, Failure, Outcome, Stopped, Success
from karya.core.reasons import REASONS, reason_of
from karya.core.transitions import Move

REST = '{"type":"rest","url":"http://x/"}'


def counted(registry: CollectorRegistry) -> dict[tuple[str, str, str], float]:
    (family,) = [one for one in registry.collect() if one.name == "karya_attempts"]
    labels = ("outcome", "connector", "reason")
    return {
        (s.labels[labels[0]], s.labels[labels[1]], s.labels[labels[2]]): s.value
        for s in family.samples
        if s.value
    }


@pytest.mark.parametrize(
    ("outcome", "move", "expected"),
    [
        (Success(), Move.SUCCEED, ("succeeded", "rest", "ok")),
        (Failure("x", code="http.503"), Move.RETRY, ("retried", "rest", "http_5xx")),
        (Failure("x", code="timeout"), Move.BURY, ("dead", "rest", "timeout")),
        (Stopped(), Move.CANCEL, ("cancelled", "rest", "cancelled")),
        (None, Move.RELEASE, ("handed_back", "rest", "drained")),
        (None, None, ("lost", "rest", "lease_lost")),
        (Success(), None, ("lost", "rest", "lease_lost")),
    ],
)
def test_every_end_has_its_place(
    outcome: Outcome | None, move: Move | None, expected: tuple[str, str, str]
) -> None:
    registry = CollectorRegistry()
    Attempted(registry, ["rest"]).ended(REST, outcome, move)
    assert counted(registry) == {expected: 1}


@pytest.mark.parametrize("text", ['{"url":"x","type":"rest"}', '{ "type": "rest" }', REST])
def test_the_type_is_found_wherever_it_stands(text: str) -> None:
    assert Attempted(CollectorRegistry(), ["rest"]).connector_of(text) == "rest"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"type":"x"}', '{"type":7}'])
def test_what_is_not_installed_is_other(text: str) -> None:
    assert Attempted(CollectorRegistry(), ["rest"]).connector_of(text) == "other"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("http.404", "http_4xx"),
        ("http.", "other"),
        ("http.999", "other"),
        ("smtp.550", "smtp_5xx"),
        ("smtp", "smtp"),
        ("exception.ValueError", "exception"),
        ("slack.channel_not_found", "slack"),
        ("tenant-42", "other"),
        ("ok", "other"),
        ("", "other"),
        (LEASE_EXPIRED.code, "lease_expired"),
    ],
)
def test_any_code_becomes_a_word_of_the_table(code: str, reason: str) -> None:
    assert reason_of(Failure("x", code=code)) == reason
    assert reason in REASONS


def test_upstreams_counters_follow() -> None:
    registry = CollectorRegistry()
    attempted = Attempted(registry, ["rest"])
    for move in (Move.SUCCEED, Move.RETRY, Move.BURY, Move.RELEASE, None):
        attempted.ended(REST, Success() if move is Move.SUCCEED else Failure("x"), move)
    name = "karya_executor_task_{}_execution_count_total"
    assert registry.get_sample_value(name.format("success")) == 1
    assert registry.get_sample_value(name.format("failed")) == 2


def test_the_reference_knows_every_reason() -> None:
    text = (Path(__file__).parents[3] / "docs/reference/metrics.md").read_text()
    families = {re.sub(r"_\dxx$", "_1xx", reason) for reason in REASONS}
    assert {reason for reason in families if f"`{reason}`" not in text} == set()
