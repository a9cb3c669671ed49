"""What happens in the demo: jobs are submitted, shown while they run, and one of them is brought back."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import karya
from karya.cli.demo_board import Board, executions
from karya.cli.demo_check import Expected
from karya.cli.demo_jobs import (
    BROKEN,
    WEEKDAYS,
    DemoJob,
    by_calendar,
    dying,
    failing_twice,
    in_steps,
    one_time,
    recurring,
    redriven,
)
from karya.cli.demo_target import DemoTarget
from karya.cli.hosting import Hosted
from karya.cli.output import note, say

_PATIENCE_SECONDS = 30
_LOOK_EVERY = 0.2


class Play:
    """The demo on a running cluster: half of it over HTTP, half over the actor handle."""

    def __init__(self, cluster: Hosted, target: DemoTarget) -> None:
        self.in_time = True
        self._cluster = cluster
        self._target = target
        self._handle = karya.connect()
        self._client = karya.Client(cluster.url, token="")

    def run(self) -> list[Expected]:
        """Plays it; what the target must have seen by now."""
        self._look_ahead()
        jobs = self._submit_all()
        expected = [one for job in jobs for one in job.expected]
        with Board() as board:
            self._watch(jobs, board)
            expected.append(self._bring_back(jobs[-1]))
            self._watch(jobs, board)
        return expected

    def _look_ahead(self) -> None:
        schedule = WEEKDAYS["schedule"]
        instants = self._client.preview(WEEKDAYS, 3).instants
        zone = ZoneInfo(schedule["timezone"])
        days = ", ".join(at.astimezone(zone).strftime("%a %d %b %H:%M") for at in instants)
        say(f"The next instants of {schedule['expression']!r} in {zone}: {days}")

    def _submit_all(self) -> list[DemoJob]:
        by_handle, submit, url = self._handle.submit, self._client.submit, self._target.url
        return [
            one_time(submit, url),
            recurring(by_handle, url),
            failing_twice(submit, url),
            in_steps(by_handle, url),
            by_calendar(self._client.preview, submit, url, datetime.now(UTC)),
            dying(by_handle, url),
        ]

    def _watch(self, jobs: Sequence[DemoJob], board: Board) -> None:
        """Shows the executions until all have ended, or for so long."""
        wanted = sum(job.tasks for job in jobs)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            rows = executions({job.name: self._handle.summary(job.id) for job in jobs})
            board.show(rows)
            if sum(row.ended for row in rows) >= wanted:
                return
            self._cluster.wait(_LOOK_EVERY)
        self.in_time = False
        note(f"karya: not everything was done after {_PATIENCE_SECONDS} s")

    def _bring_back(self, job: DemoJob) -> Expected:
        """Redrives the job's dead letter, its target mended."""
        letters = list(self._client.letters(job_id=job.id))
        for letter in letters:
            say(f"dead letter of {job.name!r}: {letter.reason}: {letter.error}")
        self._target.mend(BROKEN)
        now = datetime.now(UTC)
        for letter in letters:
            self._handle.redrive(letter.id)
        say("the target is mended and the dead letter redriven")
        return redriven(job, now)
