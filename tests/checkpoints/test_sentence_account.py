"""What becomes of each key of the files of a sentence-transformers folder."""

import json
import pathlib
import shutil

import pytest

from kerasbert.account import Account
from kerasbert.checkpoints import sentence_keys
from kerasbert.checkpoints.sentence_transformers import read_sentence_modules

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
FOLDERS = sorted(
    [
        *FIXTURES.glob("sentence_*/sentence_transformers"),
        *FIXTURES.glob("embedder_*/sentence_transformers"),
        FIXTURES / "keras_hub_bert_embedder" / "keras_hub",
    ]
)


@pytest.fixture
def folder(tmp_path):
    source = FIXTURES / "embedder_layers" / "sentence_transformers"
    shutil.copytree(source, tmp_path / "model")
    return tmp_path / "model"


def change(file, **changes):
    values = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**values, **changes}))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_every_key_of_a_folder_is_booked(folder):
    account = Account(strict=True)
    read_sentence_modules(folder, account)
    booked = {entry.key.split(".")[0] for entry in account.entries}
    assert all(entry.treatment in ("used", "ignored") for entry in account.entries)
    files = [folder / "task.json", folder / "config_sentence_transformers.json"]
    files += folder.glob("[1-9]_*/config.json")
    for file in files:
        if file.is_file():
            assert set(json.loads(file.read_text())) <= booked


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("2_Pooling/config.json", {"a": 1}, "does not know: a=1"),
        ("3_Dense/config.json", {"a": 1}, "does not know: a=1"),
        ("5_Normalize/config.json", {"a": 1}, "does not know: a=1"),
        ("sentence_bert_config.json", {"a": 1}, "does not know: a=1"),
        ("config_sentence_transformers.json", {"a": 1}, "does not know: a=1"),
    ],
)
def test_an_unknown_key_is_told_and_strict_refuses_it(folder, file, changes, message):
    change(folder / file, **changes)
    with pytest.warns(UserWarning, match=message):
        read_sentence_modules(folder)
    with pytest.raises(ValueError, match=message):
        read_sentence_modules(folder, Account(strict=True))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "SparseEncoder"}, "model_type='SparseEncoder'"),
        ({"similarity_fn_name": "maxsim"}, "similarity_fn_name='maxsim'"),
        ({"truncate_dim": 0}, "truncate_dim=0"),
        ({"truncate_dim": "8"}, "a size under 'truncate_dim'"),
        ({"prompts": ["query"]}, "an object under 'prompts'"),
        ({"prompts": {"query": 3}}, "a text under 'prompts.query'"),
        ({"default_prompt_name": "web"}, "the default prompt 'web', which is none"),
    ],
)
def test_settings_that_make_no_sense_are_refused(folder, changes, message):
    change(folder / "config_sentence_transformers.json", **changes)
    with pytest.raises(ValueError, match=message):
        read_sentence_modules(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"transformer_task": "fill-mask"}, "transformer_task='fill-mask'"),
        ({"module_output_name": "scores"}, "module_output_name='scores'"),
        ({"query_length": 32}, "query_length=32"),
        ({"tokenizer_name_or_path": "/other"}, "tokenizer_name_or_path='/other'"),
        ({"config_args": {"hidden_act": "relu"}}, "config_args.hidden_act='relu'"),
        ({"model_args": {"subfolder": "b"}}, "model_args.subfolder='b'"),
        ({"tokenizer_args": {"do_lower_case": True}}, "tokenizer_args.do_lower_case"),
        ({"processing_kwargs": {"text": {"truncation": False}}}, "text.truncation"),
        ({"max_seq_length": 2}, "max_seq_length=2"),
        ({"do_lower_case": "yes"}, "a bool under 'do_lower_case'"),
    ],
)
def test_a_transformer_that_computes_otherwise_is_refused(folder, changes, message):
    change(folder / "sentence_bert_config.json", **changes)
    with pytest.raises(ValueError, match=message):
        read_sentence_modules(folder)


@pytest.mark.parametrize(
    ("changes", "length"),
    [
        ({"max_seq_length": 9}, 9),
        ({"max_seq_length": 9, "tokenizer_args": {"model_max_length": 8}}, 8),
        ({"processor_kwargs": {"model_max_length": 8}}, 8),
        ({"processing_kwargs": {"text": {"max_length": 7, "padding": True}}}, 7),
        ({"model_args": {"torch_dtype": "float16", "add_pooling_layer": False}}, None),
    ],
)
def test_the_longest_text_is_the_one_that_sentence_transformers_takes(
    folder, changes, length
):
    change(folder / "sentence_bert_config.json", **changes)
    assert read_sentence_modules(folder).max_length == length


@pytest.mark.parametrize("family", ["bert", "roberta", "xlm-roberta", "albert"])
def test_the_file_of_the_transformer_has_several_names(folder, family):
    (folder / "sentence_bert_config.json").unlink()
    file = folder / f"sentence_{family}_config.json"
    change(file, max_seq_length=11, do_lower_case=True)
    modules = read_sentence_modules(folder)
    assert (modules.max_length, modules.lower_case) == (11, True)


@pytest.mark.parametrize("kind", sentence_keys.OTHER_MODULES)
def test_every_other_module_is_refused_with_its_reason(folder, kind):
    listed = json.loads((folder / "modules.json").read_text())
    listed[1]["type"] = f"sentence_transformers.models.{kind}"
    (folder / "modules.json").write_text(json.dumps(listed))
    reason = sentence_keys.OTHER_MODULES[kind]
    with pytest.raises(ValueError, match=f"{kind} after Transformer, .*: {reason}"):
        read_sentence_modules(folder)


def test_code_that_comes_with_a_model_is_refused(folder):
    listed = json.loads((folder / "modules.json").read_text())
    listed[1]["type"] = "modeling.Pooling"
    (folder / "modules.json").write_text(json.dumps(listed))
    with pytest.raises(ValueError, match="code that comes with the model"):
        read_sentence_modules(folder)


@pytest.mark.parametrize("path", ["..", "/etc", "../other"])
def test_a_module_outside_of_the_folder_is_refused(folder, path):
    listed = json.loads((folder / "modules.json").read_text())
    listed[2]["path"] = path
    (folder / "modules.json").write_text(json.dumps(listed))
    with pytest.raises(ValueError, match="modules.json names the path .* leads out"):
        read_sentence_modules(folder)


def test_a_module_that_nothing_reads_is_ignored_by_name(folder):
    change(folder / "7_Dense" / "config.json", module_output_name="extra")
    account = Account()
    modules = read_sentence_modules(folder, account)
    assert len(modules.projections) == 3 and modules.normalize
    [entry] = [e for e in account.entries if e.note == "nothing takes what it makes"]
    assert "Dense" in entry.value
