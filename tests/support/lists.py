"""Every list that clients can ask for, and the same list wherever else it is: what has to be there for each.

A new list of the API without a line here fails `tests/unit/api/test_lists.py`; a line whose queries nobody
explains fails `tests/integration/store/test_lists.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ListOf:
    """A list of the API."""

    command: str
    """The command that lists it, which takes --limit, --cursor and --all."""
    stream: str
    """The method of the Python clients that walks all of it."""
    queries: tuple[str, ...]
    """What the store is asked for it: names in `LISTS` of tests/integration/store/test_lists.py."""
    handle: str | None = None
    """The call of the actor handle, which has no accounts."""


LISTS: Mapping[str, ListOf] = {
    "explain_job": ListOf("why", "why_pages", ("open tasks",), "why"),
    "get_task": ListOf("task", "task_pages", ("errors of a task",), "task"),
    "list_errors": ListOf("errors", "job_errors", ("errors of a job",), "errors"),
    "list_jobs": ListOf(
        "jobs",
        "jobs",
        (
            "jobs",
            "jobs of a user",
            "jobs of a status",
            "jobs of a tag",
            "jobs of a name",
            "jobs of a set",
            "jobs of a time",
            "jobs by text",
        ),
        "list",
    ),
    "list_letters": ListOf(
        "letters list",
        "letters",
        (
            "dead letters",
            "dead letters of a user",
            "dead letters of a job",
            "dead letters of a time",
            "dead letters by text",
        ),
        "dead_letters",
    ),
    "list_tasks": ListOf("tasks", "job_tasks", ("tasks",), "tasks"),
    "list_tokens": ListOf("token list", "all_tokens", ("tokens",)),
    "list_users": ListOf("user list", "all_users", ("users",)),
    "list_versions": ListOf(
        "history", "version_pages", ("what was done to a job and skipped of it",), "versions"
    ),
}
"""By the id of the operation."""

WALKED = {"audit_ledger"}
"""Lists whose pages are as long as the server says, and which commands and clients walk to the end."""
