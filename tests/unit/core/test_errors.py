"""Errors are plain data that crosses process boundaries, since Ray pickles what an actor raises."""

import pickle

import pytest

from karya.core.errors import (
    ConfigError,
    Conflict,
    DataDirectoryInUse,
    FieldError,
    InvalidInput,
    KaryaError,
    NotFound,
    StoreUnavailable,
    Unavailable,
)


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("wrong"),
        InvalidInput([FieldError("a.b", "no"), FieldError("", "nothing at all")]),
        NotFound("job", "1"),
        Conflict("completed"),
        Unavailable("store"),
        StoreUnavailable("MongoDB"),
        DataDirectoryInUse("by 7"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_pickling(error: KaryaError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_invalid_input_names_each_field() -> None:
    error = InvalidInput([FieldError("a.b", "no"), FieldError("", "nothing at all")])
    assert str(error) == "a.b: no; nothing at all"
    assert InvalidInput.at("a", "no").errors == (FieldError("a", "no"),)


def test_foreign_things_read_as_missing() -> None:
    assert str(NotFound("job", "1")) == "no job '1'"
