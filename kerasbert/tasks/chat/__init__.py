"""Chat: replies to what was said before, written or found."""

from typing import TYPE_CHECKING

from kerasbert.lazy import lazy_names

if TYPE_CHECKING:
    from kerasbert.tasks.chat.chatbot import Chatbot as Chatbot
    from kerasbert.tasks.chat.retrieval import RetrievalChatbot as RetrievalChatbot

_HOME = {
    "Chatbot": "kerasbert.tasks.chat.chatbot",
    "RetrievalChatbot": "kerasbert.tasks.chat.retrieval",
}

__all__ = sorted(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
