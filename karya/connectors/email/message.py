"""From an action to the email itself."""

from collections.abc import Iterable
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from karya.connectors.email.action import EmailAction
from karya.connectors.email.fields import parsed_address
from karya.core.ports import AttemptContext
from karya.core.times import format_instant


def message_of(action: EmailAction, context: AttemptContext, sender: str, now: datetime) -> EmailMessage:
    """The email. Its Message-ID is the same on every attempt at a task, so that servers and readers can
    spot a repetition. Raises ValueError when a template left something that is no address."""
    message = EmailMessage(policy=SMTP)
    message["From"] = author = parsed_address(sender)
    message["To"] = _all(action.to)
    if action.cc:
        message["Cc"] = _all(action.cc)
    if action.reply_to:
        message["Reply-To"] = parsed_address(action.reply_to)
    message["Subject"] = action.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{context.task_id}@{_ascii(author.domain)}>"
    for name, value in _more_headers(action, context).items():
        message[name] = value
    _fill(message, action)
    return message


def recipients_of(action: EmailAction) -> list[str]:
    """The addresses of the envelope, each once. Raises ValueError as `message_of` does."""
    everybody = _all((*action.to, *action.cc, *action.bcc))
    return list(dict.fromkeys(address.addr_spec for address in everybody))


def _all(texts: Iterable[str]) -> tuple[Address, ...]:
    return tuple(map(parsed_address, texts))


def _more_headers(action: EmailAction, context: AttemptContext) -> dict[str, str]:
    own = {
        "Karya-Task-Id": context.task_id,
        "Karya-Job-Id": context.job_id,
        "Karya-Attempt": str(context.attempt),
        "Karya-Instant": format_instant(context.instant),
    }
    if "auto-submitted" not in map(str.lower, action.headers):
        own["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence note is wanted
    return {**action.headers, **own}


def _fill(message: EmailMessage, action: EmailAction) -> None:
    if action.text is None:
        message.set_content(action.html or "", subtype="html")
        return
    message.set_content(action.text)
    if action.html is not None:
        message.add_alternative(action.html, subtype="html")


def _ascii(domain: str) -> str:
    return domain.strip("[]").encode("idna").decode()
