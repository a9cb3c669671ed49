"""Bugs that Karya does not have, each put in by hand: the machine has to find them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from karya.core.ports import Commit
from karya.core.transitions import Move, Transition
from karya.store import claims, commits, fence, outcomes
from karya.store.client import Document
from tests.model.sharing_mutants import (
    greedy_weights,
    heedless_order,
    parked_in_pauses,
    uncounted_seats,
    unnoted_starts,
    untold_parking,
)
from tests.model.world.asynchronous import Asynchronous

Mutant = Callable[[pytest.MonkeyPatch], None]


def unfenced(patch: pytest.MonkeyPatch) -> None:
    """Whoever reports an outcome of a running task is believed, whatever lease it holds."""

    def filter_of(ids: Sequence[str], lease_id: str) -> Document:
        return {"_id": {"$in": list(ids)}, "status": "RUNNING"}

    patch.setattr(outcomes, "holds", lambda document, _: document["status"] == "RUNNING")
    patch.setattr(outcomes, "fence", filter_of)
    patch.setattr(commits, "fence", filter_of)


def forgetful(patch: pytest.MonkeyPatch) -> None:
    """A write whose answer was lost is not looked for: it is taken for lost when it is tried again."""
    patch.setattr(outcomes, "applied", lambda document, commit: False)
    patch.setattr(commits, "applied", lambda document, commit: False)


def hasty_reaper(patch: pytest.MonkeyPatch) -> None:
    """The reaper does not look again whether the lease has been renewed since."""
    patch.setattr(outcomes, "holds", lambda d, commit: fence.holds(d, replace(commit, seen_expiry=None)))


def hooks_apart(patch: pytest.MonkeyPatch) -> None:
    """Hooks are stored outside the transaction that fires them."""
    write = Asynchronous._write

    async def apart(self: Asynchronous, name: str, real: Any, *args: Any, **options: Any) -> Any:
        is_hooks = name == "insert_many" and args[0][0].get("kind") == "hook"
        return await write(self, name, real, *args, **{**options, **({"session": None} if is_hooks else {})})

    patch.setattr(Asynchronous, "_write", apart)


def broken_chain(patch: pytest.MonkeyPatch) -> None:
    """A step that ends does not open those behind it."""

    async def follow(*_: Any) -> list[Any]:
        return []

    patch.setattr(commits, "follow", follow)


def deaf_claims(patch: pytest.MonkeyPatch) -> None:
    """What is paused is claimed all the same."""
    claimable = claims._claimable

    def unheld(ids: list[str], token: int, now: Any) -> Document:
        return {key: value for key, value in claimable(ids, token, now).items() if key != "held"}

    patch.setattr(claims, "_claimable", unheld)


def stale_hints(patch: pytest.MonkeyPatch) -> None:
    """A hint is good for more than one claim."""
    claimable = claims._claimable

    def whatever(ids: list[str], token: int, now: Any) -> Document:
        return {key: value for key, value in claimable(ids, token, now).items() if key != "token"}

    patch.setattr(claims, "_claimable", whatever)


def deaf_to_cancel(patch: pytest.MonkeyPatch) -> None:
    """A running task that fails after a cancel was asked for is retried."""

    def heedless(document: Mapping[str, Any], commit: Commit, now: Any) -> Transition:
        return commit.transition

    patch.setattr(outcomes, "heeded_by", heedless)
    patch.setattr(fence, "heeded_by", heedless)


def silent_failures(patch: pytest.MonkeyPatch) -> None:
    """A retry leaves no error log."""
    log = outcomes.Outcomes._log

    def some(self: outcomes.Outcomes, commit: Commit, document: Document) -> None:
        if commit.transition.move is not Move.RETRY:
            log(self, commit, document)

    patch.setattr(outcomes.Outcomes, "_log", some)


MUTANTS: Sequence[Mutant] = (
    unfenced,
    hasty_reaper,
    hooks_apart,
    forgetful,
    broken_chain,
    stale_hints,
    uncounted_seats,
    untold_parking,
)
"""Those that are found within seconds."""
ELUSIVE: Sequence[Mutant] = (
    deaf_claims,
    deaf_to_cancel,
    silent_failures,
    unnoted_starts,
    parked_in_pauses,
    heedless_order,
    greedy_weights,
)
"""Those that take longer."""
