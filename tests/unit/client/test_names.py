"""The handle and both clients are asked in the same words."""

import inspect
from collections.abc import Collection
from typing import Any, Unpack, get_args, get_type_hints, is_typeddict

import pytest

import karya
from karya import AsyncClient, Client, Karya, Task
from karya.client.operation import Operation, Stream
from karya.core.keywords import AuditFilter, JobChanges, JobFilter, LetterFilter, TaskOptions
from karya.core.queries import AuditQuery, JobQuery, LetterQuery
from karya.core.spec import JobSpec


def methods(kind: type) -> dict[str, inspect.Signature]:
    """The public methods of a class, those of its bases included."""
    names = [name for name in dir(kind) if not name.startswith("_")]
    found = {name: getattr(kind, name) for name in names}
    return {name: inspect.signature(method) for name, method in found.items() if inspect.isfunction(method)}


def parameters(signature: inspect.Signature) -> list[inspect.Parameter]:
    """With their types, and without the client itself."""
    _, *others = signature.parameters.values()
    return others


def operations(kind: type) -> dict[str, Operation | Stream]:  # type: ignore[type-arg]
    """All operations, as they were written."""
    return {
        name: written
        for base in kind.__mro__
        for name, written in vars(base).items()
        if isinstance(written, (Operation, Stream))
    }


def test_the_handle_has_methods() -> None:
    assert {"submit", "submit_many", "list", "redrive_all", "audit"} <= methods(Karya).keys()


@pytest.mark.parametrize("name", sorted(methods(Karya)))
def test_a_method_of_the_handle_is_one_of_both_clients_with_the_same_parameters(name: str) -> None:
    of_handle, of_client, of_async = (methods(kind)[name] for kind in (Karya, Client, AsyncClient))
    assert parameters(of_handle) == parameters(of_client) == parameters(of_async)
    assert of_handle.return_annotation == of_client.return_annotation


def test_both_clients_have_the_same_methods() -> None:
    blocking, awaited = methods(Client), methods(AsyncClient)
    assert blocking.keys() == awaited.keys()
    for name in blocking:
        assert parameters(blocking[name]) == parameters(awaited[name]), name
    assert inspect.signature(Client) == inspect.signature(AsyncClient)


def test_each_operation_is_written_once_and_says_what_it_does() -> None:
    assert operations(Client) == operations(AsyncClient)
    assert operations(Client).keys() == methods(Client).keys() - {"close"}
    assert all(written.__doc__ for written in operations(Client).values())


@pytest.mark.parametrize("name", sorted(methods(Client)))
def test_editors_know_every_parameter(name: str) -> None:
    for one in parameters(methods(Client)[name]):
        keywords = get_args(one.annotation) if one.kind is one.VAR_KEYWORD else ()
        assert one.annotation not in (Any, one.empty), one.name
        assert one.kind is not one.VAR_POSITIONAL
        assert one.kind is not one.VAR_KEYWORD or is_typeddict(*keywords), one.name


def test_editors_know_every_option_of_a_python_function() -> None:
    for function in (karya.task, karya.schedule, Task.using, Task.schedule):
        assert inspect.signature(function).parameters["options"].annotation == Unpack[TaskOptions]


OF_A_JOB = JobSpec.model_fields.keys()
OF_THE_CALL = {"retries", "resources", "runtime_env"}


@pytest.mark.parametrize(
    ("keywords", "fields"),
    [
        (JobFilter, JobQuery.model_fields.keys()),
        (LetterFilter, LetterQuery.model_fields.keys()),
        (AuditFilter, AuditQuery.model_fields.keys()),
        (JobChanges, OF_A_JOB - {"user_id"}),
        (TaskOptions, OF_A_JOB - {"schedule", "action", "steps"} | OF_THE_CALL),
    ],
)
def test_keywords_are_the_fields_that_are_checked(keywords: type, fields: Collection[str]) -> None:
    assert get_type_hints(keywords).keys() == fields
    assert keywords.__total__ is False  # type: ignore[attr-defined]


def test_only_the_methods_of_the_async_client_are_coroutines() -> None:
    for name, written in operations(Client).items():
        assert not inspect.iscoroutinefunction(getattr(Client, name)), name
        assert isinstance(written, Stream) or inspect.iscoroutinefunction(getattr(AsyncClient, name)), name
