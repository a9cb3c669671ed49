"""What to do next after an error, where the error itself does not say."""

from collections.abc import Mapping

from karya.core.errors import Conflict, Forbidden, KaryaError, NotFound, Unauthenticated, Unavailable

_WHERE_TO_LOOK: Mapping[str, str] = {
    "job": "`karya jobs` lists those that are there",
    "task": "`karya tasks JOB` lists those of a job, `karya letters list` the dead ones",
    "user": "`karya user list` shows them all",
    "token": "`karya token list NAME` shows those of a user",
}

_OF_CONFLICTS: Mapping[str, str] = {
    "is taken": "choose another",
    " is paused: it cannot": "`karya resume` lets it go on",
    " is completed: it cannot": "what has ended stays so: submit it again",
    " is cancelled: it cannot": "what has ended stays so: submit it again",
    "it is no dead letter": "`karya letters list` shows those that are there",
}
_WHICH_ONE = "--url or --data-dir says which one is meant"


def advice(error: KaryaError) -> str | None:
    """A few words; None where there is nothing to add."""
    match error:
        case NotFound():
            return _WHERE_TO_LOOK.get(error.kind)
        case Unauthenticated():
            return "commands read the token from KARYA_TOKEN; admins make one with `karya token create NAME`"
        case Forbidden():
            return "`karya whoami` says for whom the gateway takes you"
        case Conflict():
            return next((what for said, what in _OF_CONFLICTS.items() if said in str(error)), None)
        case KaryaError() if "does not answer like a Karya gateway" in str(error):
            return _WHICH_ONE
        case Unavailable() if str(error).startswith("no gateway answers"):
            return f"`karya up` starts one; {_WHICH_ONE}"
        case _:
            return None
