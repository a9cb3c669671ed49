"""The state machine: the table is complete, ends are ends, and decide() answers every outcome (I2, I6)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from karya.core.errorlog import MAX_ERROR_CHARACTERS
from karya.core.outcome import LEASE_EXPIRED, Failure, Outcome, Stopped, Success
from karya.core.retry import RetryPolicy
from karya.core.task import OPEN_STATES, TaskState
from karya.core.transitions import (
    LEGAL,
    Attempt,
    Move,
    Transition,
    bury,
    cancel,
    claim,
    decide,
    discard,
    heeding_cancel,
    redrive,
    release,
    reopen,
    retry,
    skip,
    stop,
    succeed,
    unblock,
)

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TERMINAL = set(TaskState) - OPEN_STATES
CONSTRUCTED = {
    Move.UNBLOCK: unblock(NOW),
    Move.CLAIM: claim("lease", "worker-1"),
    Move.SKIP: skip("not needed", NOW),
    Move.REDRIVE: redrive(NOW),
    Move.REOPEN: reopen(["a"], {"b": TaskState.SUCCEEDED}),
    Move.DISCARD: discard(NOW),
    Move.SUCCEED: succeed("{}", NOW, NOW),
    Move.RETRY: retry(NOW, "boom", NOW, NOW),
    Move.BURY: bury("boom", "last attempt", NOW, NOW),
    Move.RELEASE: release("draining"),
    Move.CANCEL: cancel("by request", NOW),
}

failures = st.builds(
    Failure, st.text(), permanent=st.booleans(), retry_after=st.none() | st.timedeltas()
) | st.just(LEASE_EXPIRED)
outcomes: st.SearchStrategy[Outcome] = st.one_of(st.builds(Success), st.builds(Stopped, st.text()), failures)
policies = st.builds(RetryPolicy, max_attempts=st.integers(1, 5))
moments = st.timedeltas(timedelta(0), timedelta(days=1)).map(lambda passed: NOW + passed)


def attempt(number: int = 1, policy: RetryPolicy | None = None, started_at: datetime | None = NOW) -> Attempt:
    return Attempt("task", number, policy or RetryPolicy(max_attempts=3), started_at)


def test_every_move_is_in_the_table_and_has_a_constructor() -> None:
    assert set(LEGAL) == set(Move)
    assert CONSTRUCTED.keys() == set(Move)


@pytest.mark.parametrize("move", CONSTRUCTED)
def test_constructor_makes_the_move_of_its_name(move: Move) -> None:
    transition = CONSTRUCTED[move]
    assert transition.move is move
    assert (transition.sources, transition.target) == LEGAL[move]


def test_only_who_mends_or_gives_up_a_dead_letter_leads_out_of_an_end() -> None:
    ways_out = {(move, source) for move, (sources, _) in LEGAL.items() for source in sources & TERMINAL}
    assert ways_out == {
        (Move.REDRIVE, TaskState.DEAD),
        (Move.DISCARD, TaskState.DEAD),
        (Move.REOPEN, TaskState.SKIPPED),
    }


def test_nothing_leads_out_of_what_was_achieved_or_cancelled() -> None:
    for end in (TaskState.SUCCEEDED, TaskState.CANCELLED):
        assert not [move for move, (sources, _) in LEGAL.items() if end in sources]


def test_a_redriven_task_has_all_its_attempts_again() -> None:
    changes = redrive(NOW + SECOND).changes
    assert (changes["attempts"], changes["due_at"], changes["finished_at"]) == (0, NOW + SECOND, None)


def test_a_reopened_step_waits_again_for_what_has_not_ended() -> None:
    changes = reopen({"c", "a"}, {"b": TaskState.DEAD}).changes
    assert (changes["waiting_on"], changes["outcomes"]) == (["a", "c"], {"b": "DEAD"})
    assert (changes["finished_at"], changes["reason"]) == (None, None)


def test_every_open_state_can_reach_every_end_it_should() -> None:
    def reachable(state: TaskState) -> set[TaskState]:
        found, todo = set[TaskState](), {state}
        while todo:
            found |= todo
            todo = {target for sources, target in LEGAL.values() if sources & todo} - found
        return found

    assert reachable(TaskState.BLOCKED) == set(TaskState)
    assert reachable(TaskState.READY) == set(TaskState)  # back to BLOCKED over SKIPPED and a redrive
    assert reachable(TaskState.RUNNING) >= TERMINAL


def test_a_task_runs_only_by_claim_and_ends_only_from_running_cancel_or_skip() -> None:
    assert {move for move, (_, target) in LEGAL.items() if target is TaskState.RUNNING} == {Move.CLAIM}
    assert LEGAL[Move.CLAIM][0] == {TaskState.READY}
    for move in (Move.SUCCEED, Move.BURY, Move.RETRY, Move.RELEASE):
        assert LEGAL[move][0] == {TaskState.RUNNING}


@given(outcomes, policies, st.integers(1, 6), st.none() | moments, moments)
def test_decide_is_total(
    outcome: Outcome, policy: RetryPolicy, number: int, started_at: datetime | None, now: datetime
) -> None:
    transition = decide(attempt(number, policy, started_at), outcome, None, now)
    assert TaskState.RUNNING in transition.sources
    match outcome:
        case Success():
            assert transition.move is Move.SUCCEED
        case Stopped():
            assert transition.move is Move.CANCEL
        case Failure(permanent=permanent):
            last = permanent or number >= policy.max_attempts
            assert transition.move is (Move.BURY if last else Move.RETRY)


@given(policies, st.integers(1, 5), moments)
def test_retry_is_never_earlier_than_the_backoff(policy: RetryPolicy, number: int, now: datetime) -> None:
    transition = decide(attempt(number, policy), Failure("boom"), None, now)
    if transition.move is Move.RETRY:
        due_at = transition.changes["due_at"]
        assert due_at >= now + policy.wait_after(number, "task")
        assert due_at.microsecond % 1000 == 0, "the store would cut it to an earlier millisecond"


@pytest.mark.parametrize("failure", [Failure("boom"), Failure("boom", permanent=True)])
def test_a_failure_keeps_its_time(failure: Failure) -> None:
    """However late it is stored: the backoff counts from it."""
    assert decide(attempt(), failure, None, NOW).failed_at == NOW


@pytest.mark.parametrize("move", CONSTRUCTED)
def test_a_requested_cancel_stops_what_would_go_on_but_not_what_was_achieved(move: Move) -> None:
    stopped = {Move.RETRY, Move.BURY, Move.RELEASE}
    heeded = heeding_cancel(CONSTRUCTED[move], cancelled=True, now=NOW)
    assert heeded.move is (Move.CANCEL if move in stopped else move)
    assert heeding_cancel(CONSTRUCTED[move], cancelled=False, now=NOW) is CONSTRUCTED[move]


@pytest.mark.parametrize("move", [Move.RETRY, Move.BURY, Move.RELEASE, Move.CANCEL])
def test_a_cancel_for_another_reason_than_the_jobs_end_keeps_its_reason(move: Move) -> None:
    heeded = heeding_cancel(CONSTRUCTED[move], cancelled=True, now=NOW, reason="a later one came")
    assert (heeded.move, heeded.changes["reason"]) == (Move.CANCEL, "a later one came")


def test_success_keeps_the_result_and_clears_the_error() -> None:
    transition = decide(attempt(), Success(), '{"n":1}', NOW + SECOND)
    assert transition == succeed('{"n":1}', NOW, NOW + SECOND)
    assert (transition.changes["error"], transition.changes["reason"]) == (None, None)


def test_success_without_a_recorded_start_counts_as_started_now() -> None:
    assert decide(attempt(started_at=None), Success(), None, NOW).changes["started_at"] == NOW


def test_stopped_cancels_with_its_reason() -> None:
    assert decide(attempt(), Stopped("too late"), None, NOW) == stop("too late", NOW, NOW)


@pytest.mark.parametrize(
    ("outcome", "number", "reason"),
    [
        (Failure("boom"), 3, "attempt 3 of 3 failed"),
        (Failure("boom", permanent=True), 1, "permanent failure: never retried"),
        (Failure("boom", code="http.404"), 1, "the retry policy does not retry 'http.404'"),
    ],
)
def test_dead_letter_says_why(outcome: Failure, number: int, reason: str) -> None:
    policy = RetryPolicy(max_attempts=3, retry_on=("error", "timeout"))
    expected = bury("boom", reason, NOW, NOW, code=outcome.code)
    assert replace(decide(attempt(number, policy), outcome, None, NOW), earliest={}) == expected


@pytest.mark.parametrize(("number", "move"), [(1, Move.RETRY), (3, Move.BURY)])
def test_a_failure_tells_its_code(number: int, move: Move) -> None:
    transition = decide(attempt(number), Failure("boom", code="http.503"), None, NOW)
    assert (transition.move, transition.code) == (move, "http.503")


@pytest.mark.parametrize("number", [1, 3])
def test_a_long_error_is_cut_before_it_is_stored(number: int) -> None:
    transition = decide(attempt(number), Failure("x" * 20_000_000), None, NOW)
    assert len(transition.changes["error"]) <= MAX_ERROR_CHARACTERS


class OneTask(RuleBasedStateMachine):
    """A task that is claimed, handed back, cancelled, redriven and fails in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.policy = RetryPolicy(max_attempts=3, delay=2 * SECOND)
        self.state = TaskState.READY
        self.now = self.due_at = self.earliest = NOW
        self.attempts = 0

    def apply(self, transition: Transition) -> None:
        assert self.state in transition.sources
        self.state = transition.target
        self.due_at = transition.changes.get("due_at", self.due_at)

    @rule(passed=st.timedeltas(timedelta(0), timedelta(minutes=1)))
    def time_passes(self, passed: timedelta) -> None:
        self.now += passed

    @precondition(lambda self: self.state is TaskState.READY and self.now >= self.due_at)
    @rule()
    def claim(self) -> None:
        assert self.now >= self.earliest
        self.apply(Transition(Move.CLAIM))
        self.attempts += 1

    @precondition(lambda self: self.state is TaskState.RUNNING)
    @rule(outcome=st.sampled_from([Success(), Stopped(), Failure("boom"), Failure("no", permanent=True)]))
    def ends(self, outcome: Outcome) -> None:
        self.apply(decide(attempt(self.attempts, self.policy), outcome, None, self.now))
        self.earliest = self.now + self.policy.delay

    @precondition(lambda self: self.state is TaskState.RUNNING)
    @rule()
    def handed_back(self) -> None:
        self.apply(release("draining"))
        self.attempts -= 1
        self.earliest = self.now

    @precondition(lambda self: self.state is TaskState.DEAD)
    @rule()
    def redriven(self) -> None:
        self.apply(redrive(self.now))
        self.attempts = 0
        self.earliest = self.now

    @precondition(lambda self: self.state is TaskState.DEAD)
    @rule()
    def discarded(self) -> None:
        self.apply(discard(self.now))

    @precondition(lambda self: self.state in OPEN_STATES)
    @rule()
    def cancelled(self) -> None:
        self.apply(cancel("by request", self.now))

    @invariant()
    def never_more_attempts_than_the_policy_says(self) -> None:
        assert self.attempts <= self.policy.max_attempts
        if self.state is TaskState.READY:
            assert self.attempts < self.policy.max_attempts


test_any_course_of_a_task_keeps_the_policy = OneTask.TestCase


@pytest.mark.parametrize("failure", [Failure("boom"), Failure("boom", permanent=True)])
def test_a_failure_tells_when_it_all_began(failure: Failure) -> None:
    policy, claimed = RetryPolicy(max_attempts=3), NOW + SECOND
    began = Attempt("task", 1, policy, NOW + 2 * SECOND, NOW, claimed)
    assert decide(began, failure, None, NOW).earliest == {
        "first_started_at": NOW + 2 * SECOND,
        "first_due_at": NOW,
    }
    lost = Attempt("task", 1, policy, None, NOW, claimed)
    assert decide(lost, failure, None, NOW).earliest["first_started_at"] == claimed
    assert decide(began, Success(), None, NOW).earliest == {}, "the one attempt says it already"
