"""What the exit codes of `karya` mean: the only place that decides. `docs/reference/cli.md` lists them."""

from collections.abc import Mapping
from enum import IntEnum

from karya.core.errors import (
    ConfigError,
    Conflict,
    Forbidden,
    InvalidInput,
    KaryaError,
    NotFound,
    Unauthenticated,
    Unavailable,
)


class Exit(IntEnum):
    """The exit codes."""

    OK = 0
    FAILED = 1
    """What was asked for did not happen, for a reason that no other code names."""
    USAGE = 2
    """What was given is wrong: the command line, a setting, a path, a port, an address, a job."""
    NOT_READY = 3
    """`karya status`: the gateway answers, but jobs cannot run."""
    VIOLATIONS = 4
    """`karya audit`: it ran, and the ledger is not clean."""
    UNAVAILABLE = 5
    """A part that is needed does not answer, or not in time. Later it may."""
    NOT_FOUND = 6
    """There is no such job, task, user or token; or it belongs to somebody else."""
    CONFLICT = 7
    """The state of the thing forbids it: the job has ended, the name is taken."""
    DENIED = 8
    """The token is missing or unknown, or its role may not do this."""
    TASKS_FAILED = 9
    """`karya wait`: the job has ended, and was cancelled or has dead letters."""
    TIMED_OUT = 10
    """What was waited for has not come within `--timeout`, and still may."""
    DIFFERENT = 11
    """`karya apply --dry-run`: what is stored is not what is declared."""
    PARTLY = 12
    """Of a work of many parts some are done and stay so; the same command again goes on with the rest."""
    INTERRUPTED = 130
    """Ctrl-C came before the work was done; `karya up`: any signal did, before it was ready."""


ONLY: Mapping[Exit, tuple[str, ...]] = {
    Exit.NOT_READY: ("status",),
    Exit.VIOLATIONS: ("audit",),
    Exit.TASKS_FAILED: ("wait",),
    Exit.TIMED_OUT: ("wait", "down", "restart"),
    Exit.DIFFERENT: ("apply --dry-run",),
    Exit.PARTLY: ("submit-many", "apply", "letters redrive", "letters discard", "restart"),
}
"""The commands that end with a code which the others do not have."""


class Interrupted(KaryaError):
    """A signal asked for the end."""


class TimedOut(KaryaError):
    """What was waited for did not come in time."""


class Partly(KaryaError):
    """Some of the work was done before this error, of which it has the words."""

    def __init__(self, error: KaryaError) -> None:
        self.error = error
        super().__init__(str(error))


def exit_for(error: KaryaError) -> Exit:
    """The exit code for an error that ends a command."""
    match error:
        case Interrupted():
            return Exit.INTERRUPTED
        case TimedOut():
            return Exit.TIMED_OUT
        case Partly():
            return Exit.PARTLY
        case ConfigError() | InvalidInput():
            return Exit.USAGE
        case Unavailable():
            return Exit.UNAVAILABLE
        case NotFound():
            return Exit.NOT_FOUND
        case Conflict():
            return Exit.CONFLICT
        case Forbidden() | Unauthenticated():
            return Exit.DENIED
        case _:
            return Exit.FAILED
