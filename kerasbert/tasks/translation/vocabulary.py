"""A vocabulary of the training texts, shared by both languages."""

from kerasbert.account import quoted
from kerasbert.text.sentencepiece import SentencePieceTokenizer
from kerasbert.text.sentencepiece_training import MOST_TEXTS, train_sentencepiece
from kerasbert.text.tokenizer_config import SpecialTokens, Template

VOCABULARIES = ("unigram", "bpe")
SPECIAL_TOKENS = SpecialTokens("<s>", "</s>", "<pad>", "<mask>", "<unk>")
# A source ends in </s>; a target begins with <s>, too, which the decoder gets first.
TEMPLATE = Template(
    single=((None, 0), ("</s>", 0)),
    pair=((None, 0), ("</s>", 0), (None, 0), ("</s>", 0)),
)


def train_vocabulary(
    texts, vocab_size=8000, max_length=None, threads=2, vocabulary="unigram"
):
    """Trains a SentencePiece vocabulary.

    Text keeps its case and accents. Forms of the same character become one (NFKC), but
    not where there are as many characters as in Chinese, whose punctuation is wide.

    Args:
        texts: The texts of both languages.
        vocab_size: Number of tokens, four special ones included; less where the texts
            do not have as many pieces.
        max_length: That of the tokenizer.
        threads: Number of threads.
        vocabulary: `"unigram"`, or `"bpe"` for byte pair encoding.

    Returns:
        A `kerasbert.Tokenizer`.

    Raises:
        ImportError: If the package sentencepiece is not installed.
        ValueError: If the texts hold more characters than the vocabulary has tokens,
            or there is no such kind of vocabulary.

    Reference:
        [Kudo, 2018](https://arxiv.org/abs/1804.10959); [Sennrich et al.,
        2015](https://arxiv.org/abs/1508.07909), section 3.2, for `"bpe"`.
    """
    if vocabulary not in VOCABULARIES:
        raise ValueError(
            f"Expected a vocabulary of {' or '.join(VOCABULARIES)}, got "
            f"{quoted(vocabulary)}."
        )
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise ValueError("Expected texts to make a vocabulary of, got empty ones.")
    alphabetic = _is_alphabetic(texts)
    model = train_sentencepiece(
        *(texts, vocab_size),
        extra="translation",
        model_type=vocabulary,
        told="texts and a vocab_size of which a vocabulary can be made, got "
        f"{len(texts)} texts and vocab_size={vocab_size}",
        character_coverage=1.0 if alphabetic else 0.9995,
        normalization_rule_name="nmt_nfkc" if alphabetic else "identity",
        bos_id=1,
        eos_id=2,
        unk_id=3,
        shuffle_input_sentence=len(texts) > MOST_TEXTS,
        num_threads=threads,
    )
    return SentencePieceTokenizer(
        model,
        lower_case=False,
        strip_accents=False,
        special_tokens=SPECIAL_TOKENS,
        template=TEMPLATE,
        special_tokens_in_text=False,
        max_length=max_length,
    )


def _is_alphabetic(texts, most=1000):
    """Whether the texts have few different characters, unlike Chinese."""
    sample = texts[:: max(1, len(texts) // 20_000)]  # of both languages
    return len(set("".join(sample))) < most
