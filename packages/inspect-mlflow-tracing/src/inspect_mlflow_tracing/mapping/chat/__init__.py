"""Messages, tools and outputs of Inspect in the form that MLflow's chat view reads; pure."""

from ._attachments import ChatAttachments
from ._conversations import Conversations, omission_note
from ._messages import chat_messages
from ._output import chat_choices
from ._tools import chat_tools
from ._usage import token_usage, usage_cost

__all__ = [
    "ChatAttachments",
    "Conversations",
    "chat_choices",
    "chat_messages",
    "chat_tools",
    "omission_note",
    "token_usage",
    "usage_cost",
]
