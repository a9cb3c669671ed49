"""What can be wrong with the ledger: each kind once, with the invariants that it breaks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Code(StrEnum):
    """The kinds of violations. Their order is that of the reference."""

    MISSING_INSTANT = "missing_instant"
    EXTRA_INSTANT = "extra_instant"
    AFTER_END = "after_end"
    BEYOND_MAX_RUNS = "beyond_max_runs"
    DUPLICATE = "duplicate"
    MISSING_STEP = "missing_step"
    EXTRA_STEP = "extra_step"
    WRONG_NUMBER = "wrong_number"
    WRONG_RANGE = "wrong_range"
    WRONG_CURSOR = "wrong_cursor"
    WRONG_HISTORY = "wrong_history"
    CUT_CHAIN = "cut_chain"
    UNREADABLE = "unreadable"

    WRONG_IDENTITY = "wrong_identity"
    WRONG_OWNER = "wrong_owner"
    NO_END = "no_end"
    NO_REASON = "no_reason"
    NO_ATTEMPT = "no_attempt"
    SKIP_WITHOUT_CAUSE = "skip_without_cause"
    TRIGGER_LOST = "trigger_lost"
    TRIGGER_WITHOUT_CAUSE = "trigger_without_cause"

    EARLY_DUE = "early_due"
    EARLY_START = "early_start"
    EARLY_RETRY = "early_retry"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    ATTEMPTS_DISAGREE = "attempts_disagree"
    TOKEN_FELL = "token_fell"  # noqa: S105
    TWO_OUTCOMES = "two_outcomes"
    NO_LEASE = "no_lease"
    LEASE_EXPIRED = "lease_expired"
    OVERDUE = "overdue"
    HELD = "held"

    NOT_HELD = "not_held"
    STARTED_IN_PAUSE = "started_in_pause"
    RAN_FROM_PAUSE = "ran_from_pause"
    OUTCOME_AFTER_CANCEL = "outcome_after_cancel"
    OPEN_AFTER_CANCEL = "open_after_cancel"
    LIVE_DESCENDANT = "live_descendant"
    OPEN_AFTER_COMPLETION = "open_after_completion"
    ENDED_EARLY = "ended_early"
    UNSETTLED = "unsettled"
    STUCK_STEP = "stuck_step"
    WRONG_GATE = "wrong_gate"

    HOOK_MISSING = "hook_missing"
    HOOK_WITHOUT_CAUSE = "hook_without_cause"


INVARIANTS: Mapping[Code, tuple[str, ...]] = {
    Code.MISSING_INSTANT: ("I1", "I2", "I5"),
    Code.EXTRA_INSTANT: ("I5",),
    Code.AFTER_END: ("I4",),
    Code.BEYOND_MAX_RUNS: ("I5",),
    Code.DUPLICATE: ("I2", "I5", "I7"),
    Code.MISSING_STEP: ("I1", "I2"),
    Code.EXTRA_STEP: ("I2",),
    Code.WRONG_NUMBER: ("I5",),
    Code.WRONG_RANGE: ("I2", "I5"),
    Code.WRONG_CURSOR: ("I5",),
    Code.WRONG_HISTORY: ("I5",),
    Code.CUT_CHAIN: ("I5", "I9"),
    Code.UNREADABLE: ("I1",),
    Code.WRONG_IDENTITY: ("I2",),
    Code.WRONG_OWNER: ("I10",),
    Code.NO_END: ("I2",),
    Code.NO_REASON: ("I1",),
    Code.NO_ATTEMPT: ("I2", "I3"),
    Code.SKIP_WITHOUT_CAUSE: ("I1",),
    Code.TRIGGER_LOST: ("I1",),
    Code.TRIGGER_WITHOUT_CAUSE: ("I2",),
    Code.EARLY_DUE: ("I4",),
    Code.EARLY_START: ("I4",),
    Code.EARLY_RETRY: ("I6",),
    Code.TOO_MANY_ATTEMPTS: ("I6",),
    Code.ATTEMPTS_DISAGREE: ("I6",),
    Code.TOKEN_FELL: ("I3",),
    Code.TWO_OUTCOMES: ("I2", "I3"),
    Code.NO_LEASE: ("I3",),
    Code.LEASE_EXPIRED: ("I3", "I9"),
    Code.OVERDUE: ("I9",),
    Code.HELD: ("I9",),
    Code.NOT_HELD: ("I4",),
    Code.STARTED_IN_PAUSE: ("I4",),
    Code.RAN_FROM_PAUSE: ("I5",),
    Code.OUTCOME_AFTER_CANCEL: ("I4", "I8"),
    Code.OPEN_AFTER_CANCEL: ("I8",),
    Code.LIVE_DESCENDANT: ("I8",),
    Code.OPEN_AFTER_COMPLETION: ("I2",),
    Code.ENDED_EARLY: ("I1", "I5"),
    Code.UNSETTLED: ("I9",),
    Code.STUCK_STEP: ("I9",),
    Code.WRONG_GATE: ("I2",),
    Code.HOOK_MISSING: ("I7",),
    Code.HOOK_WITHOUT_CAUSE: ("I7",),
}
"""Which of the invariants (docs/reference/invariants.md) each kind breaks."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation, in one sentence. It is about an instant, a task, or the job as a whole."""

    code: Code
    job_id: str
    text: str
    instant: datetime | None = None
    task_id: str | None = None
