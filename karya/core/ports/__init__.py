"""The interfaces between the rooms, with the contract of each call. Every port has one conformance suite."""

from karya.core.ports.accounts import AccountService, TokenRepository, UserRepository
from karya.core.ports.clock import Clock
from karya.core.ports.connectors import (
    ActionRunner,
    AttemptContext,
    Connector,
    RunRemote,
    Submit,
    Tools,
)
from karya.core.ports.limits import Limits, Woken
from karya.core.ports.position import Position
from karya.core.ports.queue import Consumer, PoolLoad, Producer, Resolve, WorkerInfo
from karya.core.ports.scheduling import (
    Agenda,
    DueKey,
    DueTask,
    Extension,
    Gap,
    LockHolder,
    LockLease,
    Locks,
)
from karya.core.ports.service import JobService
from karya.core.ports.slots import Admission, Admissions, Holder, Slots
from karya.core.ports.store import (
    Claim,
    Claims,
    Commit,
    Commits,
    ErrorLogRepository,
    JobRepository,
    Page,
    Renewal,
    StepCounts,
    StepResult,
    Submission,
    TaskRepository,
)

__all__ = [
    "AccountService",
    "ActionRunner",
    "Admission",
    "Admissions",
    "Agenda",
    "AttemptContext",
    "Claim",
    "Claims",
    "Clock",
    "Commit",
    "Commits",
    "Connector",
    "Consumer",
    "DueKey",
    "DueTask",
    "ErrorLogRepository",
    "Extension",
    "Gap",
    "Holder",
    "JobRepository",
    "JobService",
    "Limits",
    "LockHolder",
    "LockLease",
    "Locks",
    "Page",
    "PoolLoad",
    "Position",
    "Producer",
    "Renewal",
    "Resolve",
    "RunRemote",
    "Slots",
    "StepCounts",
    "StepResult",
    "Submission",
    "Submit",
    "TaskRepository",
    "TokenRepository",
    "Tools",
    "UserRepository",
    "Woken",
    "WorkerInfo",
]
