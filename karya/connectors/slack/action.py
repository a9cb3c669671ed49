"""What a slack action may hold. The limits are those of Slack's chat.postMessage."""

from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, ConfigDict, Field, model_validator

from karya.core.action import Action
from karya.core.asking import LONG, SELDOM
from karya.core.json_fields import bounded_body
from karya.core.template import holds_templates
from karya.core.text import Shaped, printable

MAX_TEXT_CHARACTERS = 40_000
MAX_BLOCKS = 50


def _blocks(given: Any) -> Any:
    """The list of blocks. A text with a template comes back as it is: the JSON will be there later."""
    blocks = _list_of(given)
    if given is None or isinstance(blocks, str):
        return bounded_body(given)
    if not isinstance(blocks, list) or not all(_is_block(block) for block in blocks):
        raise ValueError("a list of Block Kit objects, each with a type, or the JSON text of one")
    if not 1 <= len(blocks) <= MAX_BLOCKS:
        raise ValueError(f"between 1 and {MAX_BLOCKS} blocks; there are {len(blocks)}")
    return bounded_body(blocks)


def _list_of(blocks: Any) -> Any:
    """Block Kit as its builder shows it is an object that has the list."""
    if isinstance(blocks, str):
        try:
            blocks = orjson.loads(blocks)
        except ValueError:
            return blocks if holds_templates(blocks) else None
    return blocks.get("blocks") if isinstance(blocks, dict) else blocks


def _is_block(block: Any) -> bool:
    return isinstance(block, dict) and isinstance(block.get("type"), str)


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("holds nothing but blanks, which Slack refuses")
    return text


Channel = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(printable)]
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARACTERS), AfterValidator(_said)]
Blocks = Annotated[Any, AfterValidator(_blocks)]
Timestamp = Annotated[
    str,
    Field(max_length=500),
    Shaped(r"[0-9]{1,12}\.[0-9]{1,9}|.*\{\{.*", "the ts of a message, such as 1503435956.000247"),
]


class SlackAction(Action):
    """One message for a channel, by its id or name. Success is Slack's own `ok`.

    With `blocks`, `text` is what notifications show. `thread_ts` is the `ts` of the message to reply to.
    """

    model_config = ConfigDict(title="Slack message")

    type: Literal["slack"] = "slack"
    channel: Annotated[Channel, Field(examples=["#reports"])]
    """Its name or its id."""
    text: Annotated[Text | None, Field(examples=["The report is *ready*."], json_schema_extra=LONG)] = None
    """What it says, in Slack's mrkdwn. A message needs a text, blocks, or both."""
    blocks: Annotated[Blocks, Field(examples=[[{"type": "divider"}]], json_schema_extra=SELDOM)] = None
    """Block Kit as JSON, as its builder shows it."""
    thread_ts: Annotated[
        Timestamp | None,
        Field(title="Reply to", examples=["1503435956.000247"], json_schema_extra=SELDOM),
    ] = None
    """The ts of the message whose thread it goes to."""

    @model_validator(mode="after")
    def _says_something(self) -> "SlackAction":
        if self.text is None and self.blocks is None:
            raise ValueError("a message needs a text, blocks, or both")
        return self
