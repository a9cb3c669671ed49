"""The noop connector conforms."""

from karya.connectors import ConnectorSettings
from karya.connectors.noop import NoopConnector
from karya.core.action import Action, NoopAction
from tests.unit.connectors.conformance import Conformance


class TestNoop(Conformance):
    def connector(self) -> NoopConnector:
        return NoopConnector(ConnectorSettings())

    def good_action(self) -> NoopAction:
        return NoopAction()

    def bad_actions(self) -> list[Action]:
        """It does nothing, so nothing can fail."""
        return []
