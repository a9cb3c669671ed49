"""Discovery through entry points, and running stored actions."""

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

from karya.connectors import BaseConnector, ConnectorSettings, installed
from karya.connectors.noop import NoopConnector
from karya.connectors.registry import ConnectorRegistry, Connectors, action_types, load_connectors
from karya.core.action import Action, NoopAction, RestAction
from karya.core.errors import ConfigError
from karya.core.outcome import Failure, Outcome, Success
from karya.core.ports import AttemptContext, Tools
from karya.core.spec import spec_model
from tests.unit.connectors.conformance import CONTEXT, TOOLS

Install = Callable[..., None]
NONE = ConnectorSettings()


class EchoAction(Action):
    type: Literal["echo"] = "echo"
    secret: int


class EchoSettings(ConnectorSettings):
    class Echo(BaseModel):
        depth: int = 1

    token: SecretStr
    volume: Annotated[int, Field(le=11)]
    echo: Echo = Echo()


class EchoConnector(BaseConnector[EchoAction, ConnectorSettings]):
    """Echoes, and records what happens to it."""

    action_type = EchoAction

    def __init__(self, settings: ConnectorSettings = NONE, broken: bool = False) -> None:
        super().__init__(settings)
        self.events: list[Any] = []
        self.broken = broken

    async def open(self, tools: Tools) -> None:
        self.events.append(tools)
        if self.broken:
            raise OSError("no")

    async def close(self) -> None:
        self.events.append("close")
        if self.broken:
            raise OSError("no")

    def refusal(self, action: EchoAction) -> str | None:
        return "secret: too secret" if action.secret > 9 else None

    async def run(self, action: EchoAction, context: AttemptContext) -> Outcome:
        if action.secret < 0:
            raise RuntimeError("negative")
        return Success(action)


class LoudConnector(EchoConnector):
    settings_type = EchoSettings


class PickyConnector(EchoConnector):
    def __init__(self, settings: ConnectorSettings) -> None:
        raise ConfigError("connectors.echo: no")


class BrokenConnector(EchoConnector):
    def __init__(self, settings: ConnectorSettings) -> None:
        raise OSError("no")


class Nameless(EchoConnector):
    action_type = Action  # type: ignore[assignment]


class Unset(EchoConnector):
    settings_type = BaseModel  # type: ignore[assignment]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    def installing(**points: str) -> None:
        found = [EntryPoint(name, value, installed.GROUP) for name, value in points.items()]
        monkeypatch.setattr(installed, "entry_points", lambda group: found)

    return installing


def loaded(sections: Mapping[str, Mapping[str, Any]] | None = None) -> Connectors:
    return load_connectors(sections or {})


def refusal_of(sections: Mapping[str, Mapping[str, Any]]) -> str:
    with pytest.raises(ConfigError) as caught:
        load_connectors(sections)
    return str(caught.value)


def test_the_built_in_ones_are_installed() -> None:
    connectors = loaded()
    assert {"email", "noop", "rest", "slack"} <= set(connectors)
    assert {NoopAction, RestAction} <= set(action_types(connectors))
    assert len(connectors) == len(action_types(connectors))
    spec = spec_model(action_types(connectors)).model_validate({"action": {"type": "noop"}})
    assert spec.action == NoopAction()


@pytest.mark.parametrize(
    "value",
    [
        "karya.nowhere:X",
        "karya.connectors.noop:Nothing",
        f"{__name__}:Nameless",
        f"{__name__}:Unset",
        f"{__name__}:BrokenConnector",
        "karya.core.action:NoopAction",
    ],
)
def test_a_broken_entry_point_is_named(install: Install, value: str) -> None:
    install(mine=value)
    with pytest.raises(ConfigError, match=r"'mine' of the package .* is broken"):
        loaded()


def test_two_connectors_of_one_type_are_refused(install: Install) -> None:
    install(one="karya.connectors.noop:NoopConnector", two="karya.connectors.noop:NoopConnector")
    with pytest.raises(ConfigError, match=r"both .*'one'.* and .*'two'.* type 'noop'"):
        loaded()


def test_a_connector_is_made_with_its_section(install: Install) -> None:
    install(echo=f"{__name__}:LoudConnector")
    connector = loaded({"echo": {"token": "geheim", "volume": "7"}})["echo"]
    assert isinstance(connector, LoudConnector)
    assert connector.settings == EchoSettings(token=SecretStr("geheim"), volume=7)


def test_a_section_that_is_wrong_is_refused_by_its_keys(install: Install) -> None:
    install(echo=f"{__name__}:LoudConnector")
    message = refusal_of({"echo": {"volume": 12, "tokken": "geheim"}})
    assert message == (
        "connectors.echo.token: required; "
        "connectors.echo.volume: must be less than or equal to 11; "
        "connectors.echo.tokken: unknown setting; did you mean token?"
    )
    assert refusal_of({"echo": {}}).startswith("connectors.echo.token: required")
    message = refusal_of({"echo": {"token": "x", "volume": 1, "echo": {"depth": "geheim"}}})
    assert message.startswith("connectors.echo.echo.depth: must be a whole number")
    assert "geheim" not in message


def test_a_section_of_no_connector_is_refused(install: Install) -> None:
    install(echo=f"{__name__}:LoudConnector")
    assert refusal_of({"eco": {}}) == (
        "connectors.eco: no such connector is installed; did you mean connectors.echo?"
    )
    assert refusal_of({"fax": {}}) == "connectors.fax: no such connector is installed; there are echo"


def test_a_connector_whose_extra_is_missing_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    class Package:
        name = "karya"

    missing = EntryPoint("fax", "karya.connectors.nowhere:Fax [fax]", installed.GROUP)
    vars(missing)["dist"] = Package()
    monkeypatch.setattr(installed, "entry_points", lambda group: [missing])
    assert not loaded()
    assert refusal_of({"fax": {}}) == "connectors.fax: its parts are not installed: pip install 'karya[fax]'"


def test_what_a_connector_says_of_its_settings_passes(install: Install) -> None:
    install(echo=f"{__name__}:PickyConnector")
    assert refusal_of({}) == "connectors.echo: no"


async def test_a_connector_without_its_section_is_known_and_refuses(install: Install) -> None:
    install(echo=f"{__name__}:LoudConnector", noop="karya.connectors.noop:NoopConnector")
    connectors = loaded()
    reason = (
        "the echo connector is not configured: "
        "set connectors.echo.token and connectors.echo.volume in karya.yaml"
    )
    assert action_types(connectors) == (EchoAction, NoopAction)
    assert connectors.refusal(EchoAction(secret=1)) == reason
    assert connectors.refusal(NoopAction()) is None
    actions = ConnectorRegistry(connectors)
    await actions.open_all(Tools())
    outcome = await actions.run('{"type":"echo","secret":1}', CONTEXT)
    assert outcome == Failure(reason, permanent=True, code="not_configured")
    await actions.close_all()


def test_a_connector_refuses_what_it_will(install: Install) -> None:
    install(echo=f"{__name__}:EchoConnector")
    assert loaded().refusal(EchoAction(secret=10)) == "secret: too secret"
    assert loaded().refusal(EchoAction(secret=1)) is None


async def test_an_action_runs_on_its_connector() -> None:
    actions = ConnectorRegistry({"noop": NoopConnector(ConnectorSettings()), "echo": EchoConnector()})
    assert await actions.run('{"type":"noop"}', CONTEXT) == Success()
    assert await actions.run('{"type":"echo","secret":1}', CONTEXT) == Success(EchoAction(secret=1))


def test_equal_small_texts_are_parsed_once() -> None:
    actions = ConnectorRegistry({"rest": loaded()["rest"]})
    small, large = ('{"type":"rest","url":"http://a","body":"%s"}' % ("x" * size) for size in (1, 5000))
    assert actions.parse_action(small) is actions.parse_action(str(small.encode(), "utf-8"))
    assert actions.parse_action(large) is not actions.parse_action(large)


async def test_what_a_template_filled_in_becomes_a_text_where_one_is_wanted() -> None:
    actions = ConnectorRegistry({"rest": loaded()["rest"]})
    filled = actions.parse_action(
        '{"type":"rest","url":"http://a","headers":{"n":7,"o":{"a":[1,null,"ü"]},"t":"as it is"},"body":7}'
    )
    assert isinstance(filled, RestAction)
    assert filled.headers == {"n": "7", "o": '{"a":[1,null,"ü"]}', "t": "as it is"}
    assert filled.body == 7
    for wrong in ('{"type":"rest","url":7}', '{"type":"rest","url":"http://a","redirects":"many"}'):
        with pytest.raises(ValueError, match="validation error"):
            actions.parse_action(wrong)


async def test_what_cannot_run_is_a_failure() -> None:
    actions = ConnectorRegistry({"echo": EchoConnector()})
    missing: Any = await actions.run('{"type":"fax"}', CONTEXT)
    assert missing == Failure(
        "no connector for actions of type 'fax' is installed on this worker", code="no_connector"
    )
    invalid: Any = await actions.run('{"type":"echo","secret":"geheim"}', CONTEXT)
    assert isinstance(invalid, Failure)
    assert invalid.permanent
    assert "secret: " in invalid.error
    assert "geheim" not in invalid.error
    raised = await actions.run('{"type":"echo","secret":-1}', CONTEXT)
    assert raised == Failure("RuntimeError: negative", code="exception")


async def test_a_failed_open_closes_what_was_open() -> None:
    good, bad = EchoConnector(), EchoConnector(broken=True)
    with pytest.raises(OSError, match="no"):
        await ConnectorRegistry({"good": good, "bad": bad}).open_all(TOOLS)
    assert good.events == [TOOLS, "close"]


async def test_close_all_closes_all_and_never_raises() -> None:
    bad, good = EchoConnector(broken=True), EchoConnector()
    await ConnectorRegistry({"bad": bad, "good": good}).close_all()
    assert (bad.events, good.events) == (["close"], ["close"])
