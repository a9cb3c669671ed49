"""The stored jobs of a cluster, as `apply`, `export` and `simulate` use them: the one place that asks."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from karya.cli.calls import gateway
from karya.cli.output import wire
from karya.core.keywords import JobChanges

if TYPE_CHECKING:
    from karya.client import Client
    from karya.core.views import CheckedView

AT_ONCE = 500
"""How many jobs one request is about."""

_LIVE = ("ACTIVE", "PAUSED")


@dataclass(frozen=True, slots=True)
class Stored:
    """Raises what the client raises."""

    client: "Client"

    def check(self, specs: Sequence[Mapping[str, Any]]) -> "Sequence[CheckedView]":
        """What submitting each of these would come to."""
        return self.client.check(specs).jobs

    def create(self, specs: Sequence[Mapping[str, Any]]) -> None:
        """Submits all of them, or none."""
        self.client.submit_many(specs)

    def update(self, job_id: str, version: int, changes: Mapping[str, Any]) -> None:
        """Changes a job, if it is still at this version."""
        self.client.update(job_id, version=version, **cast(JobChanges, changes))

    def cancel(self, job_id: str, version: int) -> None:
        """Cancels a job, if it is still at this version."""
        self.client.cancel(job_id, version=version)

    def live(self, *, set: str | None = None, tag: str | None = None) -> Iterator[Mapping[str, Any]]:
        """The jobs of this set, with this tag, that have not ended, page by page."""
        for status in _LIVE:
            yield from map(wire, self.client.jobs(status=status, set=set, tag=tag))

    def count_live(self) -> int | None:
        """How many jobs have not ended; None when they are too many to be counted."""
        seen = self.client.overview()
        live = seen.active.plus(seen.paused)
        return None if live.more else live.count

    def summary(self, job_id: str) -> Mapping[str, Any]:
        """A job with its latest tasks."""
        found: Mapping[str, Any] = wire(self.client.summary(job_id))
        return found


@contextmanager
def stored_jobs(url: str | None, data_dir: Path | None) -> Iterator[Stored]:
    """Those of the gateway that `gateway` finds. Raises as that does."""
    with gateway(url, data_dir) as client:
        yield Stored(client)
