"""Backoff: never earlier than the policy says, never more often, and the same for whoever asks (I6)."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from karya.core.outcome import Failure
from karya.core.retry import LONGEST_WAIT, Backoff, RetryPolicy, retry_wait

SECOND = timedelta(seconds=1)
FAILED = Failure("boom")

seconds = st.integers(0, 86_400).map(lambda count: count * SECOND)
policies = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 1000),
    backoff=st.sampled_from(Backoff),
    delay=seconds,
    max_delay=seconds,
    jitter=st.floats(0, 1),
)


@pytest.mark.parametrize(
    ("backoff", "waits"),
    [
        (Backoff.CONSTANT, [2, 2, 2, 2, 2]),
        (Backoff.LINEAR, [2, 4, 6, 8, 9]),
        (Backoff.EXPONENTIAL, [2, 4, 8, 9, 9]),
    ],
)
def test_wait_grows_as_named_up_to_the_cap(backoff: Backoff, waits: list[int]) -> None:
    policy = RetryPolicy(backoff=backoff, delay=2 * SECOND, max_delay=9 * SECOND, jitter=0)
    assert [policy.wait_after(attempt, "task") / SECOND for attempt in range(1, 6)] == waits


@given(policies, st.integers(1, 1000), st.text())
def test_jitter_only_adds_and_at_most_its_share(policy: RetryPolicy, attempt: int, seed: str) -> None:
    exact = policy.model_copy(update={"jitter": 0.0}).wait_after(attempt, seed)
    wait = policy.wait_after(attempt, seed)
    assert policy.delay <= exact <= max(policy.max_delay, policy.delay)
    assert exact <= wait <= exact * (1 + policy.jitter) + timedelta(microseconds=1)


def test_the_same_seed_waits_the_same_and_others_spread() -> None:
    policy = RetryPolicy(jitter=1)
    assert policy.wait_after(1, "task") == policy.wait_after(1, "task")
    assert len({policy.wait_after(1, str(task)) for task in range(100)}) == 100
    assert policy.wait_after(2, "task") != 2 * policy.wait_after(1, "task")


@given(policies, st.integers(1, 1001))
def test_a_failure_waits_unless_it_was_the_last_attempt(policy: RetryPolicy, attempt: int) -> None:
    wait = retry_wait(policy, FAILED, attempt, "task")
    if attempt >= policy.max_attempts:
        assert wait is None
    else:
        assert wait == policy.wait_after(attempt, "task")


def test_a_permanent_failure_is_never_retried() -> None:
    assert retry_wait(RetryPolicy(max_attempts=1000), Failure("no", permanent=True), 1, "task") is None


@pytest.mark.parametrize(
    ("patterns", "code", "covered"),
    [
        (("*",), "error", True),
        (("*",), "http.503", True),
        ((), "error", False),
        (("timeout",), "timeout", True),
        (("timeout",), "timeouts", False),
        (("http.5??",), "http.503", True),
        (("http.5??",), "http.5030", False),
        (("http.5??",), "http.404", False),
        (("timeout", "http.429"), "http.429", True),
        (("HTTP.*",), "http.503", False),
        (("lease_expired",), "lease_expired", True),
    ],
)
def test_only_failures_of_the_kinds_named_are_tried_again(
    patterns: tuple[str, ...], code: str, covered: bool
) -> None:
    policy = RetryPolicy(retry_on=patterns)
    failure = Failure("boom", code=code)
    assert policy.covers(failure) is covered
    assert (retry_wait(policy, failure, 1, "task") is not None) is covered


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (10 * SECOND, 10 * SECOND),
        (SECOND, 5 * SECOND),
        (-SECOND, 5 * SECOND),
        (timedelta.max, LONGEST_WAIT),
    ],
    ids=["longer", "shorter", "negative", "absurd"],
)
def test_retry_after_raises_the_backoff_but_never_lowers_it(asked: timedelta, expected: timedelta) -> None:
    policy = RetryPolicy(delay=5 * SECOND, jitter=0)
    assert retry_wait(policy, Failure("busy", retry_after=asked), 1, "task") == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_attempts", 0),
        ("max_attempts", 1001),
        ("delay", "P2D"),
        ("max_delay", "P8D"),
        ("jitter", 1.1),
        ("jitter", -0.1),
        ("jitter", float("nan")),
        ("backoff", "fibonacci"),
        ("tries", 3),
        ("retry_on", "timeout"),
        ("retry_on", ["x"] * 21),
    ],
)
def test_bad_policy_names_its_field(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        RetryPolicy.model_validate({field: value})
    assert caught.value.errors()[0]["loc"] == (field,)


def test_the_cap_bounds_the_growth_and_never_undercuts_the_delay() -> None:
    policy = RetryPolicy(delay=timedelta(hours=1), jitter=0)
    assert [policy.wait_after(number, "x") for number in (1, 2, 9)] == [timedelta(hours=1)] * 3
