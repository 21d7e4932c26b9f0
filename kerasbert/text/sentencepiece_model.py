"""Reading and writing of SentencePiece model files without the sentencepiece library.

The message declares the fields of `sentencepiece_model.proto` that tokenization needs;
other fields of a file are preserved.
"""

import functools

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

UNIGRAM, BPE = 1, 2  # kinds of models
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6

_KIND = descriptor_pb2.FieldDescriptorProto
_FIELDS = {
    "Piece": [
        ("piece", 1, _KIND.TYPE_STRING),
        ("score", 2, _KIND.TYPE_FLOAT),
        ("type", 3, _KIND.TYPE_INT32),
    ],
    "Trainer": [("model_type", 3, _KIND.TYPE_INT32), ("unk_id", 40, _KIND.TYPE_INT32)],
    "Normalizer": [
        ("name", 1, _KIND.TYPE_STRING),
        ("precompiled_charsmap", 2, _KIND.TYPE_BYTES),
        ("add_dummy_prefix", 3, _KIND.TYPE_BOOL),
        ("remove_extra_whitespaces", 4, _KIND.TYPE_BOOL),
        ("escape_whitespaces", 5, _KIND.TYPE_BOOL),
    ],
    "Model": [
        ("pieces", 1, "Piece"),
        ("trainer_spec", 2, "Trainer"),
        ("normalizer_spec", 3, "Normalizer"),
    ],
}
_DEFAULTS = {"type": "1", "unk_id": "0", "model_type": "1"}


@functools.cache
def _message_class():
    file = descriptor_pb2.FileDescriptorProto(
        name="kerasbert_sentencepiece.proto", package="kerasbert", syntax="proto2"
    )
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            entry = message.field.add(name=field, number=number)
            entry.label = _KIND.LABEL_OPTIONAL
            if isinstance(kind, str):
                entry.type, entry.type_name = _KIND.TYPE_MESSAGE, f".kerasbert.{kind}"
            else:
                entry.type = kind
            if field == "pieces":
                entry.label = _KIND.LABEL_REPEATED
            if kind == _KIND.TYPE_BOOL:
                entry.default_value = "true"
            elif field in _DEFAULTS:
                entry.default_value = _DEFAULTS[field]
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    descriptor = pool.FindMessageTypeByName("kerasbert.Model")
    return message_factory.GetMessageClass(descriptor)


def parse_model(data: bytes, where="the SentencePiece model"):
    """Parses a serialized model: `pieces`, `trainer_spec`, `normalizer_spec`.

    Raises a `ValueError` that names `where` if the bytes are not a model.
    """
    message = _message_class()()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise ValueError(
            f"Expected a SentencePiece model in {where}, but it cannot be read as one "
            f"({error}). Is the file complete?"
        ) from None
    if not message.pieces:
        raise ValueError(
            f"Expected a SentencePiece model in {where}, but it holds no pieces. Is "
            "the file complete?"
        )
    return message


def check_unigram(message, where):
    """Raises a `ValueError` for a model that is not unigram, or writes bytes."""
    has_bytes = bool(byte_pieces(message))
    if message.trainer_spec.model_type != UNIGRAM or has_bytes:
        got = "one with byte fallback" if has_bytes else "one of byte pair encoding"
        raise ValueError(
            f"Expected a unigram SentencePiece model in {where}, got {got}, which "
            "works with ALBERT's steps alone: no steps of a tokenizer.json, no "
            "added tokens with flags, no ids of XLM-RoBERTa."
        )


def byte_pieces(message):
    """Maps the pieces that stand for a byte, such as `<0x0A>`, to it."""
    found = (piece.piece for piece in message.pieces if piece.type == BYTE)
    return {piece: bytes([int(piece[3:5], 16)]) for piece in found}


def build_model(
    pieces, unk_id: int, precompiled_charsmap: bytes, control, user_defined=()
) -> bytes:
    """Serializes a unigram model.

    Args:
        pieces: (piece, score) pairs in the order of their ids.
        unk_id: Id of the unknown piece.
        precompiled_charsmap: Table of the normalizer, or empty.
        control: Pieces that never match text.
        user_defined: Pieces that always match as a whole.
    """
    message = _message_class()()
    for number, (piece, score) in enumerate(pieces):
        kind = NORMAL
        if number == unk_id:
            kind = UNKNOWN
        elif piece in control:
            kind = CONTROL
        elif piece in user_defined:
            kind = USER_DEFINED
        message.pieces.add(piece=piece, score=score, type=kind)
    message.trainer_spec.model_type = UNIGRAM
    message.trainer_spec.unk_id = unk_id
    normalizer = message.normalizer_spec
    normalizer.name = "nmt_nfkc" if precompiled_charsmap else "identity"
    normalizer.precompiled_charsmap = precompiled_charsmap
    normalizer.add_dummy_prefix = True
    normalizer.remove_extra_whitespaces = True
    normalizer.escape_whitespaces = True
    return message.SerializeToString(deterministic=True)


def build_word_model(message, unk_id: int, hidden: frozenset) -> bytes:
    """Serializes a variant of a model that tokenizes words without normalization.

    Like in `tokenizers`, every piece matches its text, including the unknown piece,
    which gets another id after all others for this. Pieces in `hidden` do not match.
    """
    words = _message_class()()
    pieces = message.pieces
    unreachable = next(
        chr(code)
        for code in range(0x100000, 0x10FFFE)
        if not any(chr(code) in piece.piece for piece in pieces)
    )
    for number, piece in enumerate(pieces):
        if number == unk_id:
            words.pieces.add(piece=unreachable, score=piece.score, type=UNKNOWN)
        else:
            kind = CONTROL if piece.piece in hidden else NORMAL
            words.pieces.add(piece=piece.piece, score=piece.score, type=kind)
    unknown = pieces[unk_id]
    kind = CONTROL if unknown.piece in hidden else NORMAL
    words.pieces.add(piece=unknown.piece, score=unknown.score, type=kind)
    words.trainer_spec.model_type = UNIGRAM
    words.trainer_spec.unk_id = unk_id
    normalizer = words.normalizer_spec
    normalizer.name = "identity"
    normalizer.add_dummy_prefix = False
    normalizer.remove_extra_whitespaces = False
    normalizer.escape_whitespaces = False
    return words.SerializeToString(deterministic=True)
