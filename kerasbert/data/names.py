"""Column names by which texts, labels and scores are recognized, most likely first."""

import functools
import re

__all__ = [
    *("ANSWER_NAMES", "LABEL_NAMES", "PAIR_NAMES", "QUESTION_NAMES", "SCORE_NAMES"),
    *("SENTENCE_NAMES", "TAG_NAMES", "TEXT_NAMES", "WORD_NAMES"),
    *("header_words", "known_names", "plain_name"),
]

TEXT_NAMES = (
    *("text", "sentence", "sentence1", "text_a", "question1", "premise", "q1"),
    *("question", "review", "comment", "content", "query"),
    *("sentence_a", "text1", "#1 string", "string1", "qtext", "tweet", "body"),
    *("message", "utterance", "document", "anchor", "review_text", "review_body"),
    *("comment_text", "data.text", "文本", "句子", "句子1", "文本1", "内容", "评论"),
    *("问题", "title", "标题"),
)
PAIR_NAMES = (
    *("pair", "sentence2", "text_b", "question2", "hypothesis", "q2", "context"),
    *("sentence_b", "text2", "#2 string", "string2", "atext", "句子2", "文本2"),
)
# Second texts where the first one is a question.
QUESTION_NAMES = ("question", "query", "qtext", "anchor")
ANSWER_NAMES = ("answer", "passage", "positive")
LABEL_NAMES = (
    *("label", "labels", "score", "target", "class", "category", "sentiment"),
    *("similarity", "gold_label", "polarity", "quality", "is_duplicate", "intent"),
    *("emotion", "rating", "stars", "relatedness_score", "entailment_judgment"),
    *("标签", "类别", "分类", "情感", "得分", "分数", "相似度"),
)
SCORE_NAMES = (
    *("score", "similarity", "relatedness_score", "rating", "stars", "得分", "分数"),
    *("相似度", *LABEL_NAMES),
)
WORD_NAMES = ("word", "token", "words", "tokens", "form", "text", "字", "词")
TAG_NAMES = (
    "tag",
    "ner_tag",
    "ner",
    "label",
    "bio",
    "iob",
    "entity",
    "tags",
    "ner_tags",
)
SENTENCE_NAMES = ("sentence #", "sentence", "sentence_id", "sent_id", "sentence_idx")
_OTHERS = ("id", "idx", "index", "weight", "split", "source", "lang", "language")
_WORDS = frozenset(
    "text tweet review sentence comment content message body title question query "
    "premise hypothesis utterance description headline summary answer label labels "
    "score sentiment class category rating stars emotion intent polarity judgment "
    "similarity target tag quality id index idx date author user username name url "
    "lang language source split weight topic subject type airline status".split()
)
_CHINESE = (
    "文本",
    "句子",
    "内容",
    "评论",
    "问题",
    "标题",
    "标签",
    "类别",
    "分类",
    "情感",
)


def plain_name(name):
    """Normalizes a column name: `"Sentence_A"` and `"sentence a"` are equal.

    Example:
        >>> plain_name("#1 String"), plain_name(" Gold_Label ")
        ('1string', 'goldlabel')
    """
    return re.sub(r"[\W_]+", "", str(name)).casefold()


@functools.cache
def known_names():
    """Returns the normalized forms of all known column names."""
    names = (*TEXT_NAMES, *PAIR_NAMES, *LABEL_NAMES, *ANSWER_NAMES)
    return frozenset(map(plain_name, names))


def header_words(name):
    """Returns the words of a column name that are common in headers.

    Example:
        >>> header_words("airline_sentiment"), header_words("splendid")
        (['airline', 'sentiment'], [])
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = re.split(r"[\W\d_]+", spaced.casefold())
    return [word for word in words if word in _WORDS] + [
        word for word in _CHINESE if word in name
    ]
