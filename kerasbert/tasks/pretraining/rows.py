"""Rows of a corpus: sequences, and pairs of segments."""

import array

import numpy as np

PAIRS = ("next_sentence", "sentence_order")


class Rows:
    """Sequences of consecutive sentences of a document.

    Args:
        corpus: The `Corpus`.
        max_length: The longest sequence in tokens, special tokens included.
        tokenizer: The `kerasbert.Tokenizer`.
        short_probability: Which part of the sequences gets a random, shorter length.
        seed: Gives these lengths.

    Raises:
        ValueError: If no token fits, or there are no rows.

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), appendix A.2.
    """

    pair = False

    def __init__(self, corpus, tokenizer, max_length, short_probability=0.0, seed=0):
        if not 0 <= short_probability <= 1:
            raise ValueError(
                f"Expected short_probability from 0 to 1, got {short_probability}."
            )
        self.corpus = corpus
        self.frame = tokenizer.frame(self.pair)
        self.cls, self.sep = tokenizer.cls_token_id, tokenizer.sep_token_id
        self.pad = tokenizer.pad_token_id
        self.room = max_length - self.frame.size
        if self.room < 2:
            raise ValueError(
                f"Expected max_length to be {self.frame.size + 2} or more, got "
                f"{max_length}."
            )
        self.short_probability = short_probability
        self.plan = self._planned(np.random.default_rng([seed, 0]))
        self._check()

    def __len__(self):
        return len(self.plan)

    def row(self, number, random):
        """Returns tokens, segments, continuation flags and the class of the pair."""
        tokens, continues = self.corpus.span(*self.plan[number])
        return *self._framed([(tokens, continues)]), 0

    def _check(self):
        if not len(self):
            raise ValueError("Expected a corpus with a row, got none.")

    def _targets(self, random):
        """Yields the number of tokens of each row."""
        while True:
            draws = random.random(1024) < self.short_probability
            lengths = random.integers(2, self.room + 1, 1024)
            yield from np.where(draws, lengths, self.room).tolist()

    def _planned(self, random):
        targets = self._targets(random)
        found = array.array("q")
        for begin, end in zip(
            self.corpus.documents[:-1], self.corpus.documents[1:], strict=True
        ):
            bounds = self.corpus.sentences[begin : end + 1].tolist()
            start, target = bounds[0], next(targets)
            last = start
            for bound in bounds[1:]:
                if bound - start > target and last > start:
                    found.extend((start, last))
                    start, target = last, next(targets)
                while bound - start > target:  # a sentence that is longer than a row
                    found.extend((start, start + target))
                    start, target = start + target, next(targets)
                last = bound
            if last > start:
                found.extend((start, last))
        return (
            np.frombuffer(found, "int64").reshape(-1, 2) if found else np.zeros((0, 2))
        )

    def _framed(self, parts):
        """Puts special tokens around one or two segments."""
        flag = np.zeros(1, bool)
        tokens, continues, segments = [[self.cls]], [flag], [[0]]
        for segment, (token_ids, flags) in enumerate(parts):
            flags = flags.copy()
            flags[:1] = False
            tokens += [token_ids, [self.sep]]
            continues += [flags, flag]
            segments.append(np.full(len(token_ids) + 1, segment))
        return (
            np.concatenate(tokens).astype("int32"),
            np.concatenate(segments).astype("int32"),
            np.concatenate(continues),
        )


class PairRows(Rows):
    """Two segments of consecutive sentences, for a pair head.

    With `"next_sentence"` the second is that of a random other document (class 1) in
    half of the rows, and where there is one sentence; with `"sentence_order"` the two
    are swapped in half of them. Where the first ends, and what the second is, is drawn
    anew in every pass.

    Args:
        task: `"next_sentence"` or `"sentence_order"`.
        corpus: The `Corpus`.
        **options: The other arguments of `Rows`.

    Raises:
        ValueError: If there is one document only, from which no other can be drawn; or
            none has two sentences.

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), appendix A.2;
        [Lan et al., 2019](https://arxiv.org/abs/1909.11942), section 3.1.
    """

    pair = True

    def __init__(self, task, corpus, **options):
        if task not in PAIRS:
            raise ValueError(
                "Expected the pair task to be next_sentence or sentence_order, "
                f"got {task!r}."
            )
        if task == "next_sentence" and corpus.num_documents < 2:
            raise ValueError(
                "Expected two documents or more for next_sentence, whose wrong "
                f"sentences are of another document, got {corpus.num_documents}. "
                "Separate documents by a blank line."
            )
        self.task = task
        super().__init__(corpus, **options)

    def _check(self):
        if not len(self):
            raise ValueError(
                f"Expected documents of two sentences or more for {self.task}, got "
                "none. A sentence is a line."
            )

    def _planned(self, random):
        """Plans chunks: the first and last sentence, and the length."""
        targets = self._targets(random)
        found = array.array("q")
        for begin, end in zip(
            self.corpus.documents[:-1], self.corpus.documents[1:], strict=True
        ):
            bounds = self.corpus.sentences[begin : end + 1].tolist()
            first, target = 0, next(targets)
            for last in range(1, len(bounds)):
                if bounds[last] - bounds[first] < target and last + 1 < len(bounds):
                    continue
                if last - first > 1 or self.task == "next_sentence":
                    found.extend((begin + first, begin + last, target))
                    first, target = last, next(targets)
        return (
            np.frombuffer(found, "int64").reshape(-1, 3) if found else np.zeros((0, 3))
        )

    def row(self, number, random):
        first, last, target = self.plan[number].tolist()
        sentences = self.corpus.sentences
        cut = first + (1 if last - first < 2 else int(random.integers(1, last - first)))
        one = [int(sentences[first]), int(sentences[cut])]
        two = [int(sentences[cut]), int(sentences[last])]
        other = random.random() < 0.5
        if self.task == "next_sentence" and (other or two[0] == two[1]):
            other = True
            two = self._elsewhere(first, max(1, target - (one[1] - one[0])), random)
        self._cut(one, two, target, random)
        parts = [self.corpus.span(*one), self.corpus.span(*two)]
        if self.task == "sentence_order" and other:
            parts.reverse()
        return *self._framed(parts), int(other)

    def _elsewhere(self, sentence, room, random):
        """Returns the span of sentences of a random other document."""
        documents, sentences = self.corpus.documents, self.corpus.sentences
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
    def _cut(one, two, target, random):
        """Shortens the longer segment at a random side until both fit."""
        while (one[1] - one[0]) + (two[1] - two[0]) > target:
            longer = one if one[1] - one[0] > two[1] - two[0] else two
            if random.random() < 0.5:
                longer[0] += 1
            else:
                longer[1] -= 1
