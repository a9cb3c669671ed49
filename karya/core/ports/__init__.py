"""The interfaces between the rooms, with the contract of each call. Every port has one conformance suite."""

from karya.core.ports.clock import Clock
from karya.core.ports.connectors import ActionRunner, AttemptContext, Connector
from karya.core.ports.queue import Consumer, Producer, Resolve, WorkerInfo
from karya.core.ports.scheduling import Agenda, Contended, DueTask, LockHolder, LockLease, Locks
from karya.core.ports.service import JobService
from karya.core.ports.store import (
    Claim,
    Claims,
    Commit,
    Commits,
    ErrorLogRepository,
    JobRepository,
    Page,
    Renewal,
    Submission,
    TaskRepository,
    UserRepository,
)

__all__ = [
    "ActionRunner",
    "Agenda",
    "AttemptContext",
    "Claim",
    "Claims",
    "Clock",
    "Commit",
    "Commits",
    "Connector",
    "Consumer",
    "Contended",
    "DueTask",
    "ErrorLogRepository",
    "JobRepository",
    "JobService",
    "LockHolder",
    "LockLease",
    "Locks",
    "Page",
    "Producer",
    "Renewal",
    "Resolve",
    "Submission",
    "TaskRepository",
    "UserRepository",
    "WorkerInfo",
]
