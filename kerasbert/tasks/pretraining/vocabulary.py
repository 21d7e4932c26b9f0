"""Vocabularies of a corpus."""

import collections
import itertools

from kerasbert.tasks.pretraining.documents import iterate_documents
from kerasbert.text.sentencepiece import SentencePieceTokenizer
from kerasbert.text.sentencepiece_training import train_sentencepiece
from kerasbert.text.tokenizer_config import ALBERT_SPECIAL_TOKENS, BERT_SPECIAL_TOKENS
from kerasbert.text.wordpiece import WordPieceTokenizer

KINDS = ("wordpiece", "sentencepiece")
COVERAGE = 0.9999  # of the text, by the characters that a vocabulary of words has


def train_tokenizer(
    files,
    vocab_size=30522,
    kind="wordpiece",
    lower_case=True,
    max_length=512,
    skip_invalid=False,
):
    """Trains a vocabulary on documents.

    Args:
        files: Paths of the files, as in `Corpus.write`.
        vocab_size: Number of tokens, special tokens included; less where the text does
            not have as many pieces.
        kind: `"wordpiece"` as BERT has it, or `"sentencepiece"` as ALBERT has it.
        lower_case: Whether to lower-case text and remove accents.
        max_length: That of the tokenizer.
        skip_invalid: As in `Corpus.write`.

    Returns:
        A `kerasbert.Tokenizer`.

    Raises:
        ImportError: If the package that trains it is not installed.
        ValueError: If there is no text, or the vocabulary cannot be that small.

    Reference:
        [Wu et al., 2016](https://arxiv.org/abs/1609.08144), section 4.1, and
        [Kudo, 2018](https://arxiv.org/abs/1804.10959).
    """
    if kind not in KINDS:
        raise ValueError(
            f"Expected kind to be wordpiece or sentencepiece, got {kind!r}."
        )

    def texts():
        return itertools.chain.from_iterable(iterate_documents(files, skip_invalid))

    if next(texts(), None) is None:
        raise ValueError(f"Expected text in {', '.join(map(str, files))}, got none.")
    train = _wordpiece if kind == "wordpiece" else _sentencepiece
    return train(texts, vocab_size, lower_case, max_length)


def _wordpiece(texts, vocab_size, lower_case, max_length):
    try:
        import tokenizers
    except ModuleNotFoundError:
        raise ImportError(
            "Expected the package tokenizers, which trains the vocabulary. Install: "
            "pip install 'kerasbert[pretraining]'"
        ) from None
    special = list(BERT_SPECIAL_TOKENS.all())
    order = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    special = [token for token in order if token in special]
    model = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))
    model.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=lower_case)
    model.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    trainer = tokenizers.trainers.WordPieceTrainer(
        vocab_size=vocab_size,
        special_tokens=special,
        limit_alphabet=min(
            vocab_size - len(special), max(1000, _alphabet_size(texts()))
        ),
        show_progress=False,
    )
    model.train_from_iterator(texts(), trainer)
    ids = model.get_vocab()
    return WordPieceTokenizer(
        sorted(ids, key=ids.get), lower_case=lower_case, max_length=max_length
    )


def _alphabet_size(texts):
    """Returns how many characters, the most frequent ones, are `COVERAGE` of texts."""
    counts = collections.Counter()
    for text in texts:
        counts.update(text)
    missing, size = (1 - COVERAGE) * counts.total(), len(counts)
    for count in sorted(counts.values()):
        missing -= count
        if missing < 0:
            break
        size -= 1
    return size


def _sentencepiece(texts, vocab_size, lower_case, max_length):
    model = train_sentencepiece(
        *((text.lower() if lower_case else text for text in texts()), vocab_size),
        extra="pretraining",
        told=f"text of which a vocabulary of {vocab_size} tokens can be made",
        unk_id=1,
        bos_id=-1,
        eos_id=-1,
        control_symbols=["[CLS]", "[SEP]", "[MASK]"],
    )
    return SentencePieceTokenizer(
        model,
        lower_case=lower_case,
        strip_accents=lower_case,
        special_tokens=ALBERT_SPECIAL_TOKENS,
        max_length=max_length,
    )
