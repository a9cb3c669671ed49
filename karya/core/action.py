"""What a task does, as data. A connector runs it; the registry knows which kinds exist."""

from datetime import timedelta
from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from karya.core.asking import SELDOM
from karya.core.http_fields import Headers, HttpUrl, Pairs, Query, Statuses
from karya.core.json_fields import JsonBody
from karya.core.text import Shaped
from karya.core.times import Duration


class Action(BaseModel):
    """Base of every action; `type` tells the connector that runs it.

    What stands below a field is its description in forms and in the API; `Field` gives it title and examples.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    type: str


ActionText = str
"""An action as JSON text. Karya stores actions in this form: the database's query language never looks
inside what a user wrote, and a job stays readable when the connector of its action is gone."""

_TYPE_FIRST = '{"type":"'


def type_of(text: ActionText) -> str:
    """The type of an action that was stored as this text; empty when it has none. Karya writes it first, so
    that no text of a mebibyte is parsed for it."""
    if text.startswith(_TYPE_FIRST):
        return text[len(_TYPE_FIRST) : text.index('"', len(_TYPE_FIRST))]
    try:
        return str(orjson.loads(text)["type"])
    except (ValueError, KeyError, TypeError):
        return ""


class NoopAction(Action):
    """Does nothing and succeeds: for trying things out and for measuring Karya itself."""

    model_config = ConfigDict(title="Nothing")

    type: Literal["noop"] = "noop"


SettingName = Annotated[str, Shaped(r"[A-Za-z0-9_.-]{1,60}", "a name is 1 to 60 letters, digits and _ . -")]
"""The name under which an operator put something into the settings of a connector."""


class TlsOptions(BaseModel):
    """How an https target is checked, and how Karya shows who it is.

    `ca` and `client` name entries of `connectors.rest.ca_files` and `connectors.rest.client_certificates`:
    jobs never hold keys. With `ca` that file is trusted instead of the system's authorities.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    verify: bool = True
    """Whether the certificate of the target is checked."""
    ca: Annotated[SettingName | None, Field(title="CA")] = None
    """The name of an authority in the settings, trusted instead of the system's."""
    client: Annotated[SettingName | None, Field(title="client certificate")] = None
    """The name of a client certificate in the settings."""

    @model_validator(mode="after")
    def _checks_what_it_names(self) -> "TlsOptions":
        if self.ca is not None and not self.verify:
            raise ValueError(
                "with verify false nothing is checked, so ca has no effect: leave out one of them"
            )
        return self


class RestAction(Action):
    """One HTTP request. Success is an answer whose status is among `expect`, within `timeout`.

    A string body is sent as it is, anything else as JSON; a form is urlencoded. `query` is appended to
    that of the URL. Up to `redirects` redirects are followed, none unless asked for. `timeout` bounds
    the whole attempt, from the first look at the host name to the last byte of the answer. `capture`
    tells whether the answer is kept as the result.
    """

    model_config = ConfigDict(title="HTTP request")

    type: Literal["rest"] = "rest"
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] = "GET"
    url: Annotated[HttpUrl, Field(title="URL", examples=["https://example.com/reports"])]
    query: Annotated[Query, Field(examples=[{"day": "monday"}], json_schema_extra=SELDOM)] = {}
    """What is appended to the query of the URL."""
    headers: Annotated[Headers, Field(examples=[{"x-source": "karya"}])] = {}
    """Whoever sees the job sees them."""
    body: Annotated[JsonBody, Field(examples=[{"day": "monday"}])] = None
    """JSON, or a text that is sent as it is."""
    form: Annotated[Pairs | None, Field(examples=[{"day": "monday"}], json_schema_extra=SELDOM)] = None
    """Sent urlencoded, in place of a body."""
    expect: Annotated[Statuses, Field(examples=[["2xx", 404]], json_schema_extra=SELDOM)] = ("2xx",)
    """The statuses that count as success."""
    redirects: Annotated[int, Field(ge=0, le=10, json_schema_extra=SELDOM)] = 0
    """How many are followed at most."""
    capture: Annotated[Literal["body", "none"], Field(json_schema_extra=SELDOM)] = "body"
    """What of the answer is kept as the result."""
    tls: Annotated[TlsOptions, Field(title="TLS")] = TlsOptions()
    timeout: Annotated[
        Duration,
        Field(
            ge=timedelta(milliseconds=1), le=timedelta(hours=1), examples=["PT30S"], json_schema_extra=SELDOM
        ),
    ] = timedelta(seconds=30)
    """How long the whole attempt may take."""

    @field_validator("form")
    @classmethod
    def _the_only_body(cls, form: Pairs | None, info: ValidationInfo) -> Pairs | None:
        if form is not None and info.data.get("body") is not None:
            raise ValueError("a request has one body: give either body or form")
        return form
