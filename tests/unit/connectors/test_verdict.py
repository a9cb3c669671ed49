"""Retry-After, in seconds and as a date."""

from datetime import timedelta

import pytest

from karya.connectors.verdict import retry_after

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("5", timedelta(seconds=5)),
        (" 5 ", timedelta(seconds=5)),
        ("86401", timedelta(days=1)),
        ("9" * 8000, timedelta(days=1)),
        ("Sun, 06 Nov 1994 08:50:37 GMT", timedelta(minutes=1)),
        ("Sun, 06 Nov 1994 08:50:37 -0000", timedelta(minutes=1)),
        ("Sun, 06 Nov 9994 08:50:37 GMT", timedelta(days=1)),
        ("Sun, 06 Nov 1994 08:48:37 GMT", None),
        ("0", None),
        ("-5", None),
        ("\u00b2", None),
        ("soon", None),
        ("", None),
        ("Sun, 99 Nov 1994 99:99:99 GMT", None),
    ],
)
def test_retry_after(text: str, wait: timedelta | None) -> None:
    assert retry_after(text, NOW) == wait
