"""What became of failed attempts, told from the error log and from how the task stands."""

from typing import Any

import pytest

from karya.core.audit.records import LogRecord, TaskRecord
from karya.core.audit.story import NOTHING_FAILED, Became, story_of
from karya.core.errorlog import log_id
from karya.core.occurrence import VERSION_TOKENS
from karya.core.retry import RetryPolicy
from karya.core.task import TaskKind, TaskState
from karya.core.transitions import DISCARDED
from tests.support.story import NOW, at

RETRIED, BURIED, STOPPED, UNCLEAR = Became
S = TaskState


def task(status: TaskState, attempts: int, token: int, **more: Any) -> TaskRecord:
    plain = {"id": "t", "job_id": "j", "version": 1, "user_id": None, "kind": TaskKind.STEP, "step": "main"}
    times = {"cause": "at:x", "instant": NOW, "count": 1, "due_at": NOW, "retry": RetryPolicy(max_attempts=3)}
    return TaskRecord(**{**plain, **times, "status": status, "attempts": attempts, "token": token, **more})


def logs(*attempts: tuple[int, int]) -> list[LogRecord]:
    """Failed attempts by token and number."""
    return [LogRecord(log_id("t", token), "t", number, at(token)) for token, number in attempts]


@pytest.mark.parametrize(
    ("stands", "failed", "became"),
    [
        (task(S.READY, 1, 1), [(1, 1)], [RETRIED]),
        (task(S.READY, 0, 1), [(1, 1)], [BURIED]),  # redriven
        (task(S.READY, 1, 2), [(1, 1)], [RETRIED]),  # handed back since
        (task(S.READY, 0, 2), [(1, 1)], [BURIED]),  # redriven, and handed back
        (task(S.RUNNING, 2, 2), [(1, 1)], [RETRIED]),
        (task(S.RUNNING, 1, 2), [(1, 1)], [BURIED]),
        (task(S.SUCCEEDED, 3, 3), [(1, 1), (2, 2)], [RETRIED, RETRIED]),
        (task(S.SUCCEEDED, 1, 3), [(1, 1), (2, 2)], [RETRIED, BURIED]),
        (task(S.SUCCEEDED, 2, 3), [(1, 1), (2, 1)], [BURIED, RETRIED]),
        (task(S.DEAD, 3, 3), [(1, 1), (2, 2), (3, 3)], [RETRIED, RETRIED, BURIED]),
        (task(S.DEAD, 1, 1), [(1, 1)], [BURIED]),
        (task(S.CANCELLED, 1, 1, reason=DISCARDED), [(1, 1)], [BURIED]),
        (task(S.CANCELLED, 1, 1, cancel_requested=True), [(1, 1)], [STOPPED]),
        (task(S.CANCELLED, 1, 1), [(1, 1)], [RETRIED]),
        (task(S.CANCELLED, 0, 1), [(1, 1)], [BURIED]),
        (task(S.CANCELLED, 3, 3), [(1, 1), (2, 2)], [RETRIED, RETRIED]),
        (task(S.CANCELLED, 1, 2), [(1, 1)], [UNCLEAR]),
        (task(S.CANCELLED, 1, 4), [(1, 1), (2, 2), (3, 3)], [RETRIED, RETRIED, BURIED]),
        (task(S.SUCCEEDED, 1, 1), [(1, 1)], [None]),  # two outcomes
        (task(S.SUCCEEDED, 1, 3), [(1, 1), (2, 3)], [None, BURIED]),  # one is missing
        (task(S.DEAD, 2, 1), [(1, 1)], [None]),
        (task(S.RUNNING, 4, 4), [(1, 1), (2, 2), (3, 3)], [RETRIED, RETRIED, None]),  # one too many
    ],
)
def test_what_became_of_it(
    stands: TaskRecord, failed: list[tuple[int, int]], became: list[Became | None]
) -> None:
    told = story_of(stands, logs(*failed))
    assert [one.became for one in told.failed] == became
    assert [(one.token, one.attempt, one.at) for one in told.failed] == [(t, n, at(t)) for t, n in failed]
    assert told.is_redriven is bool({BURIED, UNCLEAR} & set(became))
    assert told.strays == 0


def test_tokens_lie_apart_by_the_version() -> None:
    base = 2 * VERSION_TOKENS
    told = story_of(task(S.READY, 1, base + 5, version=3), logs((base + 4, 1)))
    assert [one.token for one in told.failed] == [base + 4]


@pytest.mark.parametrize("token", [3, 2 * VERSION_TOKENS])
def test_a_token_that_the_task_has_not_had_is_astray(token: int) -> None:
    told = story_of(task(S.READY, 1, 2), logs((2, 1), (token, 2)))
    assert (len(told.failed), told.strays) == (1, 1)


def test_without_a_log_nothing_has_failed() -> None:
    assert story_of(task(S.SUCCEEDED, 1, 1), []) is NOTHING_FAILED
