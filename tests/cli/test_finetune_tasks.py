import json
import pathlib
import shutil

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import kerasbert as package

SQUAD = {
    "data": [
        {
            "paragraphs": [
                {
                    "context": "She lives in Paris.",
                    "qas": [
                        {
                            "id": "one",
                            "question": "Where?",
                            "answers": [{"text": "Paris", "answer_start": 13}],
                        }
                    ],
                }
            ]
        }
    ]
}
FILES = {
    "pairs.csv": 'score,sentence1,sentence2\n2.5,"a b","a b"\n0,a,c\n5,a b c,a b\n',
    "words.txt": "She B-PER\nlives O\n\nin O\nParis B-LOC\n",
    "squad.json": json.dumps(SQUAD),
    "texts.txt": "the good day\nthe film is good\nthe river and the book\n",
    "masks.txt": "the [MASK] day\n",
}


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        pathlib.Path(name).write_text(content, "utf-8")


@pytest.fixture
def answers(kerasbert):
    """What `predict` writes of the model in `run`."""

    def predict(*words, stdin=b""):
        done = kerasbert("predict", "run", *words, stdin=stdin)
        assert done.code == 0, done.err
        return [json.loads(line) for line in done.out.splitlines()]

    return predict


@pytest.mark.usefixtures("steps_make_no_graphs")
def test_scores_of_pairs_are_learned_and_found(learn, answers):
    done = learn(task="regress", train="pairs.csv")
    assert done.code == 0, done.err
    found = answers("--input", "pairs.csv")
    assert [(one["text"], one["pair"]) for one in found[:2]] == [
        ("a b", "a b"),
        ("a", "c"),
    ]
    expected = package.load("run").predict([("a b", "a b")])
    assert found[0]["score"] == pytest.approx(expected[0]["score"], abs=1e-6)


@pytest.mark.usefixtures("steps_make_no_graphs")
def test_answers_of_a_squad_file_keep_the_names_of_their_questions(learn, answers):
    done = learn("--validation", "squad.json", task="answer", train="squad.json")
    assert done.code == 0, done.err
    assert {"exact_match", "f1"} < json.loads(done.out)["validation"].keys()
    [found] = answers("--input", "squad.json")
    assert (found["id"], found["question"]) == ("one", "Where?")
    assert found["context"][found["start"] : found["end"]] == found["answer"]


@pytest.fixture
def tagger(learn, steps_make_no_graphs, tmp_path_factory):
    """A tagger, which is trained once, in `run`."""
    kept = tmp_path_factory.getbasetemp() / "tagger"
    if not kept.exists():
        done = learn("--learning-rate", "0.05", task="tag", train="words.txt")
        assert done.code == 0, done.err
        shutil.copytree("run", kept)
    shutil.copytree(kept, "run", dirs_exist_ok=True)
    return package.load("run")


def test_entities_are_found_in_texts(tagger, answers):
    [found] = answers("--input", "-", stdin=b"She lives in Paris\n")
    assert found == {
        "text": "She lives in Paris",
        "entities": tagger.predict(["She lives in Paris"])[0],
    }


def test_words_in_columns_get_their_tags(tagger, answers, kerasbert):
    words = [["She", "lives"], ["in", "Paris"]]
    expected = [
        {"tokens": tokens, **answer}
        for tokens, answer in zip(words, tagger.predict_words(words), strict=True)
    ]
    assert [one["tags"] for one in expected] == tagger.predict_tags(words)
    assert [one["entities"] for one in expected] == tagger.predict(words)
    found = answers("--input", "words.txt")
    assert found == expected
    # Words alone, of standard input; and what was answered, which is read again.
    words = b"She\nlives\n\nin\nParis\n"
    assert answers("--input", "-", "--format", "conll", stdin=words) == expected
    rows = "".join(f"{json.dumps(row)}\n" for row in found)
    pathlib.Path("found.jsonl").write_text(rows)
    assert answers("--input", "found.jsonl") == expected
    done = kerasbert("evaluate", "run", "--input", "found.jsonl")
    assert json.loads(done.out)["accuracy"] == 1


def test_words_may_have_a_prefix(tagger, answers):
    pathlib.Path("words.txt").write_text("en:She B-PER\nen:in O\n")
    [found] = answers("--input", "words.txt", "--word-prefix", "en:")
    assert found["tokens"] == ["She", "in"]


def test_entities_of_characters_are_parts_of_a_text_without_spaces(tagger, answers):
    tag = tagger.labels.index("B-PER")
    bias = np.eye(len(tagger.labels))[tag] * 100
    tagger.model.head.trainable_variables[-1].assign(bias)  # persons everywhere
    tagger.save("run", overwrite=True)
    pathlib.Path("words.txt").write_text("科0 O\n技1 B-PER\n学 I-PER\n")
    [found] = answers("--input", "words.txt", "--characters")
    assert found["tokens"] == ["科", "技", "学"]
    spans = [
        (one["type"], one["first_word"], one["last_word"] + 1)
        for one in tagger.predict([found["tokens"]])[0]
    ]
    assert [(e["type"], e["start"], e["end"]) for e in found["entities"]] == spans
    assert spans
    for entity in found["entities"]:
        assert entity["text"] == "科技学"[entity["start"] : entity["end"]]


@pytest.mark.usefixtures("steps_make_no_graphs")
def test_similarity_of_pairs_is_learned_and_texts_get_vectors(
    learn, answers, kerasbert
):
    done = learn("--validation", "pairs.csv", task="embed", train="pairs.csv")
    assert done.code == 0, done.err
    assert "spearman" in json.loads(done.out)["validation"]
    assert "score=score (0 to 5)" in done.read[0]
    done = kerasbert("evaluate", "run", "--input", "pairs.csv")
    assert json.loads(done.out).pop("examples") == 3

    expected = package.load("run").encode(["a b", "the day"])
    found = answers("--input", "-", stdin=b"a b\nthe day\n")
    assert [one["text"] for one in found] == ["a b", "the day"]
    np.testing.assert_allclose([one["embedding"] for one in found], expected, atol=1e-6)
    done = kerasbert("embed", "--model", "run", "the day")
    assert done.code == 0, done.err
    np.testing.assert_allclose(
        json.loads(done.out)["embedding"], expected[1], atol=1e-6
    )


def test_pairs_train_an_embedder_as_alike_where_scores_are_not_wanted(learn):
    alike = ("--label-column", "none", "--validation", "pairs.csv")
    done = learn(*alike, task="embed", train="pairs.csv")
    assert done.code == 0, done.err
    assert {"accuracy", "mrr"} < json.loads(done.out)["validation"].keys()
    assert "not read: score" in done.read[0]


def test_a_masked_language_model_learns_from_texts_and_fills_masks(
    learn, answers, kerasbert
):
    done = learn("--validation", "texts.txt", task="fill", train="texts.txt")
    assert done.code == 0, done.err
    assert "perplexity" in json.loads(done.out)["validation"]
    done = kerasbert("evaluate", "run", "--input", "texts.txt")
    assert json.loads(done.out)["examples"] == 3
    [found] = answers("--input", "masks.txt")
    [expected] = package.load("run").predict(["the [MASK] day"])
    assert found == {
        "text": "the [MASK] day",
        "filled": expected["text"],
        "masks": expected["masks"],
    }
    done = kerasbert("predict", "run", "--input", "-", stdin=b"no\nthe [MASK] day\n")
    text = {"text": "no", "filled": "no", "masks": []}
    assert [json.loads(line) for line in done.out.splitlines()] == [text, found]
    told = "kerasbert: warning: 1 of the texts have no [MASK] to fill in.\n"
    assert done.told == told


@pytest.mark.usefixtures("steps_make_no_graphs")
def test_empty_lines_between_the_texts_of_a_corpus_are_left_out(learn, kerasbert):
    corpus = "\na good day\n\n \nthe bad day\n\n"
    pathlib.Path("corpus.txt").write_text(corpus, "utf-8")
    assert learn(task="fill", train="corpus.txt").code == 0
    done = kerasbert("evaluate", "run", "--input", "corpus.txt")
    assert json.loads(done.out)["examples"] == 2
