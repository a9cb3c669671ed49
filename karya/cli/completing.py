"""What a shell is told about the values of a half-written command: those of the newest hundred.

The shells put what they are told into lines that they evaluate: zsh a description too, with what is behind a
backslash. So only values that need no quotes are told, and descriptions without what a shell knows.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import typer

Found = Iterator[tuple[str, str]]
"""Values, each with a few words about it."""

_MOST = 100
_VALUE = re.compile(r"\w[\w.:/@+-]*")
_NO_WORDS = re.compile(r"[^\w.,/@+-]+")
_LONGEST = 60
_STATES: Mapping[str | None, str] = {
    "pause": "ACTIVE",
    "trigger": "ACTIVE",
    "skip": "ACTIVE",
    "resume": "PAUSED",
}
"""Of the jobs in which state a command makes sense; the others take any."""


def job_ids(ctx: typer.Context) -> Found:
    """Ids of jobs, with their names."""
    return _told((job["id"], _about(job)) for job in _jobs(ctx, status=_STATES.get(ctx.info_name)))


def job_names(ctx: typer.Context) -> Found:
    """Names of jobs."""
    return _told((job["name"], job["description"]) for job in _jobs(ctx))


def job_tags(ctx: typer.Context) -> Found:
    """Tags of jobs."""
    return _told((tag, "") for job in _jobs(ctx) for tag in job["tags"])


def job_sets(ctx: typer.Context) -> Found:
    """Sets of declared jobs."""
    return _told((job["set"], "") for job in _jobs(ctx))


def letter_ids(ctx: typer.Context) -> Found:
    """Ids of dead letters, with what went wrong."""
    letters = _letters(ctx, job_id=ctx.params.get("job"))
    return _told((task["id"], f"{task['step']} {task['error'] or ''}") for task in letters)


def letter_steps(ctx: typer.Context) -> Found:
    """Steps that are dead letters."""
    return _told((task["step"], "") for task in _letters(ctx, job_id=ctx.params.get("job")))


def letter_jobs(ctx: typer.Context) -> Found:
    """Ids of jobs with dead letters."""
    return _told((task["job_id"], task["error"] or "") for task in _letters(ctx))


def user_ids(ctx: typer.Context) -> Found:
    """Ids of users, with their names."""
    return _told((user["id"], user["name"]) for user in _listed(ctx, "/v1/users", "users"))


def user_names(ctx: typer.Context) -> Found:
    """Names of users."""
    return _told((user["name"], user["role"]) for user in _listed(ctx, "/v1/users", "users"))


def _jobs(ctx: typer.Context, **query: Any) -> Iterable[Mapping[str, Any]]:
    return _listed(ctx, "/v1/jobs", "jobs", **query)


def _letters(ctx: typer.Context, **query: Any) -> Iterable[Mapping[str, Any]]:
    return _listed(ctx, "/v1/dead-letters", "tasks", **query)


def _listed(ctx: typer.Context, path: str, field: str, **query: Any) -> Iterable[Mapping[str, Any]]:
    """A page of this list, from the gateway that the line names so far."""
    from karya.cli.asking import asked  # it brings http.client, and commands are to start at once

    url, data_dir = ctx.params.get("url"), ctx.params.get("data_dir")
    found: Iterable[Mapping[str, Any]] = asked(url, data_dir, path, limit=_MOST, **query).get(field, ())
    return found


def _about(job: Mapping[str, Any]) -> str:
    words: str = job["name"] or job["description"] or job["status"]
    return words


def _told(pairs: Iterable[tuple[str | None, str]]) -> Found:
    """Each value once, as far as shells can be told; what is not as expected ends the list."""
    told: set[str] = set()
    with suppress(LookupError, TypeError):
        for value, words in pairs:
            if value is not None and value not in told and _VALUE.fullmatch(value):
                told.add(value)
                yield value, _NO_WORDS.sub(" ", words).strip()[:_LONGEST]
