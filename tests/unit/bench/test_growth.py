"""How far the figures of different sizes lie apart."""

import pytest

from bench.measures.growth import spread


@pytest.mark.parametrize(
    "values, percent",
    [([4_000, 4_000, 4_000], 0), ([4_400, 4_000, 4_200], 10), ([4_000, 4_400, 4_000], 10), ([0.5, 1.0], 100)],
)
def test_the_spread_is_that_of_the_largest_and_the_smallest_in_whatever_order(
    values: list[float], percent: float
) -> None:
    assert spread(values) == pytest.approx(percent)
