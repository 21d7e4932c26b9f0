import pytest

from kerasbert.checkpoints import sources, zoo


def test_names_and_handles_are_unique():
    names = [model.name for model in zoo.models()]
    handles = [handle for model in zoo.models() for handle in model.handles]
    assert len(set(names)) == len(names)
    assert len(set(handles)) == len(handles)


def test_every_handle_is_one_that_sources_understand():
    hubs = {scheme: hub for scheme, (hub, _) in sources._HUBS.items()}
    hubs |= {scheme: hub for scheme, (hub, _) in sources._OF_THE_ZOO.items()}
    for model in zoo.models():
        for handle in model.handles:
            (hub,) = (hubs[scheme] for scheme in hubs if handle.startswith(scheme))
            assert hub.HANDLE.fullmatch(handle), handle


def test_the_releases_of_google_are_there():
    names = {model.name for model in zoo.models()}
    small = {
        f"small_bert_l{layers}_h{width}"
        for layers in (2, 4, 6, 8, 10, 12)
        for width in (128, 256, 512, 768)
    }
    albert = {
        f"albert_{size}_{release}"
        for size in ("base", "large", "xlarge", "xxlarge")
        for release in ("v1", "v2", "chinese")
    }
    assert small | albert <= names
    assert {"bert_base_uncased", "bert_base_chinese", "minilm"} <= names


def test_parameters_are_those_of_the_architecture():
    # By hand: (30522 + 512 + 2) * 128 embeddings and 2 * 128 of their norm,
    # 2 layers of 12 * 128 * 128 + 13 * 128, and a pooler of 128 * 128 + 128.
    by_hand = 31036 * 128 + 256 + 2 * (12 * 128**2 + 13 * 128) + 128**2 + 128
    assert zoo.find("small_bert_l2_h128").parameters == round(by_hand / 1e6, 1)


def test_every_model_says_what_a_chooser_needs():
    for model in zoo.models():
        assert model.summary and model.licence and model.languages and model.handles
        least = 0.4 if model.name != "packed_minilm" else 0.1
        assert least < model.megabytes / model.parameters / 4 < 1.05, model.name


def test_a_name_may_be_written_with_dashes_and_capitals():
    assert zoo.find("BERT-Base-Uncased") is zoo.find("bert_base_uncased")


def test_an_unknown_name_brings_close_ones():
    with pytest.raises(ValueError, match="Did you mean minilm"):
        zoo.find("minilmm")
