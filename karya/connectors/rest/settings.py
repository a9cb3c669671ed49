"""The settings of the `rest` connector: `connectors.rest`."""

import base64
import binascii
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from karya.connectors.base import ConnectorSettings
from karya.connectors.rest.addresses import AddressRules
from karya.core.action import SettingName
from karya.core.text import Shaped
from karya.core.times import Duration

SECRET_PREFIX = "whsec_"  # noqa: S105  what a secret of Standard Webhooks begins with

ConnectTimeout = Annotated[Duration, Field(gt=timedelta(0), le=timedelta(minutes=5))]


def _signing_key(secret: SecretStr) -> SecretStr:
    try:
        key = base64.b64decode(secret.get_secret_value().removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not 24 <= len(key) <= 64:
        raise ValueError(
            f"{SECRET_PREFIX} and the base64 of 24 to 64 random bytes; openssl rand -base64 32 makes one"
        )
    return secret


UserAgent = Annotated[
    str, Shaped(r"[\x21-\x7e][\x20-\x7e]{0,199}", "1 to 200 ASCII characters, the first one no blank")
]


class ClientCertificate(BaseModel):
    """A certificate by which Karya shows targets who it is, and its key, as PEM files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cert: str
    key: str | None = None
    """None when the key is in the same file."""
    password: SecretStr | None = None


class RestSettings(ConnectorSettings):
    """How requests leave, and where they may go."""

    signing_secret: Annotated[SecretStr, AfterValidator(_signing_key)] | None = None
    """Signs every request as Standard Webhooks: one secret for all targets, so they must trust each other."""
    user_agent: UserAgent = "karya"
    client_certificates: dict[SettingName, ClientCertificate] = Field(default_factory=dict)
    ca_files: dict[SettingName, str] = Field(default_factory=dict)
    connect_timeout: ConnectTimeout = timedelta(seconds=10)
    """For one connection, TLS included; the attempt's own timeout may end it earlier."""
    max_connections: Annotated[int, Field(ge=1)] | None = None
    """At once, for one worker. None: the worker's slots are bound enough."""
    addresses: AddressRules = AddressRules()


def private_by_default(sections: Mapping[str, Any], allowed: bool) -> dict[str, Any]:
    """The `connectors` section of the settings, with `rest.addresses.allow_private` decided where the
    operator left it open. Whoever wires Karya allows it when the gateway serves loopback only."""
    rest = sections.get("rest", {})
    addresses = rest.get("addresses", {})
    if isinstance(addresses, dict) and addresses.get("allow_private") is None:
        addresses = {**addresses, "allow_private": allowed}
    return {**sections, "rest": {**rest, "addresses": addresses}}
