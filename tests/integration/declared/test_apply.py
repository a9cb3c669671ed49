"""`karya apply` and `karya export`, by a real gateway on the real store."""

import json
from pathlib import Path
from typing import Any

import pytest

from karya.core.job import JobState
from karya.core.queries import JobQuery
from karya.core.views import JobView
from tests.integration.actors.counter import Counter
from tests.integration.declared.conftest import Command

NIGHTLY = """\
name: nightly
description: the report
tags: [reports]
schedule: {kind: cron, expression: "0 2 * * *", timezone: Europe/Berlin}
action:
  type: rest
  url: http://127.0.0.1:9/report
  headers: {authorization: "Bearer ${env:REPORT_TOKEN}"}
---
name: hourly
schedule: {kind: interval, every: PT1H}
steps:
  - {name: extract, action: {type: noop}}
  - {name: load, after: [extract], action: {type: noop}}
"""
TOKEN = {"REPORT_TOKEN": "s3cret-value"}


async def jobs(server: Counter, **query: Any) -> dict[str, JobView]:
    """The live jobs that have a name."""
    page = await server.server.list(JobQuery(**query), cursor=None, limit=100)
    return {job.name: job for job in page.jobs if job.name and job.status is not JobState.CANCELLED}


async def test_declared_jobs_are_made_changed_in_place_and_pruned(karya: Command, server: Counter) -> None:
    Path("jobs.yaml").write_text(NIGHTLY)
    looked = await karya("apply", "jobs.yaml", "--set", "reports", "--dry-run", **TOKEN)
    assert (looked.exit_code, await jobs(server)) == (11, {})
    assert "+ nightly" in looked.stdout
    assert "2 to create, 0 unchanged" in looked.stdout
    assert "s3cret-value" not in looked.output

    made = await karya("apply", "jobs.yaml", "--set", "reports", "--yes", **TOKEN)
    assert (made.exit_code, made.stdout.splitlines()[-1]) == (0, "done: 2 created")
    before = await jobs(server, set="reports")
    nightly = before["nightly"].action
    assert nightly is not None
    assert nightly["headers"] == {"authorization": "Bearer s3cret-value"}
    again = await karya("apply", "jobs.yaml", "--set", "reports", "--dry-run", **TOKEN)
    assert (again.exit_code, again.stdout) == (0, "2 unchanged\nnothing to do\n")
    assert (await karya("apply", "jobs.yaml", **TOKEN)).stdout.endswith("nothing to do\n"), "a set stays"

    Path("jobs.yaml").write_text(NIGHTLY.replace("PT1H", "PT30M").replace("[extract]", "[]"))
    changed = await karya("apply", "jobs.yaml", "--set", "reports", "--yes", "--json", **TOKEN)
    (hourly,) = [one for one in json.loads(changed.stdout)["jobs"] if one["kind"] == "change"]
    assert {one["field"]: (one["old"], one["new"]) for one in hourly["fields"]} == {
        "schedule.every": ("PT1H", "PT30M"),
        "steps.1.after": ('["extract"]', "[]"),
    }
    after = await jobs(server)
    assert (after["hourly"].id, after["hourly"].version) == (before["hourly"].id, 2)
    assert after["hourly"].created_at == before["hourly"].created_at
    assert after["nightly"] == before["nightly"]

    await server.server.submit(
        server.server.spec_type.model_validate({"name": "own", "action": {"type": "noop"}})
    )
    Path("jobs.yaml").write_text(NIGHTLY.split("---\n")[1])
    kept = await karya("apply", "jobs.yaml", "--set", "reports", "--yes", **TOKEN)
    assert kept.exit_code == 0
    assert set(await jobs(server)) == {"hourly", "nightly", "own"}, "without --prune all stay"
    pruned = await karya("apply", "jobs.yaml", "--set", "reports", "--prune", "--yes")
    assert "- nightly" in pruned.stdout
    assert set(await jobs(server)) == {"hourly", "own"}


async def test_all_that_is_wrong_is_told_by_file_line_and_field_and_nothing_is_done(
    karya: Command, server: Counter
) -> None:
    Path("a.yaml").write_text("name: fine\nschedule: {kind: interval, every: PT1H}\naction: {type: noop}\n")
    Path("b.yaml").write_text(
        "name: fine\nschedule:\n  kind: interval\n  every: soon\naction: {type: noop}\n---\nname: past\n"
        "schedule: {kind: once, after: PT1H}\naction: {type: noop}\n"
    )
    local = await karya("apply", "a.yaml", "b.yaml", "--yes")
    assert local.exit_code == 2
    assert "b.yaml:8: schedule.after: a declared job that runs once needs an instant" in local.stderr
    assert "b.yaml:1: name: 'fine' is declared at a.yaml:1, too" in local.stderr
    Path("b.yaml").write_text(
        "name: x\ntags: [fine, a b]\nschedule:\n  kind: interval\n  every: soon\nation: {}\n"
    )
    remote = await karya("apply", ".", "--yes")
    assert remote.exit_code == 2
    for problem in (
        "b.yaml:2: tags.1: a tag is",
        "b.yaml:5: schedule.every: write",
        "b.yaml:6: ation: unknown",
    ):
        assert problem in remote.stderr, remote.stderr
    Path("b.yaml").write_text("name: x\nname: y\n")
    assert "b.yaml:2: 'name' is given twice" in (await karya("apply", "b.yaml", "--yes")).stderr
    assert await jobs(server) == {}


async def test_it_asks_and_where_nobody_can_be_asked_it_does_nothing(karya: Command, server: Counter) -> None:
    job = '{"name": "a", "schedule": {"kind": "interval", "every": "PT1H"}, "action": {"type": "noop"}}'
    asked = await karya("apply", "-", text=job)
    assert (asked.exit_code, await jobs(server)) == (2, {})
    assert "give --yes" in asked.stderr
    assert (await karya("apply", "-", "--yes", text=job)).exit_code == 0
    assert (await karya("apply", "-", "--prune", "--yes", text=job)).exit_code == 2
    assert (await karya("apply", "-", "--json", text=job)).exit_code == 2


async def test_a_job_that_somebody_changes_meanwhile_is_left_alone(
    karya: Command, server: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = '{"name": "a", "schedule": {"kind": "interval", "every": "%s"}, "action": {"type": "noop"}}'
    await karya("apply", "-", "--yes", text=job % "PT1H")
    ident = (await jobs(server))["a"].id
    check = server.server.check

    async def meanwhile(written: Any) -> Any:
        found = await check(written)
        await server.server.update(ident, {"description": "mine"})
        return found

    monkeypatch.setattr(server.server, "check", meanwhile)
    late = await karya("apply", "-", "--yes", text=job % "PT2H")
    assert late.exit_code == 7
    assert "0 of 1 are done; apply again to see what is left" in late.stderr
    assert "is at version 2, not 1" in late.stderr
    assert (await jobs(server))["a"].description == "mine"


async def test_what_has_completed_is_done_and_what_is_over_is_left_out(
    karya: Command, server: Counter
) -> None:
    once = "name: launch\nschedule: {kind: once, at: %s}\naction: {type: noop}\n"
    over = await karya("apply", "-", "--yes", text=once % "2020-01-01T00:00:00Z")
    assert (over.exit_code, await jobs(server)) == (0, {})
    assert "! launch: left out, since its last instant has passed" in over.stdout

    await karya("apply", "-", "--yes", text=once % "2090-01-01T00:00:00Z")
    (job,) = (await jobs(server)).values()
    await server.kit.jobs.complete_solo([job.id], job.created_at)
    done = await karya("apply", "-", "--yes", text=once % "2090-01-01T00:00:00Z")
    assert done.stdout == "1 unchanged\nnothing to do\n"
    new = await karya("apply", "-", "--yes", text=once % "2091-01-01T00:00:00Z")
    assert new.stdout.endswith("done: 1 created\n")


async def test_an_export_is_what_apply_takes_without_its_secrets(karya: Command, server: Counter) -> None:
    await karya("apply", "-", "--yes", "--set", "reports", text=NIGHTLY, **TOKEN)
    await server.server.submit(server.server.spec_type.model_validate({"action": {"type": "noop"}}))
    exported = await karya("export", "--all")
    assert "s3cret" not in exported.stdout
    assert "authorization: ${redacted}" in exported.stdout
    assert "has no name" in exported.stderr
    Path("out.yaml").write_text(exported.stdout)
    refused = await karya("apply", "out.yaml", "--yes")
    assert refused.exit_code == 2
    assert "action.headers.authorization: is a secret that the export left out" in refused.stderr

    whole = await karya("export", "--set", "reports", "--with-secrets", "-o", "out.yaml")
    assert (whole.exit_code, whole.stdout) == (0, "")
    same = await karya("apply", "out.yaml", "--dry-run")
    assert (same.exit_code, same.stdout) == (0, "2 unchanged\nnothing to do\n")
    programs = await karya("export", "--all", "--with-secrets", "--json")
    assert [job["name"] for job in json.loads(programs.stdout)] == ["nightly", "hourly"]
    assert (await karya("apply", "-", "--dry-run", text=programs.stdout)).stdout == same.stdout
    text = Path("out.yaml").read_text()
    assert "set: reports" in text
    assert "max_attempts" not in text, "what goes without saying is not said"
    assert (await karya("export")).exit_code == 2
