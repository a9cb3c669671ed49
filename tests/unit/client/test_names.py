"""The handle and both clients are asked in the same words."""

import inspect

import pytest

from karya import AsyncClient, Client, Karya
from karya.client.operation import Operation, Stream


def methods(kind: type) -> dict[str, inspect.Signature]:
    """The public methods of a class, those of its bases included."""
    names = [name for name in dir(kind) if not name.startswith("_")]
    found = {name: getattr(kind, name) for name in names}
    return {name: inspect.signature(method) for name, method in found.items() if inspect.isfunction(method)}


def parameters(signature: inspect.Signature) -> list[tuple[str, object, object]]:
    """Without the client itself, which is positional in some."""
    _, *others = signature.parameters.values()
    return [(one.name, one.kind, one.default) for one in others]


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
    assert parameters(inspect.signature(Client)) == parameters(inspect.signature(AsyncClient))


def test_each_operation_is_written_once_and_says_what_it_does() -> None:
    assert operations(Client) == operations(AsyncClient)
    assert operations(Client).keys() == methods(Client).keys() - {"close"}
    assert all(written.__doc__ for written in operations(Client).values())


def test_only_the_methods_of_the_async_client_are_coroutines() -> None:
    for name, written in operations(Client).items():
        assert not inspect.iscoroutinefunction(getattr(Client, name)), name
        assert isinstance(written, Stream) or inspect.iscoroutinefunction(getattr(AsyncClient, name)), name
