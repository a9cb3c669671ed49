"""Numbers in sentences."""

import pytest

from karya.core.words import how_many


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((0, "job"), "0 jobs"),
        ((1, "job"), "1 job"),
        ((12_000, "job"), "12,000 jobs"),
        ((1, "secret is", "secrets are"), "1 secret is"),
        ((2, "secret is", "secrets are"), "2 secrets are"),
    ],
)
def test_one_and_many(words: tuple[int, str], said: str) -> None:
    assert how_many(*words) == said
