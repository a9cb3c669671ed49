"""Discovery through entry points, and running stored actions."""

from collections.abc import Callable
from importlib.metadata import EntryPoint
from typing import Any, Literal

import pytest

from karya.connectors import registry
from karya.connectors.noop import NoopConnector
from karya.connectors.registry import ConnectorRegistry, action_types, load_connectors
from karya.core.action import Action, NoopAction, RestAction
from karya.core.errors import ConfigError
from karya.core.job import spec_model
from karya.core.outcome import Failure, Outcome, Success
from karya.core.ports import AttemptContext
from tests.unit.connectors.conformance import CONTEXT

Install = Callable[..., None]


class EchoAction(Action):
    type: Literal["echo"] = "echo"
    secret: int


class EchoConnector:
    """Echoes, and records what happens to it."""

    action_type = EchoAction

    def __init__(self, broken: bool = False) -> None:
        self.events: list[str] = []
        self.broken = broken

    async def open(self) -> None:
        self.events.append("open")
        if self.broken:
            raise OSError("no")

    async def close(self) -> None:
        self.events.append("close")
        if self.broken:
            raise OSError("no")

    async def run(self, action: EchoAction, context: AttemptContext) -> Outcome:
        if action.secret < 0:
            raise RuntimeError("negative")
        return Success(action)


class Nameless:
    action_type = Action


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    def installed(**points: str) -> None:
        found = [EntryPoint(name, value, registry.GROUP) for name, value in points.items()]
        monkeypatch.setattr(registry, "entry_points", lambda group: found)

    return installed


def test_noop_and_rest_are_installed() -> None:
    connectors = load_connectors()
    assert {"noop", "rest"} <= set(connectors)
    assert {NoopAction, RestAction} <= set(action_types(connectors))
    spec = spec_model(action_types(connectors)).model_validate({"action": {"type": "noop"}})
    assert spec.action == NoopAction()


@pytest.mark.parametrize(
    "value", ["karya.nowhere:X", "karya.connectors.noop:Nothing", f"{__name__}:Nameless"]
)
def test_a_broken_entry_point_is_named(install: Install, value: str) -> None:
    install(mine=value)
    with pytest.raises(ConfigError, match=r"'mine' of the package .* is broken"):
        load_connectors()


def test_two_connectors_of_one_type_are_refused(install: Install) -> None:
    install(one="karya.connectors.noop:NoopConnector", two="karya.connectors.noop:NoopConnector")
    with pytest.raises(ConfigError, match=r"both .*'one'.* and .*'two'.* type 'noop'"):
        load_connectors()


async def test_an_action_runs_on_its_connector() -> None:
    actions = ConnectorRegistry({"noop": NoopConnector(), "echo": EchoConnector()})
    assert await actions.run('{"type":"noop"}', CONTEXT) == Success()
    assert await actions.run('{"type":"echo","secret":1}', CONTEXT) == Success(EchoAction(secret=1))


def test_equal_small_texts_are_parsed_once() -> None:
    actions = ConnectorRegistry({"rest": load_connectors()["rest"]})
    small, large = ('{"type":"rest","url":"http://a","body":"%s"}' % ("x" * size) for size in (1, 5000))
    assert actions.parse_action(small) is actions.parse_action(str(small.encode(), "utf-8"))
    assert actions.parse_action(large) is not actions.parse_action(large)


async def test_what_cannot_run_is_a_failure() -> None:
    actions = ConnectorRegistry({"echo": EchoConnector()})
    missing: Any = await actions.run('{"type":"fax"}', CONTEXT)
    assert missing == Failure("no connector for actions of type 'fax' is installed on this worker")
    invalid: Any = await actions.run('{"type":"echo","secret":"geheim"}', CONTEXT)
    assert isinstance(invalid, Failure)
    assert invalid.permanent
    assert "secret: " in invalid.error
    assert "geheim" not in invalid.error
    raised = await actions.run('{"type":"echo","secret":-1}', CONTEXT)
    assert raised == Failure("RuntimeError: negative")


async def test_a_failed_open_closes_what_was_open() -> None:
    good, bad = EchoConnector(), EchoConnector(broken=True)
    with pytest.raises(OSError, match="no"):
        await ConnectorRegistry({"good": good, "bad": bad}).open_all()
    assert good.events == ["open", "close"]


async def test_close_all_closes_all_and_never_raises() -> None:
    bad, good = EchoConnector(broken=True), EchoConnector()
    await ConnectorRegistry({"bad": bad, "good": good}).close_all()
    assert (bad.events, good.events) == (["close"], ["close"])
