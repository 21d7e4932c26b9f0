"""Speech recognition: waveforms to texts."""

from typing import TYPE_CHECKING

from kerasbert.lazy import lazy_names

if TYPE_CHECKING:
    from kerasbert.tasks.speech_recognition.speech_recognizer import (
        SpeechRecognizer as SpeechRecognizer,
    )

_HOME = {"SpeechRecognizer": "kerasbert.tasks.speech_recognition.speech_recognizer"}

__all__ = sorted(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
