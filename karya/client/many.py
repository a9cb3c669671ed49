"""The operations that submit many jobs, and the one that waits for the end of a job."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b

from karya.client.asking import Asking
from karya.client.jobs import JOBS, job_path
from karya.client.operation import Operation
from karya.client.request import Repeat, Request, get, written_as_json
from karya.core.errors import FieldError, InvalidInput
from karya.core.job import LIVE_STATES
from karya.core.spec import Spec, wire_of
from karya.core.views import BatchView, JobView, SummaryView

_LINES = "application/x-ndjson"
_MOST_BYTES = 16 * 1024 * 1024
_FIRST_LOOK_SECONDS = 0.05
_MOST_LOOK_SECONDS = 1.0

Tell = Callable[[int], object]
"""Receives how many jobs are stored by now."""


class ManyCalls(Asking):
    """Submit many, wait."""

    @Operation
    async def submit_many(self, specs: Iterable[Spec], *, key: str | None = None) -> Sequence[str]:
        """Stores up to 10,000 jobs in one request; returns their ids, in the order given. Raises
        InvalidInput, which names item and field (`3.schedule.every`), before any is stored. `key` as for
        `submit`."""
        lines = [_line(number, spec) for number, spec in enumerate(specs)]
        return await self._batch(lines, self._key(key)) if lines else ()

    @Operation
    async def submit_all(
        self,
        specs: Iterable[Spec],
        *,
        key: str | None = None,
        chunk: int = 1000,
        progress: Tell | None = None,
    ) -> Sequence[str]:
        """Stores any number of jobs, `chunk` (1 to 10,000) or 16 MiB of them in a request; returns their
        ids, in the order given. `specs` is read as it goes; `progress` is told after each chunk how many are
        stored.

        What is stored before an error stays. Call again with the same `key`, `chunk` and jobs in the same
        places, a wrong one corrected: what is stored is not stored twice. Raises InvalidInput, which names
        the item among all of them.
        """
        if not 1 <= chunk <= 10_000:
            raise InvalidInput.at("chunk", f"{chunk}: a request takes 1 to 10,000 jobs")
        whole = self._key(key)
        ids: list[str] = []
        for lines in _chunks((_line(number, spec) for number, spec in enumerate(specs)), chunk):
            try:
                ids += await self._batch(lines, whole and _key_of(whole, len(ids), lines))
            except InvalidInput as error:
                raise InvalidInput(_moved(found, len(ids)) for found in error.errors) from None
            if progress is not None:
                progress(len(ids))
        return tuple(ids)

    @Operation
    async def wait(
        self,
        job_id: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - who blocks has no other way to say it
    ) -> SummaryView:
        """Waits until a job has ended, COMPLETED or CANCELLED; its summary, the `counts` of which tell how
        many of its tasks are DEAD. Raises NotFound, and TimeoutError when it goes on after `timeout`
        seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = _FIRST_LOOK_SECONDS
        while (job := await self._view(get(job_path(job_id)), JobView)).status in LIVE_STATES:
            left = pause if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(
                    f"job {job_id} is still {job.status} after {timeout:g} s: `why` says what for"
                )
            await self._transport.sleep(min(pause, left))
            pause = min(1.5 * pause, _MOST_LOOK_SECONDS)
        return await self._view(get(f"{job_path(job_id)}/summary"), SummaryView)

    async def _batch(self, lines: Sequence[bytes], key: str | None) -> Sequence[str]:
        asked = Request("POST", f"{JOBS}/batch", Repeat.KEYED, b"\n".join(lines), _LINES, key)
        return (await self._view(asked, BatchView)).ids


def _line(number: int, spec: Spec) -> bytes:
    try:
        return written_as_json(wire_of(spec))
    except InvalidInput as error:
        raise InvalidInput.at(str(number), error.errors[0].message) from None


def _chunks(lines: Iterator[bytes], most: int) -> Iterator[Sequence[bytes]]:
    chunk: list[bytes] = []
    size = 0
    for line in lines:
        if chunk and (len(chunk) == most or size + len(line) > _MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += len(line)
    if chunk:
        yield chunk


def _key_of(whole: str, start: int, lines: Sequence[bytes]) -> str:
    """The key of a chunk: with what is in it, so that a corrected one is a request of its own."""
    digest = blake2b(digest_size=16)
    for line in lines:
        digest.update(line + b"\n")
    return f"{whole[:200]}:{start}:{digest.hexdigest()}"


def _moved(error: FieldError, start: int) -> FieldError:
    number, dot, field = error.field.partition(".")
    return FieldError(f"{int(number) + start}{dot}{field}", error.message) if number.isdecimal() else error
