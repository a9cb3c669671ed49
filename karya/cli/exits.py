"""What the exit codes of `karya` mean: the only place that decides."""

from enum import IntEnum

from karya.core.errors import ConfigError, InvalidInput, KaryaError


class Exit(IntEnum):
    """The exit codes."""

    OK = 0
    FAILED = 1
    """What was asked for did not happen: a part does not answer, the gateway refuses, the demo fails."""
    USAGE = 2
    """What was given is wrong: the command line, a setting, a path, a port, an address, a job."""
    NOT_READY = 3
    """`karya status`: the gateway answers, but jobs cannot run."""
    VIOLATIONS = 4
    """`karya audit`: it ran, and the ledger is not clean."""
    DIFFERENT = 5
    """`karya apply --dry-run`: what is stored is not what is declared."""
    INTERRUPTED = 130
    """A signal came before the work was done."""


class Interrupted(KaryaError):
    """A signal asked for the end."""


def exit_for(error: KaryaError) -> Exit:
    """The exit code for an error that ends a command."""
    match error:
        case Interrupted():
            return Exit.INTERRUPTED
        case ConfigError() | InvalidInput():
            return Exit.USAGE
        case _:
            return Exit.FAILED
