"""The settings of the rest connector."""

import base64
from typing import Any

import pytest
from pydantic import ValidationError

from karya.connectors.rest import RestSettings


@pytest.mark.parametrize("size", [24, 32, 64])
@pytest.mark.parametrize("prefix", ["whsec_", ""])
def test_a_signing_secret_is_base64_of_enough_bytes(size: int, prefix: str) -> None:
    secret = prefix + base64.b64encode(b"k" * size).decode()
    settings = RestSettings.model_validate({"signing_secret": secret})
    assert secret not in repr(settings)
    assert secret not in settings.model_dump_json()


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!!", "geheim", "whsec_" + "a" * 100, "whsec_YWJj"])
def test_other_secrets_are_refused_without_showing_them(secret: str) -> None:
    with pytest.raises(ValidationError) as caught:
        RestSettings.model_validate({"signing_secret": secret})
    (error,) = caught.value.errors(include_input=False)
    assert error["loc"] == ("signing_secret",)
    assert "openssl rand -base64 32" in error["msg"]
    assert "geheim" not in error["msg"]


@pytest.mark.parametrize(
    "fields",
    [
        {"user_agent": ""},
        {"user_agent": "a\r\nb"},
        {"connect_timeout": "PT0S"},
        {"max_connections": 0},
        {"ca_files": {"a b": "x"}},
        {"client_certificates": {"a": {}}},
        {"unknown": 1},
    ],
)
def test_bad_values_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RestSettings.model_validate(fields)
