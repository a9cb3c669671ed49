"""`karya simulate`, of stored and of declared jobs."""

import json
from pathlib import Path
from typing import Any

from tests.integration.actors.counter import Counter
from tests.integration.declared.conftest import Command

PERIOD = ("--from", "2090-01-01T00:00:00Z", "--for", "2h")


async def test_stored_jobs(karya: Command, server: Counter) -> None:
    every = {"kind": "cron", "expression": "30 * * * *"}
    for number in range(25):
        await submitted(server, name=f"job-{number:02}", schedule=every)
    often = {
        "kind": "interval",
        "every": "PT1M",
        "start_at": "2026-01-01T00:00:30Z",
    }  # on no full minute
    await submitted(server, name="often", schedule=often)
    paused = await submitted(server, name="paused", schedule=every)
    await server.server.pause(paused)
    done = await karya("simulate", *PERIOD, "--json")
    assert "1 paused job" in done.stderr
    found = json.loads(done.stdout)
    assert (found["jobs"], found["starts"]) == (26, 25 * 2 + 120)
    peak = found["peaks"][0]
    assert (peak["at"], peak["distinct"] >= 25, peak["jobs"][0]["name"]) == (
        "2090-01-01T00:30:00.000Z",
        True,
        "job-00",
    )
    assert found["running"]["most"] >= 25
    assert found["warnings"] == ["25 jobs start at 00:30:00 UTC, and 1 time more: spread them with jitter"]


async def submitted(server: Counter, **spec: Any) -> str:
    model = server.server.spec_type.model_validate({"action": {"type": "noop"}, **spec})
    return (await server.server.submit(model)).id


async def test_declared_jobs_need_no_cluster_and_no_secrets(karya: Command) -> None:
    Path("jobs.yaml").write_text(
        "name: a\nschedule: {kind: interval, every: PT1M}\n"
        "action: {type: rest, url: 'http://127.0.0.1/', headers: {authorization: '${env:NOWHERE}'}}\n"
    )
    drawn = (await karya("simulate", "jobs.yaml", *PERIOD)).stdout.splitlines()
    assert drawn[0].startswith("1 job starts 119 times, 2090-01-01T00:00:00.000Z to")
    assert [line.split()[-1] for line in drawn if line.startswith("2090-01-01 0")] == ["59", "60"]
    assert "at most 1 at once" in "\n".join(drawn)

    Path("jobs.yaml").write_text(
        "name: a\nschedule:\n  kind: interval\n  every: soon\naction: {type: noop}\n"
    )
    wrong = await karya("simulate", "jobs.yaml")
    assert (wrong.exit_code, "jobs.yaml:4: schedule.every: write" in wrong.stderr) == (2, True)
    for option in (
        ("--for", "0h"),
        ("--for", "40d"),
        ("--for", "long"),
        ("--from", "now"),
        ("--duration", "x"),
    ):
        assert (await karya("simulate", "jobs.yaml", *option)).exit_code == 2


async def test_a_cron_job_starts_at_the_very_beginning_too(karya: Command) -> None:
    Path("cron.yaml").write_text(
        'name: c\nschedule: {kind: cron, expression: "0 0 * * *"}\naction: {type: noop}\n'
    )
    found = json.loads((await karya("simulate", "cron.yaml", *PERIOD, "--json")).stdout)
    assert found["per_minute"] == [{"at": "2090-01-01T00:00:00.000Z", "starts": 1}]
