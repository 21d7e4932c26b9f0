"""Tags are roles of entities however they are written, or are refused."""

import pytest

from kerasbert.metrics import entity_scores, spans_of
from kerasbert.tasks import labels_of
from kerasbert.tasks.token_classification.tags import TagScheme, scheme_of

# Each with what seqeval reads: one entity of two words, and one of one word.
WRITTEN = [
    ["B-PER", "I-PER", "O", "B-LOC"],
    ["B_PER", "I_PER", "O", "B_LOC"],
    ["PER-B", "PER-I", "O", "LOC-B"],
    ["PER_B", "PER_I", "O", "LOC_B"],
    ["PER-B", "PER-E", "O", "LOC-S"],
    ["B:PER", "E:PER", "O", "S:LOC"],
]


@pytest.mark.parametrize("tags", WRITTEN)
def test_every_writing_says_the_same_entities(tags):
    assert spans_of(tags) == [("PER", 0, 2), ("LOC", 3, 4)]
    scheme = TagScheme(labels_of([tags]))
    assert scheme.spans(tags) == spans_of(tags)
    assert scheme.write(spans_of(tags), 4) == tags
    assert entity_scores([tags], [tags[:3] + ["O"]])["recall"] == 0.5


def test_types_that_end_in_a_letter_of_a_role_may_be_types():
    assert scheme_of(["VITAMIN-B", "O"]) == "PLAIN"
    scheme = TagScheme(["O", "VITAMIN-B", "VITAMIN-E"], "PLAIN")
    assert scheme.types == ("_", "VITAMIN-B", "VITAMIN-E")


@pytest.mark.parametrize(
    "labels",
    [["PER-B", "PER-I", "MISC"], ["B_PER", "I_PER", "MISC"], ["b-per", "i-per", "o"]],
)
def test_tags_that_are_half_written_so_are_refused(labels):
    with pytest.raises(ValueError, match="look like roles of entities"):
        scheme_of(labels)
