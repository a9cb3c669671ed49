"""What an email action may hold."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from karya.connectors.email.fields import Body, EmailAddress, EmailHeaders, Line, Recipients
from karya.core.action import Action

MAX_RECIPIENTS = 100  # what every mail server has to take at once (RFC 5321, 4.5.3.1.8)


class EmailAction(Action):
    """One email. Success means that the mail server took it for at least one recipient.

    With both `text` and `html` readers see the one that they like better. `bcc` is in no header.
    """

    type: Literal["email"] = "email"
    to: Annotated[Recipients, Field(min_length=1)]
    cc: Recipients = ()
    bcc: Recipients = ()
    reply_to: EmailAddress | None = None
    subject: Line
    text: Body | None = None
    html: Body | None = None
    headers: EmailHeaders = Field(default_factory=dict)

    @model_validator(mode="after")
    def _can_be_sent(self) -> "EmailAction":
        if self.text is None and self.html is None:
            raise ValueError("an email needs a text, an html, or both")
        if (count := len(self.to + self.cc + self.bcc)) > MAX_RECIPIENTS:
            raise ValueError(f"at most {MAX_RECIPIENTS} recipients in to, cc and bcc together, not {count}")
        return self
