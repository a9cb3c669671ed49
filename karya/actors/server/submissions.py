"""Taking jobs in, one by one or many at once."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime

from karya.actors.metrics import ServerMetrics
from karya.actors.server.checks import Checks
from karya.actors.server.news import news_of
from karya.core.action import Action
from karya.core.breaths import in_breaths
from karya.core.coalesce import Coalescer
from karya.core.errors import FieldError, InvalidInput, StoreUnavailable
from karya.core.fields import MOST_ERRORS
from karya.core.ids import MOST_NUMBERED, minted_at, new_id, numbered_id
from karya.core.job import LIVE_STATES, Job, new_job, warnings_of
from karya.core.occurrence import opening
from karya.core.ports import Clock, JobRepository, Submission
from karya.core.ports.queue import Poke
from karya.core.ports.traces import Traces
from karya.core.spec import JobSpec
from karya.core.times import floor_millis
from karya.core.trace import Trace
from karya.core.views import JobView
from karya.core.words import how_many

_MOST_TOGETHER = 500
_MOST_IN_CHUNK = 1_000
_HEAVIEST_BYTES = 16 * 1024 * 1024
"""How much of what users wrote goes into one transaction: it has to fit into the database's cache."""
_HEAVIEST_NAMED_BYTES = 4 * _HEAVIEST_BYTES
"""The same for those of a batch that have names, which are stored all or none. Measured: the smallest cache
(256 MiB) takes two such at once."""
_DOCUMENT_BYTES = 1024
"""What a job or a task takes besides, roughly: with jitter a job may begin with a hundred tasks."""
_UNTRACED = nullcontext(None)


class Submissions:
    """Submissions that arrive together are stored in one transaction; a batch goes in chunks of its own."""

    def __init__(
        self,
        jobs: JobRepository,
        checks: Checks,
        clock: Clock,
        metrics: ServerMetrics,
        poke: Poke,
        traces: Traces | None = None,
    ) -> None:
        self._jobs = jobs
        self._checks = checks
        self._clock = clock
        self._metrics = metrics
        self._poke = poke
        self._traces = traces
        self._group: Coalescer[Submission, None] = Coalescer(
            self._store,
            _MOST_TOGETHER,
            weigh=_weight,
            heaviest=_HEAVIEST_BYTES,
            hopeless=(StoreUnavailable,),  # they have waited for as long as the store is waited for
            halved=(Exception,),  # what is wrong with one of them is not the others' business
        )

    async def submit(self, spec: JobSpec[Action], *, key: str | None = None) -> JobView:
        """See `JobService.submit`."""
        ident, created_at = self._mint() if key is None else (key, minting(key))
        await self._checks.check(spec, set())
        with self._traced(ident) as trace:
            submission = submission_of(new_job(spec, created_at, ident=ident, trace=trace))
            with self._metrics.submit_seconds.time():
                if spec.name is None:
                    await self._group.add(submission)
                else:  # a name that is taken must not fail those who come at the same time
                    await self._store([submission])
        job = submission.job if key is None else await self._stored(submission.job)
        return JobView.of(job, self._now(), warnings_of(spec, created_at))

    async def submit_many(self, specs: Sequence[JobSpec[Action]], *, key: str | None = None) -> Sequence[str]:
        """See `JobService.submit_many`."""
        whole, created_at = self._mint() if key is None else (key, minting(key))
        with self._traced(whole, len(specs)) as trace:
            belongs_to = trace.followed() if trace else None
            submissions = await self._checked(specs, whole, created_at, belongs_to)
            for chunk in _chunks(submissions):
                await self._store(chunk)
        return [submission.job.id for submission in submissions]

    async def _checked(
        self, specs: Sequence[JobSpec[Action]], whole: str, created_at: datetime, trace: Trace | None
    ) -> Sequence[Submission]:
        if len(specs) > MOST_NUMBERED:
            raise InvalidInput.at("", f"{how_many(len(specs), 'job')}; at most {MOST_NUMBERED:,} at once")
        submissions: list[Submission] = []
        errors: list[FieldError] = []
        users: set[str] = set()
        async for number, spec in in_breaths(specs):
            try:
                await self._checks.check(spec, users)
                job = new_job(spec, created_at, ident=numbered_id(whole, number), trace=trace)
                submissions.append(submission_of(job))
            except InvalidInput as error:
                errors += [FieldError(f"{number}.{e.field}", e.message) for e in error.errors]
            if len(errors) >= MOST_ERRORS:
                break
        if not errors:
            errors += await self._clashes([submission.job for submission in submissions])
            errors += _too_heavy(_named(submissions))
        if errors:
            raise InvalidInput(errors[:MOST_ERRORS])
        return submissions

    async def _clashes(self, jobs: Sequence[Job]) -> Sequence[FieldError]:
        """The items whose name an earlier item has, or a stored job that is still live."""
        errors = list[FieldError]()
        items: dict[tuple[str | None, str], int] = {}
        for number, job in enumerate(jobs):
            if (
                job.name is not None
                and (first := items.setdefault((job.user_id, job.name), number)) != number
            ):
                errors.append(FieldError(f"{number}.name", f"{job.name!r} is the name of item {first}, too"))
        for user_id in {user_id for user_id, _ in items}:
            names = [name for owner, name in items if owner == user_id]
            for name, holder in (await self._jobs.named(user_id, names)).items():
                number = items[(user_id, name)]
                if holder.status in LIVE_STATES and holder.id != jobs[number].id:
                    errors.append(FieldError(f"{number}.name", f"{name!r} is taken by job {holder.id}"))
        return errors

    async def _store(self, submissions: Sequence[Submission]) -> Sequence[None]:
        await self._jobs.submit(submissions)
        self._metrics.submitted.inc(len(submissions))
        self._metrics.submit_jobs.observe(len(submissions))
        self._poke(*news_of(submissions, self._now()))
        return [None] * len(submissions)

    async def _stored(self, job: Job) -> Job:
        """The job as an earlier submission under this key may have left it."""
        return await self._jobs.get(job.id) or job

    def _traced(self, ident: str, jobs: int | None = None) -> AbstractContextManager[Trace | None]:
        return _UNTRACED if self._traces is None else self._traces.submission(ident, jobs)

    def _mint(self) -> tuple[str, datetime]:
        now = self._now()
        return new_id(now), now

    def _now(self) -> datetime:
        return floor_millis(self._clock.now())


def minting(key: str) -> datetime:
    """When this key was minted; InvalidInput for what is no key."""
    try:
        return minted_at(key)
    except ValueError as error:
        raise InvalidInput.at("key", f"mint one with karya.new_key(): {error}") from None


def submission_of(job: Job) -> Submission:
    """The job with the tasks that it begins with."""
    return Submission(*opening(job))


def _named(submissions: Sequence[Submission]) -> Sequence[Submission]:
    return [submission for submission in submissions if submission.job.name is not None]


def _too_heavy(named: Sequence[Submission]) -> Sequence[FieldError]:
    weight = sum(map(_weight, named))
    if weight <= _HEAVIEST_NAMED_BYTES:
        return ()
    message = (
        f"{len(named):,} jobs with names, which are stored all or none, come to {weight:,} bytes with "
        f"their first tasks; at most {_HEAVIEST_NAMED_BYTES:,} at once: send them in several batches"
    )
    return [FieldError("", message)]


def _weight(submission: Submission) -> int:
    """About how many bytes the submission stores: the actions stand in the job and again in its tasks, as do
    the hooks in each of them."""
    return (1 + len(submission.tasks)) * (submission.job.text_bytes + _DOCUMENT_BYTES)


def _chunks(submissions: Sequence[Submission]) -> Iterator[Sequence[Submission]]:
    """Names first and together: one that somebody takes at this moment refuses all of the batch."""
    if named := _named(submissions):
        yield named
    chunk: list[Submission] = []
    weight = 0
    for submission in submissions:
        if submission.job.name is not None:
            continue
        weight += _weight(submission)
        if chunk and (len(chunk) == _MOST_IN_CHUNK or weight > _HEAVIEST_BYTES):
            yield chunk
            chunk, weight = [], _weight(submission)
        chunk.append(submission)
    if chunk:
        yield chunk
