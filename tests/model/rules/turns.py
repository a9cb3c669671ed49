"""In which order tasks are handed over (decision 0045): users in turn, and of one user's the more urgent job
first."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from karya.core.hint import Hint
from tests.model.ledger import Ledger


def had_turns(ledger: Ledger, hints: Sequence[Hint]) -> None:
    """Nobody starves: while a user has something to do no other has more turns than its weight and one."""
    left = Counter(hint.user_id for hint in hints)
    passed: dict[str | None, Counter[str | None]] = defaultdict(Counter)
    for hint in hints:
        left[hint.user_id] -= 1
        passed[hint.user_id].clear()
        for user in (user for user in +left if user != hint.user_id):
            passed[user][hint.user_id] += 1
            most = ledger.heaviest[hint.user_id] + 1
            assert passed[user][hint.user_id] <= most, f"{hint.user_id!r} again, and {user!r} waits: {hints}"
    ledger.moves["several had turns"] += len(passed) > 1


def handed_over(ledger: Ledger, hints: Sequence[Hint]) -> None:
    """What a scheduler hands over together, its moment has come."""
    last: dict[str | None, Hint] = {}
    for hint in hints:
        before = last.get(hint.user_id)
        assert before is None or before.priority >= hint.priority, f"{before} before {hint}"
        last[hint.user_id] = hint
        book = ledger.books.get(hint.job_id)
        if book is not None and hint.kind.value == "step":
            of_job = {terms.sharing.priority for terms in book.versions.values()}
            assert hint.priority in of_job and hint.user_id == book.terms.sharing.owner, f"not {hint}"
