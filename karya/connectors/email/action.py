"""What an email action may hold."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from karya.connectors.email.fields import Body, EmailAddress, EmailHeaders, Line, Recipients
from karya.core.action import Action
from karya.core.asking import LONG, LONG_HTML, SELDOM

MAX_RECIPIENTS = 100  # what every mail server has to take at once (RFC 5321, 4.5.3.1.8)


class EmailAction(Action):
    """One email. Success means that the mail server took it for at least one recipient.

    With both `text` and `html` readers see the one that they like better. `bcc` is in no header.
    """

    model_config = ConfigDict(title="Email")

    type: Literal["email"] = "email"
    to: Annotated[Recipients, Field(min_length=1, examples=[["ada@example.com", "Bob <bob@example.com>"]])]
    """Addresses."""
    cc: Annotated[Recipients, Field(examples=[["carol@example.com"]], json_schema_extra=SELDOM)] = ()
    """Addresses that everybody sees."""
    bcc: Annotated[Recipients, Field(examples=[["dan@example.com"]], json_schema_extra=SELDOM)] = ()
    """Addresses that nobody sees."""
    reply_to: Annotated[
        EmailAddress | None, Field(examples=["help@example.com"], json_schema_extra=SELDOM)
    ] = None
    """Where answers go."""
    subject: Annotated[Line, Field(examples=["The report of today"])]
    text: Annotated[Body | None, Field(json_schema_extra=LONG)] = None
    """Plain text. An email needs a text, an html, or both."""
    html: Annotated[Body | None, Field(title="HTML", json_schema_extra=LONG_HTML)] = None
    """The same as a page, for readers who like that better."""
    headers: Annotated[
        EmailHeaders, Field(default_factory=dict, examples=[{"x-source": "karya"}], json_schema_extra=SELDOM)
    ]
    """Besides those that Karya writes."""

    @model_validator(mode="after")
    def _can_be_sent(self) -> "EmailAction":
        if self.text is None and self.html is None:
            raise ValueError("an email needs a text, an html, or both")
        if (count := len(self.to + self.cc + self.bcc)) > MAX_RECIPIENTS:
            raise ValueError(f"at most {MAX_RECIPIENTS} recipients in to, cc and bcc together, not {count}")
        return self
