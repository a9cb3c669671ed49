"""Holds what is stored now against what was stored before an act: every difference must follow from the act,
and what must follow from a difference has to be there, too."""

from tests.model.acts import Act
from tests.model.ledger import Ledger
from tests.model.rules import hooks, jobs, limits, names, tasks
from tests.model.snapshot import Snapshot


def observe(ledger: Ledger, act: Act, now: Snapshot) -> None:
    """AssertionError, with the act and what is wrong, when Karya has broken a promise."""
    before, ledger.seen = ledger.seen, now
    try:
        made = jobs.check(ledger, act, before, now)
        tasks.check(ledger, act, before, now, made)
        hooks.check(ledger, before, now)
        limits.check(ledger, act, before, now)
        names.check(now)
    except AssertionError as error:
        error.add_note(f"at {ledger.now}, in: {act}")
        raise
