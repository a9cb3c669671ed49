"""What `make bench-check` lets pass."""

import json
from pathlib import Path

import pytest

from bench.check import BATCH, CALLS, DRAIN, NAMES, SINGLE, START, are_kept, is_kept, medians

REFERENCE = {DRAIN: 0.5, CALLS: 0.2, BATCH: 0.4, SINGLE: 0.1, START: 0.6}


def test_each_ratio_has_a_reference() -> None:
    assert set(json.loads(Path("bench/reference.json").read_text())) == set(NAMES) == set(REFERENCE)


@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_a_loss_of_29_percent_passes_and_one_of_31_fails(name: str) -> None:
    before = REFERENCE[name]
    assert is_kept(before * 0.71, before)
    assert not is_kept(before * 0.69, before)


@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_one_loss_fails_whatever_the_others_gained(name: str) -> None:
    gained = {each: 2 * before for each, before in REFERENCE.items()}
    assert are_kept(gained, REFERENCE)
    assert not are_kept({**gained, name: 0.4 * REFERENCE[name]}, REFERENCE)


def test_one_bad_round_of_three_counts_for_nothing() -> None:
    assert medians([{DRAIN: 0.5}, {DRAIN: 0.01}, {DRAIN: 0.6}]) == {DRAIN: 0.5}
