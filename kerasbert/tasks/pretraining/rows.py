"""Rows of tokenized documents: sequences, and pairs of segments."""

import itertools
import tempfile

import numpy as np

PAIR_TASKS = ("none", "next_sentence", "sentence_order")


def rows_of(task, documents, max_length):
    """Returns the rows of `TokenizedDocuments` for a `Pretrainer`."""
    options = {
        "tokenizer": task.tokenizer,
        "max_length": max_length,
        "short_probability": task.short_probability,
        "seed": task.corpus_seed,
    }
    if task.pair_task == "none":
        return Rows(documents, **options)
    return PairRows(task.pair_task, documents, **options)


def check_rows(tokenizer, max_length, pair_task, short_probability):
    """Raises a `ValueError` if rows cannot be like this, whatever the documents are."""
    if pair_task not in PAIR_TASKS:
        raise ValueError(
            f"Expected a pair_task among {', '.join(PAIR_TASKS)}, got {pair_task!r}."
        )
    if not 0 <= short_probability <= 1:
        raise ValueError(
            f"Expected short_probability from 0 to 1, got {short_probability}."
        )
    least = tokenizer.num_special_tokens(pair=pair_task != "none") + 2
    if max_length < least:
        raise ValueError(
            f"Expected max_length to be {least} or more, got {max_length}."
        )


def mapped(numbers, dtype):
    """Returns an array of integers, in a file without a name: it takes no memory."""
    with tempfile.TemporaryFile() as file:
        numbers = iter(numbers)
        while len(part := np.fromiter(itertools.islice(numbers, 1 << 16), dtype)):
            part.tofile(file)
        file.flush()
        if not file.tell():
            return np.zeros(0, dtype)
        return np.asarray(np.memmap(file, dtype, mode="r+"))


class Rows:
    """Sequences of consecutive sentences of a document.

    Args:
        documents: The `TokenizedDocuments`, such as a `Corpus`.
        tokenizer: The `kerasbert.Tokenizer`.
        max_length: The longest sequence in tokens, special tokens included.
        short_probability: Which part of the sequences gets a random, shorter length.
        seed: Gives these lengths.

    Raises:
        ValueError: If no token fits, or there are no rows.

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), appendix A.2.
    """

    pair_task = "none"
    columns = 2  # of the plan: a row's first token, and the one after its last
    rule = "Rows"  # of cutting; a run with another one does not go on

    def __init__(self, documents, tokenizer, max_length, short_probability=0.0, seed=0):
        check_rows(tokenizer, max_length, self.pair_task, short_probability)
        self.documents = documents
        self.frame = tokenizer.frame(self.pair)
        self.pad = tokenizer.pad_token_id
        self.max_length = max_length
        self.room = max_length - self.frame.size
        self.short_probability = short_probability
        if not documents.num_tokens:
            raise ValueError("Expected documents with tokens in them, got none.")
        plan = mapped(self._planned(np.random.default_rng([seed, 0])), "int64")
        if not len(plan):
            raise ValueError(
                f"Expected documents of two tokens or more for {self.pair_task}, got "
                "shorter ones alone."
            )
        self.plan = plan.reshape(-1, self.columns)

    def __len__(self):
        return len(self.plan)

    @property
    def pair(self):
        """Whether a row has two segments."""
        return self.pair_task != "none"

    def row(self, number, random):
        """Returns tokens, segments, continuation flags and the class of the pair."""
        return *self._framed([self.plan[number]]), 0

    def _targets(self, random):
        """Yields the number of tokens of each row."""
        while True:
            draws = random.random(1024) < self.short_probability
            lengths = random.integers(2, self.room + 1, 1024)
            yield from np.where(draws, lengths, self.room).tolist()

    def _bounds(self):
        """Yields, of each document, its first sentence and where sentences begin."""
        sentences = np.asarray(self.documents.sentences)
        for begin, end in itertools.pairwise(np.asarray(self.documents.documents)):
            yield int(begin), sentences[begin : end + 1].tolist()

    def _planned(self, random):
        """Yields the numbers of the plan."""
        targets = self._targets(random)
        for _, bounds in self._bounds():
            start, target = bounds[0], next(targets)
            last = start
            for bound in bounds[1:]:
                if bound - start > target and last > start:
                    yield from (start, last)
                    start, target = last, next(targets)
                while bound - start > target:  # a sentence that is longer than a row
                    yield from (start, start + target)
                    start, target = start + target, next(targets)
                last = bound
            if last > start:
                yield from (start, last)

    def _framed(self, spans):
        """Puts special tokens around one or two segments."""
        tokens, segments, continues = [], [], []
        for number, group in enumerate(self.frame.groups):
            for token, segment in group:
                tokens.append([token])
                segments.append([segment])
                continues.append([False])
            if number < len(spans):
                token_ids, flags = self.documents.span(*spans[number])
                flags[:1] = False
                tokens.append(token_ids)
                segments.append(np.full(len(token_ids), self.frame.segments[number]))
                continues.append(flags)
        return (
            np.concatenate(tokens).astype("int32"),
            np.concatenate(segments).astype("int32"),
            np.concatenate(continues),
        )


class PairRows(Rows):
    """Two segments of consecutive sentences, for a pair head.

    With `"next_sentence"` the second is that of a random other document (class 1) in
    half of the rows; with `"sentence_order"` the two are swapped in half of them. Where
    a document has one sentence, or one is left, its halves are the segments, so that
    classes are even in all documents. Where the first segment ends, and what the second
    is, is drawn anew in every pass over a `Corpus`.

    Args:
        pair_task: `"next_sentence"` or `"sentence_order"`.
        documents: The `TokenizedDocuments`.
        **options: The other arguments of `Rows`.

    Raises:
        ValueError: If there is one document only, from which no other can be drawn; or
            none has two tokens.

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), appendix A.2;
        [Lan et al., 2019](https://arxiv.org/abs/1909.11942), section 3.1.
    """

    columns = 3  # of the plan: the first sentence, the one after the last, the length
    rule = "PairRows, halves of lone sentences"

    def __init__(self, pair_task, documents, **options):
        self.pair_task = pair_task
        if pair_task == "next_sentence" and documents.num_documents == 1:
            raise ValueError(
                "Expected two documents or more for next_sentence, whose wrong "
                "sentences are of another document, got one. Separate documents by a "
                'blank line, or choose pair_task "sentence_order" or "none".'
            )
        super().__init__(documents, **options)

    def _planned(self, random):
        targets = self._targets(random)
        for begin, bounds in self._bounds():
            first, target = 0, next(targets)
            for last in range(1, len(bounds)):
                length = bounds[last] - bounds[first]
                whole = length >= target and last - first > 1
                if not whole and last + 1 < len(bounds):
                    continue
                if length > 1:
                    yield from (begin + first, begin + last, target)
                first, target = last, next(targets)

    def row(self, number, random):
        first, last, target = self.plan[number].tolist()
        bounds = self.documents.sentences
        start, stop = int(bounds[first]), int(bounds[last])
        cut = (start + stop) // 2
        if last - first > 1:
            cut = int(bounds[first + int(random.integers(1, last - first))])
        one, two, other = [start, cut], [cut, stop], random.random() < 0.5
        if other and self.pair_task == "next_sentence":
            two = self._elsewhere(first, max(1, target - (cut - start)), random)
        self._fit(one, two, target, random)
        if other and self.pair_task == "sentence_order":
            one, two = two, one
        return *self._framed([one, two]), int(other)

    def _elsewhere(self, sentence, room, random):
        """Returns the span of sentences of a random other document."""
        documents, sentences = self.documents.documents, self.documents.sentences
        own = int(np.searchsorted(documents, sentence, side="right")) - 1
        number = int(random.integers(len(documents) - 2))
        number += number >= own
        begin, end = int(documents[number]), int(documents[number + 1])
        first = int(random.integers(begin, end))
        last = first + 1
        while last < end and sentences[last] - sentences[first] < room:
            last += 1
        return [int(sentences[first]), int(sentences[last])]

    @staticmethod
    def _fit(one, two, target, random):
        """Shortens the longer segment at random ends until both fit."""
        while (over := (one[1] - one[0]) + (two[1] - two[0]) - target) > 0:
            more = (one[1] - one[0]) - (two[1] - two[0])
            cut = min(over, max(1, abs(more)))
            front = int(random.binomial(cut, 0.5))
            longer = one if more > 0 else two
            longer[0] += front
            longer[1] -= cut - front
