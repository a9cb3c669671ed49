"""What to do next after an error, where the error itself does not say."""

from collections.abc import Mapping

from karya.core.errors import KaryaError, NotFound, Unauthenticated, Unavailable

_WHERE_TO_LOOK: Mapping[str, str] = {
    "job": "`karya jobs` lists those that are there",
    "task": "`karya tasks JOB` lists those of a job, `karya letters list` the dead ones",
    "user": "`karya user list` shows them all",
    "token": "`karya token list NAME` shows those of a user",
}


def advice(error: KaryaError) -> str | None:
    """A few words; None where there is nothing to add."""
    match error:
        case NotFound():
            return _WHERE_TO_LOOK.get(error.kind)
        case Unauthenticated():
            return "commands read the token from KARYA_TOKEN"
        case Unavailable() if str(error).startswith("no gateway answers"):
            return "`karya up` starts one; --url or --data-dir says which one is meant"
        case _:
            return None
