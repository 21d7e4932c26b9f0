import inspect

import keras
import pytest

from kerasbert import models
from tests import harness
from tests.harness import Case
from tests.models import tiny

IDS = tuple(tiny.INPUTS)
MASKED_IDS = (*IDS, "masked_positions")
ONE_LAYER = dict(num_hidden_layers=1)


def call(model, batch):
    return model(batch)


CASES = {
    "BertEncoder": Case(lambda dtype: tiny.bert(dtype), call, IDS),
    "AlbertEncoder": Case(
        lambda dtype: tiny.albert(dtype, num_hidden_groups=2, inner_group_num=2),
        call,
        IDS,
    ),
    "DistilBertEncoder": Case(tiny.distilbert, call, IDS),
    "MaskedLMModel": Case(
        lambda dtype: models.MaskedLMModel(tiny.albert(dtype, **ONE_LAYER)),
        call,
        MASKED_IDS,
    ),
    "PretrainingModel": Case(
        lambda dtype: models.PretrainingModel(tiny.bert(dtype, **ONE_LAYER)),
        call,
        MASKED_IDS,
    ),
    "SentencePairModel": Case(
        lambda dtype: models.SentencePairModel(tiny.albert(dtype, **ONE_LAYER)),
        call,
        IDS,
    ),
    "SequenceClassificationModel": Case(
        lambda dtype: models.SequenceClassificationModel(
            tiny.bert(dtype, **ONE_LAYER), ["negative", "positive", "neither"]
        ),
        call,
        IDS,
    ),
    "TokenClassificationModel": Case(
        lambda dtype: models.TokenClassificationModel(
            tiny.bert(dtype, **ONE_LAYER), labels=5, dropout=0.3
        ),
        call,
        IDS,
    ),
    "SentenceEmbeddingModel": Case(
        lambda dtype: models.SentenceEmbeddingModel(
            tiny.bert(dtype, **ONE_LAYER), ["cls", "mean"], [{"units": 5}]
        ),
        call,
        IDS,
    ),
    "QuestionAnsweringModel": Case(
        lambda dtype: models.QuestionAnsweringModel(tiny.bert(dtype, **ONE_LAYER)),
        call,
        IDS,
    ),
    "ViTEncoder": Case(tiny.vit, call, ("pixel_values",)),
    "ImageClassificationModel": Case(
        lambda dtype: models.ImageClassificationModel(
            tiny.vit(dtype, **ONE_LAYER), ["cat", "dog"]
        ),
        call,
        ("pixel_values",),
    ),
    "Seq2SeqTransformer": Case(
        lambda dtype: models.Seq2SeqTransformer(tiny.seq2seq_config(), dtype),
        call,
        ("token_ids", "padding_mask", "decoder_token_ids"),
    ),
    "TransformerEncoder": Case(
        lambda dtype: models.TransformerEncoder(tiny.seq2seq_config(), dtype),
        call,
        ("token_ids", "padding_mask"),
    ),
    "TransformerDecoder": Case(
        lambda dtype: models.TransformerDecoder(tiny.seq2seq_config(), dtype),
        call,
        ("token_ids", "encoder_states", "encoder_mask"),
    ),
    "BertDecoder": Case(tiny.bert_decoder, call, IDS),
}

every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def test_every_public_model_has_a_case():
    public = {
        name
        for name, value in vars(models).items()
        if inspect.isclass(value) and issubclass(value, keras.Model)
    }
    assert public - {"Encoder", "Decoder"} == set(CASES)


@every_case
def test_config_makes_the_same_model(case):
    harness.check_config_makes_the_same_layer(case)


@every_case
def test_keras_file_keeps_every_bit(case, tmp_path):
    harness.check_keras_file_keeps_every_bit(case, tmp_path)


@every_case
def test_compiled_is_eager(case):
    harness.check_compiled_is_eager(case)


@every_case
def test_padding_changes_nothing(case):
    harness.check_padding_changes_nothing(case)


@every_case
def test_other_rows_change_nothing(case):
    harness.check_other_rows_change_nothing(case)


@every_case
def test_half_precision_is_close(case):
    harness.check_half_precision_is_close(case, "mixed_bfloat16")


@pytest.mark.parametrize("name", ["BertEncoder", "AlbertEncoder"])
def test_gradients_are_finite(name):
    # Those of the heads are tested where the heads are, in `tests/layers`.
    harness.check_gradients_are_finite(CASES[name], "mixed_float16")
