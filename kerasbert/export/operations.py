"""Allow-list of operations: those of TF Serving since 2.12.1."""

import tensorflow as tf

# The ops_lib of TF Text 2.12.1, which TF Serving 2.12.1 to 2.19.1 links.
TF_TEXT_OPERATIONS = frozenset(
    """CaseFoldUTF8 ConstrainedSequence FastBertNormalize
    FastWordpieceTokenizeWithOffsets FindSourceOffsets MaxSpanningTree NormalizeUTF8
    NormalizeUTF8WithOffsetsMap PhraseDetokenize PhraseTokenize RegexSplitWithOffsets
    RougeL SentenceFragments SentenceFragmentsV2 SentencepieceDetokenizeOp
    SentencepieceIdToStringOp SentencepieceOp SentencepieceStringToIdOp
    SentencepieceTokenizeOp SentencepieceTokenizeWithOffsetsOp SentencepieceVocabSizeOp
    SplitMergeTokenizeWithOffsets TFText>BoiseTagsToOffsets TFText>ByteSplitByOffsets
    TFText>ByteSplitWithOffsets TFText>FastSentencepieceDetokenize
    TFText>FastSentencepieceTokenize TFText>FastWordpieceDetokenize
    TFText>NgramsStringJoin TFText>OffsetsToBoiseTags
    TFText>WhitespaceTokenizeWithOffsetsV2 TokenizerFromLogits
    UnicodeScriptTokenizeWithOffsets WhitespaceTokenizeWithOffsets
    WordpieceTokenizeWithOffsets""".split()
)

# Operations that TensorFlow 2.21 has and 2.12.1 had not; those of XLA are left out all.
NEWER_OPERATIONS = frozenset(
    """CheckPinned CollectiveAllToAllV2 Conv ConvertToCooTensor
    ConvertToListOfSparseCoreCooTensors ConvertToSparseCoreCsrWrappedCooTensor
    DatasetFingerprint DebugIdentityV3 DecodeJxl DecodeWebP
    DynamicEnqueueTPUEmbeddingRaggedTensorBatch FFTND
    GetMinibatchSplitsWithPhysicalReplica GetMinibatchesInCsrWithPhysicalReplica
    GetStatsFromListOfSparseCoreCooTensors GlobalIterId GlobalShuffleDataset IFFTND
    IRFFTND IndexFlatMapDataset IteratorGetModelProto ListSnapshotChunksDataset RFFTND
    RaggedFillEmptyRows RaggedFillEmptyRowsGrad SegmentMaxV2 SegmentMinV2
    SnapshotChunkDataset SortListOfSparseCoreCooTensors SparseSegmentMeanGradV2
    SparseSegmentSqrtNGradV2 SparseSegmentSumGradV2 StoreMinibatchStatisticsInFdo
    TFRecordDatasetV2 TPUAnnotateTensorsWithDynamicShape TPUCopyWithDynamicShape
    TPUDummyInput WeightedFlatMapDataset""".split()
)


def operations_of(graph_def):
    """Returns the names of all operations of a graph and its functions."""
    functions = {function.signature.name for function in graph_def.library.function}
    bodies = [graph_def.node]
    bodies += [function.node_def for function in graph_def.library.function]
    return {node.op for body in bodies for node in body} - functions


def check_saved_model(folder, allowed_besides=frozenset()):
    """Raises an error if TF Serving could not load a SavedModel."""
    from tensorflow.core.protobuf import saved_model_pb2

    saved_model = saved_model_pb2.SavedModel()
    saved_model.ParseFromString((folder / "saved_model.pb").read_bytes())
    for meta_graph in saved_model.meta_graphs:
        check_operations(meta_graph.graph_def, allowed_besides)


def check_operations(graph_def, allowed_besides=frozenset()):
    """Raises an error if TF Serving could not load a graph."""
    from tensorflow.python.framework import op_def_registry

    allowed = _core_operations() | TF_TEXT_OPERATIONS | set(allowed_besides)
    foreign = sorted(operations_of(graph_def) - allowed)
    if foreign:
        known = [name for name in foreign if op_def_registry.get(name)]
        raise ValueError(
            f"The graph holds {', '.join(foreign)}, which TF Serving 2.12.1 does not "
            f"have{' (TF Text has it)' if known else ''}; it could not load the model."
        )


def _core_operations():
    """Returns the operations of TensorFlow 2.12.1 that need no XLA."""
    core = {name for name in dir(tf.raw_ops) if not name.startswith(("_", "Xla"))}
    return core - NEWER_OPERATIONS
