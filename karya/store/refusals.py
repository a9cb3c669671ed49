"""What MongoDB says when it refuses, and whether the same might be granted at another time."""

from pymongo.errors import OperationFailure, PyMongoError

_PASSING_LABELS = ("TransientTransactionError", "RetryableWriteError", "UnknownTransactionCommitResult")
_PASSING_CODES = frozenset(
    (
        *(6, 7, 89, 9001),  # HostUnreachable, HostNotFound, NetworkTimeout, SocketException
        *(91, 189, 10107, 11600, 11602, 13435, 13436),  # no primary, or none any more
        *(24, 112, 251, 290, 388),  # LockTimeout, WriteConflict, NoSuchTransaction, its lifetime, its size
        *(64, 100, 134),  # WriteConcernFailed, UnsatisfiableWriteConcern, ReadConcernMajorityNotAvailableYet
        *(43, 175, 237, 262, 11601),  # CursorNotFound, killed or interrupted, ExceededTimeLimit
        11000,  # DuplicateKey: somebody else was first, which shows at the next try
    )
)


def is_refusal(error: PyMongoError) -> bool:
    """Whether MongoDB answered, though not with what it was asked for."""
    return isinstance(error, OperationFailure)


def is_final(error: PyMongoError) -> bool:
    """Whether it is a refusal that no retry will mend: a right or an index is missing, say."""
    if not isinstance(error, OperationFailure) or error.timeout:
        return False
    return not (any(map(error.has_error_label, _PASSING_LABELS)) or _PASSING_CODES & codes_of(error))


def codes_of(error: PyMongoError) -> frozenset[int]:
    """The codes of MongoDB in this error: its own, or those of the single writes of a batch."""
    if not isinstance(error, OperationFailure):
        return frozenset()
    details = error.details or {}
    problems = [*details.get("writeErrors", ()), *details.get("writeConcernErrors", ())]
    within = frozenset(problem["code"] for problem in problems if "code" in problem)
    return within or frozenset([] if error.code is None else [error.code])
