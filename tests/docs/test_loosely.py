"""The comparison itself, which must not pass what is not so."""

import pytest

from tests.docs.loosely import Loosely

ONE = "01a20ac7-7d21-7288-8ef3-b0bbb9bb9bb3"
TWO = "01a21ff9-7f0b-766b-9584-bd6b0ffdefeb"
THREE = "01a21ffa-81bf-7892-aa1a-498b71278f81"


@pytest.mark.parametrize(
    ("shown", "came"),
    [
        ("ready, workers: 2", "ready,  workers:  17\n"),
        ("late 2026-11-24T08:00:00.000Z by 6", "late 2027-01-01T00:00:00.123Z by 1,234.5"),
        ('{"a":1, …}', '{"a":1,"b":[{}],"c":null}'),
        ("first\nthird", "first\nsecond\nthird\n"),
        ("tasks: 3 SUCCEEDED", "tasks: 3 SUCCEEDED"),
        ("6\n2", "6\n2\n"),
        ("4,343 tasks, 1 job", "1 task, 12 jobs"),
        (f"{ONE} and {ONE}", f"{TWO} and {TWO}"),
    ],
)
def test_the_same_said_otherwise_passes(shown: str, came: str) -> None:
    assert Loosely().missing(shown, came) is None


@pytest.mark.parametrize(
    ("shown", "came", "missing"),
    [
        ("ready", "not yet", "ready"),
        ("first\nsecond", "second\nfirst\n", "second"),
        ("6\n2", "62\n", "2"),
        ("2 hooks", "2 jobs", "2 hooks"),
        ("tasks: 3 SUCCEEDED", "tasks: 2 SUCCEEDED", "tasks: 3 SUCCEEDED"),
        ("at 2026-11-24T08:00:00.000Z", "at eight", "at 2026-11-24T08:00:00.000Z"),
        (f"{ONE} and {ONE}", f"{TWO} and {THREE}", f"{ONE} and {ONE}"),
    ],
)
def test_what_differs_is_named(shown: str, came: str, missing: str) -> None:
    assert Loosely().missing(shown, came) == missing


def test_an_id_stands_for_the_same_throughout_a_page() -> None:
    page = Loosely()
    assert page.missing(f"{ONE}  ACTIVE", f"{TWO}  ACTIVE") is None
    assert page.real(f"karya job {ONE}") == f"karya job {TWO}"
    assert page.real("karya job 01a20ac7-…") == f"karya job {TWO}"
    assert page.missing(f"{ONE}  COMPLETED", f"{THREE}  COMPLETED") == f"{ONE}  COMPLETED"


def test_nothing_is_learnt_from_what_does_not_match() -> None:
    page = Loosely()
    assert page.missing(f"{ONE}\nACTIVE", f"{TWO}\nPAUSED") == "ACTIVE"
    assert page.ids == {}
