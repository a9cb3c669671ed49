"""The settings of the `slack` connector: `connectors.slack`."""

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from karya.connectors.base import ConnectorSettings
from karya.core.http_fields import HttpUrl
from karya.core.times import Duration

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def _token(token: SecretStr) -> SecretStr:
    plain = token.get_secret_value()
    if (
        not plain
        or not plain.isascii()
        or any(character <= " " or character == "\x7f" for character in plain)
    ):
        raise ValueError("a bot token such as xoxb-…, without blanks")
    return token


def _private(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise ValueError("must be https, or anybody on the way could read the token")
    return url


class SlackSettings(ConnectorSettings):
    """Who Karya is at Slack."""

    token: Annotated[SecretStr, AfterValidator(_token)]
    """A bot token (xoxb-…) whose app has the scope chat:write."""
    base_url: Annotated[HttpUrl, AfterValidator(_private)] = "https://slack.com/api/"
    timeout: Annotated[Duration, Field(ge=timedelta(milliseconds=100), le=timedelta(hours=1))] = timedelta(
        seconds=15
    )
    """Bounds a whole attempt."""
