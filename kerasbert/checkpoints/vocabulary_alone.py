"""Vocabularies without a `tokenizer.json`, read like their tokenizer class.

`vocab.txt` is BERT's, `spiece.model` ALBERT's, `sentencepiece.bpe.model` XLM-RoBERTa's.
"""

import base64

from kerasbert.account import quoted
from kerasbert.checkpoints.vocabulary_added import (
    additional,
    flagged,
    own_tokens,
    with_added,
)
from kerasbert.checkpoints.vocabulary_files import (
    check_size,
    find_vocabulary,
    is_uncased,
    read_vocabulary,
    sentencepiece_config,
    wordpiece_config,
)
from kerasbert.checkpoints.vocabulary_json import as_text
from kerasbert.checkpoints.vocabulary_settings import (
    ALBERT_CLASSES,
    BERT_CLASSES,
    GENERIC_CLASSES,
    SETTINGS_FILE,
    XLMR_CLASSES,
    warn,
)
from kerasbert.text.tokenizer_config import (
    ALBERT_SPECIAL_TOKENS,
    BERT_SPECIAL_TOKENS,
    XLMR_SPECIAL_TOKENS,
    AddedToken,
    SpecialTokens,
    roberta_template,
)

METASPACE = {
    "type": "Metaspace",
    "replacement": "\u2581",
    "prepend_scheme": "always",
    "split": True,
}
_WORDS = {
    "type": "Sequence",
    "pretokenizers": [{"type": "WhitespaceSplit"}, METASPACE],
}
_FAIRSEQ = ("<unk>", "<s>", "</s>")  # what a model begins with that fairseq moves


def of_vocabulary(folder, settings, account, size):
    """Reads the tokenizer of a folder without a `tokenizer.json`."""
    path = find_vocabulary(folder)
    check_size(path, size)
    kind = settings.kind
    if path.suffix == ".txt":
        if kind not in BERT_CLASSES and kind not in GENERIC_CLASSES:
            raise _other_class(folder, kind, path)
        return _of_vocab_txt(path, settings, account)
    if kind in XLMR_CLASSES or (path.name == "sentencepiece.bpe.model" and not kind):
        return _of_fairseq(path, settings, size)
    named_bert = kind == "BertTokenizer" and "tokenizer_class" not in settings.values
    if kind not in ALBERT_CLASSES and kind not in GENERIC_CLASSES and not named_bert:
        raise _other_class(folder, kind, path)
    if path.name == "sentencepiece.bpe.model":
        return _of_fairseq(path, settings, size)
    special = SpecialTokens(
        **settings.named(ALBERT_SPECIAL_TOKENS), additional=additional(settings, ())
    )
    return sentencepiece_config(
        path.read_bytes(),
        path,
        settings.values.get("do_lower_case"),
        strip_accents=not settings.values.get("keep_accents", False),
        special_tokens=special,
        added_tokens=own_tokens(settings, special),
    )


def _other_class(folder, kind, path):
    return ValueError(
        f"Expected a tokenizer_class of BERT, ALBERT or XLM-RoBERTa in {folder} beside "
        f"{path.name}, got {quoted(kind, 60)}. Save the tokenizer once as "
        "tokenizer.json with transformers, which says all that its class does."
    )


def _of_vocab_txt(path, settings, account):
    read = read_vocabulary(path)
    vocabulary, added = with_added(read, {}, settings, path.parent)
    values = settings.values
    names = settings.named(BERT_SPECIAL_TOKENS)
    special = SpecialTokens(**names, additional=additional(settings, added))
    lower_case = values.get("do_lower_case")
    if lower_case is None and (path.parent / SETTINGS_FILE).is_file():
        if not is_uncased(vocabulary):
            warn(
                f"{path.parent / SETTINGS_FILE} does not say do_lower_case, and "
                f"{path.name} has tokens with upper-case letters: text keeps its case. "
                "transformers lower-cases it by default. Say do_lower_case to settle "
                "it."
            )
    words = len(read)
    return wordpiece_config(
        vocabulary,
        lower_case,
        words=words if words < len(vocabulary) else None,
        strip_accents=values.get("strip_accents"),
        split_chinese_characters=values.get("tokenize_chinese_chars", True),
        special_tokens=special,
        added_tokens=flagged(added, special),
    )


def _of_fairseq(path, settings, size):
    """Reads XLM-RoBERTa's model, whose ids fairseq shifts by four tokens."""
    from kerasbert.text.sentencepiece_model import (
        USER_DEFINED,
        build_model,
        check_unigram,
        parse_model,
    )

    message = parse_model(path.read_bytes(), path)
    check_unigram(message, path)
    begin = tuple(piece.piece for piece in message.pieces[:3])
    if begin != _FAIRSEQ:
        raise ValueError(
            f"Expected {path} to begin with the pieces {', '.join(_FAIRSEQ)}, as "
            f"XLM-RoBERTa's model does, got {quoted(', '.join(begin), 80)}. Save the "
            "tokenizer once as tokenizer.json with transformers."
        )
    if settings.kind not in XLMR_CLASSES and size != len(message.pieces) + 2:
        raise ValueError(
            f"Expected a tokenizer_class beside {path}, which XLM-RoBERTa, CamemBERT "
            "and mBART count differently; a model of XLM-RoBERTa's has "
            f"{len(message.pieces) + 2} tokens, this one {size}. Say "
            "tokenizer_class=XLMRobertaTokenizer in tokenizer_config.json if it is."
        )
    names = settings.named(XLMR_SPECIAL_TOKENS)
    before = [names["cls"], names["pad"], names["sep"], names["unk"]]
    for place, name in ((0, "bos"), (2, "eos")):
        if (token := settings.token(name)) is not None:
            before[place] = token.content
    pieces = [(token, 0.0) for token in before]
    pieces += [(piece.piece, piece.score) for piece in message.pieces[3:]]
    pieces.append((names["mask"], 0.0))
    vocabulary, added = with_added(
        [piece for piece, _ in pieces], {}, settings, path.parent
    )
    for piece in message.pieces[3:]:
        if piece.type == USER_DEFINED:
            added.setdefault(AddedToken(piece.piece), 0)
    pieces += [(token, 0.0) for token in vocabulary[len(pieces) :]]
    special = SpecialTokens(**names, additional=additional(settings, added))
    charsmap = message.normalizer_spec.precompiled_charsmap
    normalizer = None
    if charsmap:
        table = base64.b64encode(charsmap).decode("ascii")
        normalizer = {"type": "Precompiled", "precompiled_charsmap": table}
    words = len(message.pieces) + 2
    return sentencepiece_config(
        build_model(pieces, 3, charsmap, set(special.all())),
        path,
        False,
        strip_accents=False,
        special_tokens=special,
        added_tokens=flagged(added, special),
        normalizer=as_text(normalizer),
        pre_tokenizer=as_text(_WORDS),
        words=words if words < len(pieces) else None,
        template=roberta_template(before[0], before[2]),
    )
