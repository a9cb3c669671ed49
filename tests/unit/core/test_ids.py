"""Ids: a changed hash would double the jobs of a running system, so the values are pinned here."""

import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karya.core.ids import (
    MOST_NUMBERED,
    PARTITIONS,
    derived_id,
    fixed_id,
    id_floor,
    minted_at,
    new_id,
    numbered_id,
    partition_of,
    task_id,
)

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
JOB = "019aaf8e-7c00-7000-8000-000000000001"
MILLISECOND = timedelta(milliseconds=1)


def test_derived_ids_are_stable_for_ever() -> None:
    assert derived_id("a", "b") == "065ab574-1cdf-8d44-a87c-f119c1eb4ec9"
    assert derived_id("ab") == "3dc9ae22-0222-82e1-96b2-a5abb60d01c7"
    assert task_id(JOB, "at:2026-11-23T08:00:00.000Z", "main") == "46157d31-59c3-8784-81ee-8fd4ca47d814"


def test_partitions_are_stable_for_ever() -> None:
    assert partition_of(JOB) == 207
    assert partition_of("job") == 47


@given(st.lists(st.text(), min_size=1))
def test_derived_id_is_a_uuid_of_version_8(parts: list[str]) -> None:
    value = uuid.UUID(derived_id(*parts))
    assert (value.version, value.variant) == (8, uuid.RFC_4122)


@given(st.datetimes(datetime(1970, 1, 1), datetime(8999, 12, 31), timezones=st.just(UTC)))
def test_new_id_is_a_uuid_of_version_7_that_holds_the_millisecond(now: datetime) -> None:
    value = uuid.UUID(new_id(now))
    assert (value.version, value.variant) == (7, uuid.RFC_4122)
    assert value.int >> 80 == (now - datetime(1970, 1, 1, tzinfo=UTC)) // MILLISECOND


def test_new_ids_sort_by_creation() -> None:
    ids = [new_id(NOW + number * MILLISECOND) for number in range(1_000)]
    assert ids == sorted(ids)


def test_new_ids_of_one_millisecond_differ() -> None:
    assert len({new_id(NOW) for _ in range(1_000)}) == 1_000


def test_new_ids_differ_between_threads() -> None:
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda _: new_id(NOW), range(4_000)))) == 4_000


def test_new_ids_differ_between_a_process_and_its_child() -> None:
    program = (
        "import os; from karya.core.ids import new_id; from karya.core.times import EPOCH; new_id(EPOCH)\n"
        "child = os.fork(); os.write(1, f'{new_id(EPOCH)} '.encode())\n"
        "if child: os.waitpid(child, 0)"
    )
    ids = subprocess.check_output([sys.executable, "-c", program], text=True).split()
    assert len(ids) == len({*ids}) == 2


def test_task_ids_differ_in_each_part() -> None:
    ids = {task_id(*parts) for parts in [("j", "c", "s"), ("k", "c", "s"), ("j", "d", "s"), ("j", "c", "t")]}
    assert len(ids) == 4
    assert task_id("ab", "c", "s") != task_id("a", "bc", "s")


def test_partitions_are_all_used_and_never_exceeded() -> None:
    assert {partition_of(str(number)) for number in range(5_000)} == set(range(PARTITIONS))


INSTANTS = st.integers(0, 2**46).map(lambda millis: datetime(1970, 1, 1, tzinfo=UTC) + millis * MILLISECOND)


def test_fixed_and_numbered_ids_are_stable_for_ever() -> None:
    assert fixed_id(NOW, "a", "b") == "01a2076b-4400-7065-aad5-d0737eb511a1"
    assert numbered_id(JOB, 0) == "019aaf8e-7c00-7000-831c-3b938b1b9993"
    assert numbered_id(JOB, 65_535) == "019aaf8e-7c00-7fff-be68-470312c912ab"


@given(INSTANTS, st.integers(0, MOST_NUMBERED - 1))
def test_all_of_them_are_of_version_7_and_tell_their_millisecond(at: datetime, number: int) -> None:
    for ident in (new_id(at), fixed_id(at, "x"), numbered_id(new_id(at), number)):
        value = uuid.UUID(ident)
        assert (value.version, value.variant) == (7, uuid.RFC_4122)
        assert minted_at(ident) == at


def test_numbered_ids_sort_by_number_and_differ_between_batches() -> None:
    ids = [numbered_id(JOB, number) for number in range(0, MOST_NUMBERED, 7)]
    assert ids == sorted(set(ids))
    assert numbered_id(new_id(NOW), 5) != numbered_id(new_id(NOW), 5)


@pytest.mark.parametrize("number", [-1, MOST_NUMBERED])
def test_a_number_out_of_range_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match=str(number)):
        numbered_id(JOB, number)


@pytest.mark.parametrize(
    "ident", ["", "x", JOB.upper(), JOB.replace("-", ""), derived_id("a"), f"{{{JOB}}}", "f" * 8 + JOB[8:]]
)
def test_what_new_id_cannot_have_made_tells_no_time(ident: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        minted_at(ident)


@given(INSTANTS, INSTANTS)
def test_ids_compare_to_a_bound_like_their_instants(at: datetime, bound: datetime) -> None:
    assert (new_id(at) >= id_floor(bound)) is (at >= bound)
