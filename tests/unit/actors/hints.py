"""Hints told apart by their task, their token and the second in which they are due."""

from karya.core.hint import Hint
from karya.core.priority import DEFAULT_PRIORITY
from tests.support.story import NOW, at


def hint(
    name: str, due: float = 0, token: int = 0, user: str | None = None, priority: int = DEFAULT_PRIORITY
) -> Hint:
    return Hint(
        task_id=name,
        job_id="job",
        token=token,
        attempts=0,
        instant=NOW,
        due_at=at(due),
        user_id=user,
        priority=priority,
    )


def names(hints: list[Hint]) -> list[str]:
    return [hint.task_id for hint in hints]
