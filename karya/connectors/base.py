"""What a connector begins with: all but the run itself has a default."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from karya.core.action import Action
from karya.core.outcome import Outcome
from karya.core.ports import AttemptContext, Tools


class ConnectorSettings(BaseModel):
    """Base of the settings of a connector, and the settings of one that has none.

    A connector with a required setting is not configured as long as its section is missing. Write
    secrets as SecretStr: such fields never show in a repr or an error.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True)


A = TypeVar("A", bound=Action)
S = TypeVar("S", bound=ConnectorSettings)


class BaseConnector(ABC, Generic[A, S]):
    """Implements `Connector` but for `run`. A subclass names its `action_type`, and its `settings_type`
    if it has settings."""

    action_type: type[A]
    settings_type: type[S] = ConnectorSettings  # type: ignore[assignment]
    needs_token: bool = False
    """Whether its actions need a token even on loopback, where no other request does."""

    def __init__(self, settings: S) -> None:
        self.settings = settings

    async def open(self, tools: Tools) -> None:
        """Needs nothing."""

    async def close(self) -> None:
        """Holds nothing."""

    def refusal(self, action: A) -> str | None:  # noqa: ARG002
        """Refuses nothing."""
        return None

    @abstractmethod
    async def run(self, action: A, context: AttemptContext) -> Outcome:
        """See `Connector.run`."""
