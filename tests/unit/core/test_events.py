"""The kinds of events: every move and every change has one, and hooks and listeners speak of the same."""

import pytest

from karya.core.errors import InvalidInput
from karya.core.events import ALL_KINDS, CHANGED, MOVED, EventKind, kinds_of
from karya.core.firing import EVENT_TYPES, FIRED_BY
from karya.core.ports.lifecycle import ChangeKind
from karya.core.transitions import Move


def test_everything_that_is_done_has_a_kind_of_its_own() -> None:
    assert MOVED.keys() == set(Move)
    assert CHANGED.keys() == set(ChangeKind)
    assert len({*MOVED.values(), *CHANGED.values()}) == len(MOVED) + len(CHANGED)


def test_hooks_and_listeners_are_told_the_same_type() -> None:
    for move, (_, triggers) in FIRED_BY.items():
        assert MOVED[move] in {EVENT_TYPES[trigger] for trigger in triggers}


def test_words_name_kinds_and_families() -> None:
    assert kinds_of([]) == ALL_KINDS
    assert kinds_of(["karya.job.paused"]) == {EventKind.JOB_PAUSED}
    families = kinds_of(["karya.job", "karya.task", "karya.scheduler"])
    assert families == ALL_KINDS
    for word in ("karya", "karya.", "karya.job.", "job", "", "karya.task.paused"):
        with pytest.raises(InvalidInput, match="is no kind of event"):
            kinds_of([word])
