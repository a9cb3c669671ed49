"""Why attempts end as they do, in few words: what failures are counted by.

A failure's `code` is free: it may hold a status, or the name of somebody's exception. A metric with such a
label would grow without end, so what is counted is one word of this closed table.
"""

from collections.abc import Mapping

from karya.core.outcome import Failure, Outcome, Success
from karya.core.transitions import Move

ENDS: Mapping[Move, str] = {
    Move.SUCCEED: "succeeded",
    Move.RETRY: "retried",
    Move.BURY: "dead",
    Move.CANCEL: "cancelled",
    Move.RELEASE: "handed_back",
}
"""What an attempt that ended with this move of its task is called where attempts are counted and traced."""

OK, CANCELLED, DRAINED, LOST, OTHER = "ok", "cancelled", "drained", "lease_lost", "other"
"""`drained`: handed back by a worker that stops. `other`: a code of a connector that Karya does not know."""

_PLAIN = frozenset(
    {
        "address",
        "answer",
        "conflict",
        "connection",
        "error",
        "exception",
        "function",
        "invalid_action",
        "kafka",
        "lease_expired",
        "no_connector",
        "not_configured",
        "process",
        "redirect",
        "refused",
        "request",
        "result",
        "slack",
        "smtp",
        "template",
        "timeout",
        "tls",
        "unavailable",
    }
)
_BY_STATUS = frozenset({"http", "smtp"})
REASONS = frozenset(
    {OK, CANCELLED, DRAINED, LOST, OTHER, *_PLAIN}
    | {f"{family}_{digit}xx" for family in _BY_STATUS for digit in (1, 2, 3, 4, 5)}
)
"""All there are."""


def reason_of(outcome: Outcome | None) -> str:
    """The word for this outcome; None stands for that of a worker which does not judge it any more."""
    match outcome:
        case Success():
            return OK
        case Failure(code=code):
            return _of_code(code)
        case None:
            return DRAINED
        case _:
            return CANCELLED


def _of_code(code: str) -> str:
    """`http.503` is `http_5xx`, `exception.ValueError` is `exception`."""
    family, _, detail = code.partition(".")
    if family in _BY_STATUS and detail[:1] in ("1", "2", "3", "4", "5"):
        return f"{family}_{detail[0]}xx"
    return family if family in _PLAIN else OTHER
