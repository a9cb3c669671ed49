"""The commands that steer jobs, handle dead letters and manage who may do so, on one running cluster.

Each runs inside this process, since starting Python a hundred times would take minutes; that the installed
command works at all is shown by test_up.py.
"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from karya.cli.main import app
from karya.client import AsyncClient, Client
from karya.core.job import JobState
from karya.core.task import TaskState
from tests.integration.cli.command import Up, await_nothing_left
from tests.support.eventually import eventually
from tests.support.target import Target, respond

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]

NIGHTLY = """
description: Nightly report
tags: [reports]
schedule: {kind: cron, expression: "0 2 * * *", timezone: Europe/Berlin}
steps: [{name: extract, action: {type: noop}}, {name: load, after: [extract], action: {type: noop}}]
"""
HOURLY = '{"schedule": {"kind": "interval", "every": "PT1H"}, "description": "Hourly report"}'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("commands")
    with Up(home, "--workers", "1") as up:
        up.await_url()
        yield home
        assert karya(home, "down").exit_code == 0
    await_nothing_left(home)


def karya(home: Path, *arguments: str, text: str = "", token: str | None = None) -> Result:
    """Runs one command to its end."""
    settings = {"KARYA_DATA_DIR": str(home / ".karya"), "KARYA_TOKEN": token}
    return CliRunner(env=settings).invoke(app, arguments, input=text)


def said(home: Path, *arguments: str, text: str = "", token: str | None = None) -> str:
    """What a command that succeeds prints."""
    done = karya(home, *arguments, text=text, token=token)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def data(home: Path, *arguments: str, text: str = "") -> Any:
    """The same for a program."""
    return json.loads(said(home, *arguments, "--json", text=text))


def refused(home: Path, *arguments: str, text: str = "", code: int = 1, token: str | None = None) -> str:
    """Why a command does nothing."""
    done = karya(home, *arguments, text=text, token=token)
    assert (done.exit_code, done.stdout) == (code, ""), done.stderr
    return done.stderr


def submitted(home: Path, spec: str) -> str:
    ident: str = data(home, "submit", "-", text=spec)["id"]
    return ident


def test_a_job_is_paused_explained_resumed_and_changed(home: Path) -> None:
    job = submitted(home, NIGHTLY)
    waiting = said(home, "why", job).splitlines()
    assert waiting[0].startswith(f"{job}  active; the next instant is ")
    assert any("extract" in line and "is due at" in line for line in waiting)
    assert any("load" in line and "waits for step 'extract' to end" in line for line in waiting)

    assert said(home, "pause", job) == f"{job}  PAUSED  Nightly report\n"
    paused = data(home, "why", job)
    assert (paused["text"], {wait["kind"] for wait in paused["tasks"]}) == ("paused", {"pause"})
    refusal = refused(home, "trigger", job, code=7)
    assert refusal == f"karya: job {job} is paused: it cannot be triggered; `karya resume` lets it go on\n"
    assert said(home, "resume", job).startswith(f"{job}  ACTIVE, next at ")

    changed = data(home, "update", job, "-", text=HOURLY)
    assert (changed["schedule"]["kind"], changed["description"]) == ("interval", "Hourly report")
    assert [step["name"] for step in changed["steps"]] == ["extract", "load"]


def test_a_wrong_change_is_refused_and_changes_nothing(home: Path) -> None:
    job = submitted(home, NIGHTLY)
    before = data(home, "jobs", "--limit", "1")
    assert refused(home, "update", job, "-", text='{"shedule": {}}', code=2).startswith(
        "karya: refused: shedule: unknown field"
    )
    assert "a mapping with the fields to change" in refused(home, "update", job, "-", text="[]", code=2)
    assert refused(home, "update", "nope", "-", text=HOURLY, code=6).startswith("karya: no job 'nope'; ")
    assert data(home, "jobs", "--limit", "1") == before


def test_one_occurrence_is_run_at_once_and_one_is_left_out(home: Path) -> None:
    job = submitted(home, NIGHTLY)
    following = data(home, "skip", job)
    assert [task["status"] for task in following["tasks"]] == ["SKIPPED", "SKIPPED"]
    assert said(home, "skip", job).endswith("  extract SKIPPED, load SKIPPED\n")
    assert said(home, "trigger", job).endswith("  extract READY, load BLOCKED\n")
    eventually(lambda: "2 SUCCEEDED" in said(home, "job", job), 30, "the triggered occurrence")
    shown = said(home, "job", job).splitlines()
    assert shown[1] == "steps extract, load; 0 2 * * * Europe/Berlin"
    ran = [line.split()[1] for line in shown if "SUCCEEDED" in line and "tasks:" not in line]
    assert ran == ["extract", "load"]


def test_jobs_are_found_by_tag_and_by_text(home: Path) -> None:
    tagged = submitted(home, '{"action": {"type": "noop"}, "tags": ["blue"], "description": "Ünique words"}')
    other = submitted(home, '{"action": {"type": "noop"}}')
    assert [job["id"] for job in data(home, "jobs", "--tag", "blue")["jobs"]] == [tagged]
    found = said(home, "jobs", "--text", "UNIQUE WORDS".replace("U", "ü", 1))
    assert tagged in found
    assert other not in found
    nothing = karya(home, "jobs", "--tag", "green")
    assert (nothing.exit_code, nothing.stdout, nothing.stderr) == (0, "", "no jobs\n")
    assert "status: must be 'ACTIVE', 'PAUSED'" in refused(home, "jobs", "--status", "X", code=2)


def test_a_dead_letter_is_shown_redriven_and_another_discarded(home: Path) -> None:
    with Target.running() as target:
        url = target.at("/mended", respond(500, "boom"), respond(200))
        mended = dead(home, url)
        given_up = dead(home, target.at("/broken", respond(500)))
        listed = said(home, "letters", "list", "--job", mended)
        assert "status 500: boom" in listed
        (letter,) = data(home, "letters", "list", "--job", mended)["tasks"]
        story = said(home, "letters", "show", letter["id"]).splitlines()
        assert story[0] == f"{letter['id']}  DEAD  attempt 1 of 1 failed"
        assert story[1].startswith(f"main of job {mended}, instant ")
        assert story[2].endswith("attempt 1: status 500: boom")

        assert said(home, "letters", "redrive", letter["id"]).startswith(letter["id"])
        eventually(lambda: "1 SUCCEEDED" in said(home, "job", mended), 30, "the redriven task")
        assert len(target.calls_to("/mended")) == 2
        assert "it is no dead letter" in refused(home, "letters", "discard", letter["id"], code=7)
        assert karya(home, "wait", given_up).exit_code == 9
        assert said(home, "letters", "discard", "--job", given_up) == "1 dead letter discarded\n"
        assert said(home, "letters", "redrive", "--job", given_up) == "0 dead letters redriven\n"
    assert "name a dead letter, or say which to discard" in refused(home, "letters", "discard", code=2)
    assert refused(home, "letters", "show", "nope", code=6).startswith("karya: no task 'nope'; ")


def dead(home: Path, url: str) -> str:
    """A job whose only attempt fails."""
    spec = {"action": {"type": "rest", "url": url}, "retry": {"max_attempts": 1}}
    job = submitted(home, json.dumps(spec))
    eventually(lambda: "1 DEAD" in said(home, "job", job), 30, f"the death of job {job}")
    return job


def test_users_get_in_with_their_tokens_as_far_as_their_role_goes(home: Path) -> None:
    assert said(home, "user", "add", "ada", "--role", "viewer").endswith("  viewer  ada\n")
    assert refused(home, "user", "add", "ada", code=7) == "karya: the name 'ada' is taken; choose another\n"
    assert "role: must be 'viewer', 'user' or 'admin'" in refused(
        home, "user", "add", "bob", "--role", "boss", code=2
    )
    assert "ada" in said(home, "user", "list")

    issued = karya(home, "token", "create", "ada", "--label", "laptop")
    assert "cannot be shown again" in issued.stderr
    ada = issued.stdout.strip()
    listed = said(home, "token", "list", "ada")
    assert ("laptop" in listed, ada in listed) == (True, False)
    assert said(home, "status", token=ada).startswith("ready at ")
    assert said(home, "jobs", token=ada) == ""
    assert "a viewer only reads" in refused(home, "submit", "-", text=NIGHTLY, token=ada, code=8)
    assert "managed by admins" in refused(home, "user", "list", token=ada, code=8)

    (token,) = data(home, "token", "list", "ada")["tokens"]
    assert karya(home, "token", "revoke", token["id"]).stderr == f"karya: token {token['id']} is revoked\n"
    assert "not known, or has expired or been revoked" in refused(home, "jobs", token=ada, code=8)
    assert refused(home, "token", "revoke", token["id"], code=6).startswith(
        f"karya: no token {token['id']!r}; "
    )
    assert refused(home, "token", "create", "nobody", code=6).startswith("karya: no user 'nobody'; ")


def test_many_jobs_are_submitted_once_and_waited_for(home: Path) -> None:
    jobs = "\n".join(
        f'{{"action": {{"type": "noop"}}, "tags": ["many"], "description": "{n}"}}' for n in range(7)
    )
    first = said(home, "submit-many", "-", "--key", "seven", "--chunk", "3", text=jobs).split()
    assert said(home, "submit-many", "-", "--key", "seven", "--chunk", "3", text=jobs).split() == first
    for job in first:
        assert said(home, "wait", job, "--timeout", "60").startswith(f"{job}  COMPLETED")
    listed = data(home, "jobs", "--tag", "many", "--created-after", "2026-01-01T00:00:00Z")["jobs"]
    assert sorted(job["id"] for job in listed) == sorted(first)


def test_both_clients_on_the_real_gateway(home: Path) -> None:
    url = data(home, "status")["url"]
    with Client(url) as client:
        job = client.submit({"action": {"type": "noop"}}, key="once")
        assert client.submit({"action": {"type": "noop"}}, key="once").id == job.id
        assert client.wait(job.id, timeout=60).counts[TaskState.SUCCEEDED] == 1
        again = client.submit({"action": {"type": "noop"}, "schedule": {"kind": "once", "after": "PT1H"}})
        assert len({client.trigger(again.id, key="now").tasks[0].id for _ in range(3)}) == 1
        tasks = client.job_tasks(again.id)
        assert sorted(task.cause.partition(":")[0] for task in tasks) == ["at", "trigger"]
        assert client.audit(job_id=again.id).is_clean

    async def awaited() -> None:
        async with AsyncClient(url) as awaiting:
            assert (await awaiting.cancel(again.id)).status is JobState.CANCELLED
            assert again.id in [found.id async for found in awaiting.jobs(status="CANCELLED")]

    asyncio.run(awaited())
