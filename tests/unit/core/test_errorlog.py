"""The error log: any text fits, and one attempt is logged once however often it is reported."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from karya.core.errorlog import MAX_ERROR_CHARACTERS, ErrorLog, ErrorSource, shorten

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
any_text = st.text(st.characters())  # lone surrogates included


def logged(task_id: str = "task", token: int = 1, error: str = "boom") -> ErrorLog:
    return ErrorLog.of("job", task_id, 1, token, "step", error, NOW)


def test_short_text_is_kept_as_it_is() -> None:
    assert shorten("x" * MAX_ERROR_CHARACTERS) == "x" * MAX_ERROR_CHARACTERS


def test_long_text_keeps_its_beginning_and_its_end() -> None:
    text = shorten("first" + "x" * 20_000_000 + "last")
    assert text.startswith("first")
    assert text.endswith("last")
    assert "[… cut …]" in text
    assert len(text) <= MAX_ERROR_CHARACTERS


@given(any_text, st.integers(11, 50))
def test_shortened_text_fits_and_can_be_stored(text: str, most: int) -> None:
    shortened = shorten(text, most)
    assert len(shortened) <= most
    shortened.encode()


@given(any_text)
def test_any_error_can_be_logged(text: str) -> None:
    log = logged(error=text)
    assert ErrorLog.model_validate_json(log.model_dump_json()) == log


def test_the_same_attempt_is_logged_under_the_same_id() -> None:
    assert logged().id == logged(error="reported again").id
    assert len({logged().id, logged(token=2).id, logged(task_id="other").id}) == 3


def test_entry_says_what_failed() -> None:
    log = logged()
    assert (log.job_id, log.task_id, log.attempt, log.at) == ("job", "task", 1, NOW)
    assert log.source is ErrorSource.STEP
