"""Errors that differ in an id, a date or a long number are of a kind, and whoever looks for it finds them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karya.core.errorkinds import HEAD, LONGEST, kind_of
from karya.core.queries import LetterQuery


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("status 503: out of paper", "status 503: out of paper"),
        ("status 503: order 123456 is late", "status 503: order"),
        ("connection refused by 127.0.0.1:8080", "connection refused by 127.0.0.1"),
        ("KeyError: '0190a6b2-5d1e-7c33-9f7e-1f2e3d4c5b6a'", "KeyError"),
        ("no rate for 2026-11-23 yet", "no rate for"),
        ("commit 9fceb02d failed", "commit"),
        ("the deadbeef cafe is closed", "the deadbeef cafe is closed"),
        ("timed out after PT5S", "timed out after PT5S"),
        ("order-123456 is late", "order"),
        ("v12 of the printer, step 3 of 40", "v12 of the printer, step 3 of 40"),
        ("  first line  \nsecond line", "first line"),
        ("a bell\x07 rings", "a bell"),
        ("123456 is late", "123456 is late"),
        ("x" * 500, "x" * LONGEST),
        ("", ""),
        (" \n ", ""),
    ],
)
def test_kinds(error: str, kind: str) -> None:
    assert kind_of(error) == kind


@given(st.text(max_size=300) | st.from_regex(r"[a-f0-9 :#'-]{0,60}", fullmatch=True))
def test_a_kind_is_a_search_that_finds_its_errors(error: str) -> None:
    kind = kind_of(error[:HEAD])
    assert kind in error
    assert not kind or LetterQuery(text=kind).text == kind
    assert kind == kind.strip()
