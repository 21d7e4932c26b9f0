"""How close texts are to reference texts: BLEU, chrF, ROUGE."""


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


def summary_scores(found, expected):
    """Computes the means of ROUGE F-measures, from 0 to 100.

    Args:
        found: The summaries.
        expected: A reference for each.

    Returns:
        `rouge1`, `rouge2` and `rougeL`, those of rouge-score with its stemmer.

    Raises:
        ImportError: If the package rouge-score is not installed.

    Reference:
        [Lin, 2004](https://aclanthology.org/W04-1013/).
    """
    try:
        from rouge_score import rouge_scorer
    except ModuleNotFoundError:
        raise ImportError(
            "Expected the package rouge-score, which computes ROUGE. Install: "
            "pip install 'kerasbert[summarization]'"
        ) from None
    names = ("rouge1", "rouge2", "rougeL")
    scorer = rouge_scorer.RougeScorer(list(names), use_stemmer=True)
    scores = [scorer.score(b, a) for a, b in zip(found, expected, strict=True)]
    return {
        name: 100 * sum(score[name].fmeasure for score in scores) / max(1, len(scores))
        for name in names
    }
