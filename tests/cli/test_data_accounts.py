"""What commands took of a file of examples: shown, kept, and the same for all tasks."""

import json
import pathlib

import pytest

pytest.importorskip("tensorflow")

from kerasbert.cli import task_data
from kerasbert.cli.reading import ReaderOptions, reading_of
from kerasbert.cli.task_data import shown
from kerasbert.tasks import task_class
from kerasbert.tasks.example_files import open_texts

WORDS = ["splendid", "dreadful", "charming", "boring"] * 4
TEXTS = [f"the film was {word}, number {n}" for n, word in enumerate(WORDS)]
ROWS = "".join(f'"{text}",{["pos", "neg"][n % 2]}\n' for n, text in enumerate(TEXTS))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(name, content):
    pathlib.Path(name).write_text(content, "utf-8")
    return name


def task_of(kind="classify", pairs=False, labels=("O", "B-PER")):
    """As much of a task as readers ask for."""
    made = object.__new__(task_class(kind))
    made.pairs, made.labels, made.multi_label = pairs, list(labels), False
    return made


def inputs(name, kind="classify", pairs=False, **options):
    options = ReaderOptions(**options)
    with task_of(kind, pairs).open_inputs(name, options) as (rows, _):
        return [one for _, one in rows]


def read_data(kind, *arguments, **options):
    return task_data.read_data(task_class(kind), *arguments, **options)


def run_of(train, **settings):
    """A folder of a run that learnt from a file, as far as readers look at it."""
    folder = pathlib.Path("run")
    folder.mkdir(exist_ok=True)
    account = read_data("classify", train, ReaderOptions(**settings)).account
    known = {"train": train, **settings}
    (folder / "config.yaml").write_text(json.dumps(known))
    (folder / "data.json").write_text(json.dumps({"train": account.values()}))
    return folder


@pytest.mark.usefixtures("steps_make_no_graphs")
def test_a_run_shows_and_keeps_what_it_read(kerasbert, learn):
    train = write("train.csv", f"id,tweet,airline_sentiment\n{numbered(ROWS)}\n\n")
    write("dev.csv", "airline_sentiment,tweet\npos,good\n")
    done = learn("--validation", "dev.csv", train=train)
    assert done.code == 0, done.err
    columns = "text=tweet, label=airline_sentiment (2: neg, pos)"
    line = (
        f"train.csv: CSV, comma, UTF-8, header; {columns}; not read: id; 16 examples; "
        "skipped: 2 empty lines"
    )
    files = [shown for shown in done.read if ".csv: " in shown]
    assert files == [
        line,
        "dev.csv: CSV, comma, UTF-8, header; text=tweet, label=airline_sentiment "
        "(1: pos); 1 example",
    ]
    kept = json.loads(pathlib.Path("run/data.json").read_text("utf-8"))
    assert kept["train"]["labels"] == {"neg": 8, "pos": 8}
    assert kept["train"]["skipped"] == {"empty lines": 2}
    assert kept["train"]["columns"] == {"text": "tweet", "label": "airline_sentiment"}
    assert kept["validation"]["examples"] == 1
    # Files of the same kind are read alike; texts a line are texts a line.
    write("new.csv", "title,tweet\nx,so good\n")
    done = kerasbert("predict", "run", "--input", "new.csv")
    assert json.loads(done.out)["text"] == "so good"
    assert done.read == [
        "new.csv: CSV, comma, UTF-8, header; text=tweet; not read: title; 1 example"
    ]
    done = kerasbert("evaluate", "run", "--input", "dev.csv")
    assert json.loads(done.out)["examples"] == 1
    assert "text=tweet, label=airline_sentiment" in done.read[0]
    done = kerasbert("predict", "run", "--input", "-", stdin=b"Title\na\tb\n")
    assert [json.loads(line)["text"] for line in done.out.splitlines()] == [
        *("Title", "a\tb")
    ]
    done = kerasbert("embed", "--model", "run", "--input", "new.csv")
    assert json.loads(done.out)["text"] == "so good"


def numbered(rows):
    return "".join(f"{n},{row}\n" for n, row in enumerate(rows.splitlines()))


def test_tables_are_embedded_as_they_are_predicted(kerasbert):
    write("a.csv", "id,text\n1,hello world\n2,hello\n")
    done = kerasbert("embed", "--input", "a.csv")
    assert [json.loads(line)["text"] for line in done.out.splitlines()] == [
        *("hello world", "hello")
    ]
    assert "text=text; not read: id; 2 examples" in done.read[0]
    pathlib.Path("a.txt").write_bytes("schön\n".encode("cp1252"))
    done = kerasbert("embed", "--input", "a.txt", "--encoding", "cp1252")
    assert json.loads(done.out)["text"] == "schön"
    done = kerasbert("embed", "--input", "a.csv", "--text-column", "body")
    assert (done.code, "'body'" in done.told) == (2, True)


@pytest.mark.parametrize("kind", ["classify", "regress", "embed", "fill", "tag"])
def test_texts_a_line_are_the_same_for_all_tasks(kind):
    name = write("x.txt", "Title\nan odd line\na line\twith a tab\n")
    assert inputs(name, kind) == ["Title", "an odd line", "a line\twith a tab"]
    name = write("x.csv", "id,text\n1,Late, cold and rude\n")
    for options in ({}, {"text_column": "text"}, {"text_column": "2"}):
        with pytest.raises(ValueError, match="2 columns in line 2 .* got 3"):
            inputs(name, kind, **options)


def test_a_long_stream_is_shown_at_its_beginning_and_counted_at_its_end(capsys):
    name = write("x.txt", "text\n" * 3000)
    with open_texts(name, ReaderOptions()) as rows:
        found = shown(rows, rows.account)
        next(found)
        assert capsys.readouterr().err == (
            "x.txt: one text per line, UTF-8, no header; text=column 1\n"
        )
        assert sum(1 for _ in found) == 2999
    assert capsys.readouterr().err.endswith("; 3,000 examples\n")


def test_a_stream_is_not_held(monkeypatch):
    monkeypatch.setattr("kerasbert.data.lines.SAMPLE_LINES", 10)
    write("x.csv", "text,label\n" + ROWS * 200)
    with open("x.csv", "a", encoding="utf-8") as file:
        file.write("wide,1,2\n")
    with open_texts("x.csv", ReaderOptions()) as rows:
        for _ in range(3200):
            next(rows)
        with pytest.raises(ValueError, match="in line 3202"):
            next(rows)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("post,airline_sentiment\ngood,pos\n", "'tweet' in dev.csv.*got 'post'"),
        ("tweet,sentence2,airline_sentiment\na,b,pos\n", None),
        ("tweet,other\ngood,pos\n", "'airline_sentiment' in dev.csv.*got 'other'"),
        ("good,x,pos\nbad,y,neg\n", "columns of train.csv, which has 2.*got 3"),
    ],
)
def test_a_validation_has_the_columns_of_the_training(content, message):
    write("train.csv", f"tweet,airline_sentiment\n{ROWS}")
    like = read_data("classify", "train.csv", ReaderOptions()).account
    write("dev.csv", content)
    if message is None:
        data = read_data("classify", "dev.csv", ReaderOptions(), False, like)
        assert data.account.columns["text"] == "tweet"
        return
    if "got 3" in message:
        write("train.csv", ROWS)
        like = read_data("classify", "train.csv", ReaderOptions()).account
    with pytest.raises(ValueError, match=message):
        read_data("classify", "dev.csv", ReaderOptions(), False, like)
    named = ReaderOptions(
        text_column=1, label_column=content.split("\n")[0].count(",") + 1
    )
    assert len(read_data("classify", "dev.csv", named, False, like)) > 0


def test_how_one_file_is_written_says_nothing_of_one_of_another_kind():
    train = write(
        "train.csv",
        f"body;mood\n{ROWS.replace(',pos', ';pos')}".replace(",neg", ";neg"),
    )
    settings = {"text_column": "body", "label_column": "mood", "delimiter": ";"}
    run = run_of(train, format="csv", header=True, encoding="utf-8", **settings)

    def reading(name, **given):
        return reading_of(run, task_of(), given, name)

    same = reading("new.csv")
    assert (same.delimiter, same.format, same.text_column) == (";", "csv", "body")
    other = reading("new.jsonl")
    assert (other.delimiter, other.format, other.header) == (None, None, None)
    assert other.text_column == "body"
    for name in ("new.txt", "-"):
        assert reading(name).text_column is None
        assert reading(name, text_column="2").text_column == "2"


def test_texts_a_line_are_a_table_where_the_model_learnt_from_one():
    run = run_of(write("train.txt", "good\tpos\nbad\tneg\n" * 4))
    reading = reading_of(run, task_of(), {}, "dev.txt")
    for content, expected in (
        ("a\t1\nb\t0\n", ["a", "b"]),
        ("a\nb\n", ["a", "b"]),
        ("a\nb\tc\n", ["a", "b\tc"]),
    ):
        with open_texts(write("dev.txt", content), reading) as rows:
            assert [row.input for row in rows] == expected


@pytest.mark.parametrize(
    ("kind", "content", "options", "message"),
    [
        ("classify", "".join(f"{t}\t{t} more words\n" for t in TEXTS), {}, "16 diff"),
        ("classify", "a\t1.5\nb\t2.5\nc\t1.5\n", {}, "regress"),
        ("regress", "a\tgood\nb\tbad\n", {}, "expected a number.*--label-column"),
        ("regress", "a\t4\nb\t4\nc\t4\nd\t4\n", {}, "nothing to learn"),
        ("embed", "a\tb\t2\nc\td\t2\ne\tf\t2\ng\th\t2\n", {}, "nothing to learn"),
        ("tag", "a\tO\n" * 600, {}, "one text of 600 words"),
    ],
)
def test_what_is_implausible_is_refused_and_the_option_settles_it(
    kind, content, options, message
):
    name = write("a.tsv", content)
    with pytest.raises(ValueError, match=message):
        read_data(kind, name, ReaderOptions(**options), learns=True)


def test_labels_that_are_named_are_not_doubted():
    name = write("a.tsv", "a\t0.5\nb\t1.5\nc\tnan\n")
    labels = ["0.5", "1.5", "nan"]
    assert read_data("classify", name, ReaderOptions(labels=labels)).targets == labels
    name = write("a.tsv", "a\tGood\nb\tgood \nc\tbad\n")
    labels = {"Good": "good", "good": "good", "bad": "bad"}
    data = read_data("classify", name, ReaderOptions(labels=labels))
    assert data.account.labels == {"bad": 1, "good": 2}


@pytest.mark.parametrize("count", [4, 6, 10, 16])
@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("a.tsv", "{text}\t{label}\n"),
        ("a.csv", '"{text}",{label}\n'),
        ("a.csv", "{label},{text} {label}\n"),
        ("a.jsonl", '{{"text": "{text}", "label": {label}}}\n'),
    ],
)
def test_small_data_of_learners_pass(name, row, count):
    rows = [
        row.format(text=f"{word} {n}", label=n % 2)
        for n, word in enumerate(WORDS[:count])
    ]
    named = "{label}," in row  # the label comes first: the header says so
    write(name, "label,text\n" * named + "".join(rows))
    data = read_data("classify", name, ReaderOptions(), learns=True)
    assert len(data) == count
    assert set(data.targets) == {"0", "1"}
    assert read_data("regress", name, ReaderOptions(), learns=True).account.scores == (
        0,
        1,
    )


def test_numbers_of_tags_have_the_names_that_the_user_gave_and_no_others():
    numbers = json.dumps({"tokens": ["Ada", "slept"], "ner_tags": [1, 0]})
    name = write("a.jsonl", f"{numbers}\n")
    labels = ["O", "B-PER", "I-PER"]
    data = read_data("tag", name, ReaderOptions(labels=labels))
    assert data.targets == [["B-PER", "O"]]
    again = read_data("tag", name, ReaderOptions(labels=labels), like=data.account)
    assert again.targets == data.targets
    reading = reading_of("no run", task_of("tag", labels=["O", "I-PER"]), {}, name)
    with pytest.raises(ValueError, match="names of tags"):
        read_data("tag", name, reading)  # in the order of the model
    words = write("b.jsonl", numbers.replace("[1, 0]", '["B-PER", "O"]'))
    like = read_data("tag", words, ReaderOptions()).account
    with pytest.raises(ValueError, match="names of tags"):
        read_data("tag", name, ReaderOptions(labels=labels), like=like)
