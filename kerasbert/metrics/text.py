"""How close texts are to reference texts: BLEU and chrF."""


def translation_scores(found, expected):
    """Computes corpus BLEU and chrF, from 0 to 100.

    Args:
        found: The translations.
        expected: A reference for each.

    Returns:
        `bleu`, that of sacreBLEU with its tokenizer 13a, or `zh` where most references
        are Chinese; and `chrf`.

    Raises:
        ImportError: If the package sacrebleu is not installed.

    Reference:
        [Post, 2018](https://arxiv.org/abs/1804.08771); [Popović,
        2015](https://aclanthology.org/W15-3049/).
    """
    try:
        import sacrebleu
    except ModuleNotFoundError:
        raise ImportError(
            "Expected the package sacrebleu, which computes BLEU and chrF. Install: "
            "pip install 'kerasbert[translation]'"
        ) from None
    found, expected = list(found), [list(expected)]
    tokenizer = "zh" if _is_chinese(expected[0]) else "13a"
    bleu = sacrebleu.corpus_bleu(found, expected, tokenize=tokenizer)
    return {"bleu": bleu.score, "chrf": sacrebleu.corpus_chrf(found, expected).score}


def _is_chinese(texts):
    counted = "".join(texts[:1000])
    count = sum("\u4e00" <= character <= "\u9fff" for character in counted)
    return 2 * count > len(counted)
