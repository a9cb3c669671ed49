"""In which order tasks are handed over (decision 0045): of one user's, the more urgent job first."""

from collections.abc import Sequence

from karya.core.hint import Hint
from tests.model.ledger import Ledger


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
