"""The server: every call of a client, and the part that answers it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping

from karya.actors.metrics import Figures, ServerMetrics
from karya.actors.server.changing import Changing
from karya.actors.server.checking import Checking
from karya.actors.server.checks import Checks
from karya.actors.server.health import Health, Probe
from karya.actors.server.reading import Reading
from karya.actors.server.steering import Steering
from karya.actors.server.submissions import Submissions
from karya.actors.server.telling import Telling
from karya.core.action import Action
from karya.core.chaining import SpecRules
from karya.core.ports import Clock, ErrorLogRepository, JobRepository, TaskRepository, UserRepository
from karya.core.ports.ledger import Auditor
from karya.core.ports.letters import LetterService
from karya.core.ports.lifecycle import History, Lifecycle
from karya.core.ports.looks import Looks
from karya.core.ports.queue import Poke
from karya.core.ports.traces import Traces
from karya.core.spec import JobSpec
from karya.core.why import Crew


class Server:
    """Implements `JobService`."""

    def __init__(
        self,
        rules: SpecRules,
        jobs: JobRepository,
        tasks: TaskRepository,
        lifecycle: Lifecycle,
        history: History,
        error_logs: ErrorLogRepository,
        looks: Looks,
        users: UserRepository,
        letters: LetterService,
        auditor: Auditor,
        clock: Clock,
        metrics: ServerMetrics,
        poke: Poke,
        probes: Mapping[str, Probe],
        gather: Callable[[], Awaitable[Iterable[Figures]]],
        crew: Callable[[], Awaitable[Crew]],
        traces: Traces | None = None,
    ) -> None:
        checks = Checks(users, rules)
        submissions = Submissions(jobs, checks, clock, metrics, poke, traces)
        reading = Reading(jobs, tasks, error_logs, history, checks, clock)
        telling = Telling(jobs, tasks, looks, clock, crew)
        steering = Steering(jobs, tasks, lifecycle, clock, metrics, poke, traces)
        changing = Changing(rules.spec_type, jobs, tasks, lifecycle, checks, clock, poke)
        health = Health(probes, gather)

        self.spec_type: type[JobSpec[Action]] = rules.spec_type
        self.needs_token = rules.needs_token
        self.submit = submissions.submit
        self.submit_many = submissions.submit_many

        self.get = reading.get
        self.list = reading.list
        self.job_lines = reading.job_lines
        self.tasks = reading.tasks
        self.errors = reading.errors
        self.summary = reading.summary
        self.versions = reading.versions
        self.occurrences = reading.occurrences
        self.preview = reading.preview
        self.why = telling.why
        self.story = telling.story
        self.standing = telling.standing
        self.check = Checking(rules.spec_type, jobs, checks, clock).check

        self.cancel = steering.cancel
        self.pause = steering.pause
        self.resume = steering.resume
        self.trigger = steering.trigger
        self.skip_next = steering.skip_next
        self.update = changing.update

        self.task = letters.task
        self.letter_lines = letters.letter_lines
        self.letter_count = letters.letter_count
        self.letter_groups = letters.letter_groups
        self.dead_letters = letters.dead_letters
        self.redrive = letters.redrive
        self.redrive_all = letters.redrive_all
        self.discard = letters.discard
        self.discard_all = letters.discard_all

        self.audit = auditor.audit

        self.readiness = health.readiness
        self.metrics = health.metrics
