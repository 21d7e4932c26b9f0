import pathlib

import pytest
import tensorflow as tf

from kerasbert.text import SentencePieceTokenizer, WordPieceTokenizer
from kerasbert.text.windows import windows
from tests.text import oracle

# TF Serving 2.12.1 to 2.19.1 link TF Text 2.12.1; these are the operations of it that
# text may use. Operations of TensorFlow itself are always there.
TF_TEXT = {
    "FastBertNormalize",
    "FastWordpieceTokenizeWithOffsets",
    "SentencepieceOp",
    "SentencepieceTokenizeWithOffsetsOp",
    "TFText>FastSentencepieceTokenize",
}
CORE = set(
    """
    Add AddV2 All Any Assert Cast ConcatV2 Const Cumsum DecodeRaw DenseBincount
    Equal Fill FloorDiv FloorMod GatherV2 Greater GreaterEqual Identity If Less
    LessEqual LogicalAnd LogicalNot LogicalOr LowerBound Max Maximum
    MergeV2Checkpoints Minimum Mul Neg NoOp NotEqual OnesLike Pack Placeholder Prod
    RaggedGather RaggedRange RaggedTensorToTensor Range ReduceJoin Reshape RestoreV2
    SaveV2 Select SelectV2 Shape ShardedFilename Size Squeeze
    StatefulPartitionedCall StatelessIf StatelessWhile StaticRegexFullMatch
    StaticRegexReplace StridedSlice StringJoin StringLength StringSplitV2 Sub Sum
    TensorScatterAdd TensorScatterUpdate TopKV2 Transpose UnicodeTranscode Where
    ZerosLike
    """.split()
)
TEXTS = [
    "Hello [MASK] wörld!",
    "",
    "in 1984, he said ``no''",
    "你好 \u302e\u1b44 x" * 9,
]


@pytest.fixture(scope="module", params=["wordpiece", "sentencepiece"])
def tokenizer(request):
    if request.param == "wordpiece":
        return WordPieceTokenizer(oracle.wordpiece_vocabulary())
    return SentencePieceTokenizer(
        oracle.sentencepiece_model(), split_digits_from_commas=True
    )


def everything(tokenizer, text):
    ids, starts, ends = tokenizer.tokenize_with_offsets(text)
    pieces, texts, _ = windows(ids, max_length=5, stride=2)
    pairs, _ = tokenizer.pack(ids, tokenizer.tokenize(text), max_length=9)
    return {
        **tokenizer(text, max_length=12),
        "ids": ids.to_tensor(-1),
        "starts": starts.to_tensor(-1),
        "ends": ends.to_tensor(-1),
        "windows": pieces.to_tensor(-1),
        "window_texts": texts,
        "pairs": pairs.to_tensor(-1),
    }


@pytest.fixture(scope="module")
def exported(tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    module = tf.Module()
    module.run = tf.function(
        lambda text: everything(tokenizer, text),
        input_signature=[tf.TensorSpec([None], tf.string, name="text")],
        autograph=False,
    )
    tf.saved_model.save(module, str(folder), signatures=module.run)
    return folder


def test_a_saved_model_gives_what_eager_mode_gives(tokenizer, exported):
    run = tf.saved_model.load(str(exported)).signatures["serving_default"]
    expected = everything(tokenizer, tf.constant(TEXTS))
    answers = run(text=tf.constant(TEXTS))
    for name, value in expected.items():
        assert answers[name].numpy().tolist() == value.numpy().tolist(), name


def test_a_saved_model_holds_operations_of_the_list_alone(exported):
    from tensorflow.core.protobuf import saved_model_pb2

    message = saved_model_pb2.SavedModel()
    message.ParseFromString(pathlib.Path(exported, "saved_model.pb").read_bytes())
    graph = message.meta_graphs[0].graph_def
    used = {node.op for node in graph.node}
    used |= {node.op for f in graph.library.function for node in f.node_def}
    assert used - CORE - TF_TEXT == set()


def test_a_saved_model_needs_no_files_and_no_tables(exported):
    assert not list(pathlib.Path(exported, "assets").iterdir())


def test_a_data_pipeline_gives_what_lists_give(tokenizer):
    dataset = tf.data.Dataset.from_tensor_slices(TEXTS).batch(2)
    dataset = dataset.map(lambda texts: tokenizer(texts, max_length=8, length=8))
    rows = [
        [i for i, kept in zip(row, mask, strict=True) if kept]
        for batch in dataset
        for row, mask in zip(
            batch["token_ids"].numpy().tolist(),
            batch["padding_mask"].numpy().tolist(),
            strict=True,
        )
    ]
    assert rows == tokenizer.encode(TEXTS, max_length=8)


def test_lists_of_any_length_are_encoded_by_one_trace(tokenizer):
    tokenizer.encode(["a"])
    for count in (0, 2, 5, 1100):
        assert len(tokenizer.encode(["hello world"] * count)) == count
    assert tokenizer._encode.experimental_get_tracing_count() == 1


def test_a_text_has_the_same_ids_in_any_company(tokenizer):
    texts = oracle.hard_strings(200, seed=9)
    assert tokenizer.encode(texts) == [tokenizer.encode([t])[0] for t in texts]
