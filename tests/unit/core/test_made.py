"""What is made without checks is what the checks would have made."""

from copy import deepcopy
from typing import Any

import pytest
from pydantic import BaseModel

from karya.core.action import NoopAction
from karya.core.job import Cursor, Job, new_job
from karya.core.made import unchecked
from karya.core.occurrence import opening
from karya.core.spec import JobSpec
from karya.core.task import Task
from karya.core.views import JobView
from tests.support.story import NOW

SPECS: list[dict[str, Any]] = [
    {"action": {"type": "noop"}},
    {"action": {"type": "noop"}, "tags": ["a", "b"], "user_id": "ann", "priority": 1, "timeout": "PT5S"},
    {
        "schedule": {"kind": "interval", "every": "PT1S", "jitter": "PT0.5S"},
        "steps": [
            {"name": "a", "action": {"type": "noop"}},
            {"name": "b", "action": {"type": "noop"}, "after": ["a"], "retry": {"max_attempts": 2}},
        ],
        "hooks": [{"trigger": "ON_RETRY", "action": {"type": "noop"}}],
        "rate": {"key": "k", "limit": 3, "per": "PT1S"},
        "misfire": {"policy": "skip"},
        "retention": {"other": "P1D"},
    },
]


def fields(model: BaseModel) -> dict[str, Any]:
    return {name: getattr(model, name) for name in type(model).model_fields}


@pytest.mark.parametrize("written", SPECS)
def test_jobs_and_tasks_are_those_that_pass_the_checks(written: dict[str, Any]) -> None:
    job, tasks = opening(new_job(JobSpec[NoopAction].model_validate(written), NOW))
    for made in (job, *tasks, JobView.of(job, NOW)):
        checked = type(made).model_validate(fields(made), strict=True)
        assert made == checked
        assert made.model_dump(mode="json") == checked.model_dump(mode="json")
        assert deepcopy(made) == made
        assert repr(made) == repr(checked)
    assert isinstance(job, Job)
    assert all(isinstance(task, Task) for task in tasks)


def test_what_is_left_out_has_its_default() -> None:
    (task,) = opening(new_job(JobSpec[NoopAction].model_validate(SPECS[0]), NOW))[1]
    assert (task.attempts, task.outcomes, task.lease) == (0, {}, None)


def test_it_is_frozen_as_ever() -> None:
    cursor = unchecked(Cursor)(at=NOW, count=1, exhausted=True)
    with pytest.raises(ValueError, match="frozen"):
        cursor.count = 2  # type: ignore[misc]
    assert cursor.model_copy(update={"count": 2}) == Cursor(at=NOW, count=2, exhausted=True)
    assert hash(cursor) == hash(Cursor(at=NOW, count=1, exhausted=True))
