"""Durations as upstream's clients write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from karya.api.compat.periods import period_text
from karya.core.times import Duration

_DURATION: TypeAdapter[timedelta] = TypeAdapter(Duration)


@pytest.mark.parametrize(
    "text", ["PT7S", "PT1H30M", "P1D", "P1DT2H3M4.5S", "PT0.25S", "PT0S", "PT1M", "P36525D"]
)
def test_a_period_comes_back_as_it_was_written(text: str) -> None:
    assert period_text(_DURATION.validate_python(text)) == text


def test_a_period_is_carried_over_to_larger_units() -> None:
    assert period_text(timedelta(minutes=90)) == "PT1H30M"
    assert period_text(timedelta(hours=48)) == "P2D"


@given(st.integers(0, 36_525 * 86_400_000))
def test_no_period_is_changed_by_writing_it(millis: int) -> None:
    period = timedelta(milliseconds=millis)
    assert _DURATION.validate_python(period_text(period)) == period
