"""How a table is written, decided by what its rows show."""

import json

import pytest

from kerasbert.data import (
    Columns,
    number,
    one_label,
    read_examples,
    score_if_any,
    several_labels,
)

WORDS = ["splendid", "dreadful", "charming", "boring"] * 4
TEXTS = [f"the film was {word}, number {n}" for n, word in enumerate(WORDS)]
LABELS = ["pos", "neg"] * 8


def quoted(text):
    return '"' + text.replace('"', '""') + '"'


def rows_of(delimiter=",", texts=TEXTS, labels=LABELS):
    pairs = zip(texts, labels, strict=True)
    return "".join(f"{quoted(text)}{delimiter}{label}\n" for text, label in pairs)


@pytest.fixture
def read(tmp_path):
    def read(content, name="train.csv", target=one_label, columns=None, **options):
        (tmp_path / name).write_text(content, "utf-8")
        return read_examples(tmp_path / name, columns, target, **options)

    return read


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("tweet,airline_sentiment", ("tweet", "airline_sentiment")),
        ("Sentence,Label", ("Sentence", "Label")),
        ("SentimentText,Sentiment", ("SentimentText", "Sentiment")),
        ("review_body,star_rating", ("review_body", "star_rating")),
        ("post,category", ("post", "category")),
        ("评论,标签", ("评论", "标签")),
        ('"text","label"', ("text", "label")),
    ],
)
def test_a_first_row_of_names_is_a_header(read, header, columns):
    found = read(f"{header}\n{rows_of()}")
    assert (found.inputs, found.targets) == (TEXTS, LABELS)
    account = found.account
    assert (account.header, account.format) == (True, "CSV")
    assert (account.columns["text"], account.columns["label"]) == columns
    assert account.labels == {"neg": 8, "pos": 8}


@pytest.mark.parametrize(
    "content",
    [
        rows_of(),
        "a good day,pos\na bad day,neg\n",
        "good,1\nbad,0\nvery good,1\nnot good,0\n",
        "text of mine,neutral\nanother,pos\nno,neg\nyes,pos\nbad,neg\n",
        "title,3\nquestion,1\nlabels,2\n",
        "review,neg\nthe review,pos\ngood,neg\nso so,pos\n",
    ],
)
def test_a_first_row_of_data_is_no_header(read, content):
    found = read(content)
    assert found.account.header is False
    assert len(found) == len(content.splitlines())


@pytest.mark.parametrize(
    "header", ["foo,bar", "v1,v2", "Spalte A,Spalte B", "text,pos"]
)
def test_a_first_row_that_may_be_either_is_refused_until_the_option_says(read, header):
    content = f"{header}\n{rows_of()}"
    with pytest.raises(ValueError, match="--header or --no-header"):
        read(content)
    assert len(read(content, header=True)) == 16
    assert len(read(content, header=False)) == 17


def test_an_index_that_pandas_wrote_is_a_column_without_a_name(read):
    rows = "".join(f"{n},{row}\n" for n, row in enumerate(rows_of().splitlines()))
    assert read(",text,label\n" + rows).inputs == TEXTS


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_the_delimiter_is_the_one_with_which_all_rows_are_equally_wide(read, delimiter):
    found = read(f"text{delimiter}label\n{rows_of(delimiter)}")
    assert (found.inputs, found.targets) == (TEXTS, LABELS)
    found = read(rows_of(delimiter), delimiter=delimiter)
    assert (found.inputs, found.targets) == (TEXTS, LABELS)


def test_a_delimiter_that_may_be_two_is_refused_until_the_option_says(read):
    rows = "".join(
        f"{text};{label}\n" for text, label in zip(TEXTS, LABELS, strict=True)
    )
    with pytest.raises(ValueError, match="',' or ';'. Set it with --delimiter"):
        read(rows)
    assert read(rows, delimiter=";").inputs == TEXTS
    assert read(rows, delimiter="semicolon").inputs == TEXTS
    with pytest.raises(ValueError, match="--delimiter to be a character"):
        read(rows, delimiter=";;")


PANDAS = {  # what pandas.DataFrame.to_csv(sep="\t", index=False) writes
    "a quote": 'text\tlabel\n"she said ""fine"""\tpos\nplain\tneg\n',
    "a tab": 'text\tlabel\n"a\tb"\tpos\nplain\tneg\n',
    "a line": 'text\tlabel\n"a\n\nb"\tpos\nplain\tneg\n',
    "all": '"text"\t"label"\n"a, b"\t"pos"\n"c"\t"neg"\n"d"\t"neg"\n',
}
FIRST = {
    "a quote": 'she said "fine"',
    "a tab": "a\tb",
    "a line": "a\n\nb",
    "all": "a, b",
}


@pytest.mark.parametrize("name", PANDAS)
def test_quotes_of_a_tsv_surround_cells_where_the_rows_show_it(read, name):
    found = read(PANDAS[name], "train.tsv")
    assert (found.inputs[0], found.targets[:2]) == (FIRST[name], ["pos", "neg"])
    assert found.account.notes[0] == "quoted cells"
    plain = read(PANDAS["a quote"], "train.tsv", form="csv", delimiter="tab")
    assert plain.inputs[0] == FIRST["a quote"]


GLUE = [
    '"It\'s a huge black eye," said the publisher.\tpos\n',
    'He called her "the witness".\tneg\n',
    '"All of it is in quotes"\tpos\n',
    "He is 6' 2\" tall.\tneg\n",
]


def test_quotes_of_a_tsv_are_text_where_the_rows_show_it(read):
    found = read("sentence\tlabel\n" + "".join(GLUE), "train.tsv")
    assert found.inputs == [line.split("\t")[0] for line in GLUE]
    assert found.account.notes[0] == "quotes are text"
    found = read('"All of it"\tpos\nplain\tneg\n', "train.tsv")
    assert found.inputs == ['"All of it"', "plain"]


def test_quotes_that_turn_out_otherwise_late_are_warned_about(read):
    rows = "".join(GLUE) * 1000 + '"a ""b"""\tpos\n'
    with pytest.warns(UserWarning, match="1 rows of .*look quoted"):
        found = read(rows, "train.tsv")
    assert found.inputs[-1] == '"a ""b"""'


@pytest.mark.parametrize("columns", [None, Columns(text="text"), Columns(text=2)])
@pytest.mark.parametrize("target", [None, one_label])
def test_more_or_fewer_cells_than_names_are_an_error_whatever_is_named(
    read, columns, target
):
    head = "label,text\n1,Fine\n"
    for row in ("1,Late, cold and rude\n", "1\n", "1,fine,\n"):
        with pytest.raises(
            ValueError, match="Expected 2 columns in line 3 of"
        ) as error:
            read(head + row, columns=columns, target=target)
        assert "Likely causes" in str(error.value)
    columns = Columns(text=2, label=1)
    with pytest.raises(ValueError, match="in line 2 of"):
        read("1,fine\n0,Late, cold and rude\n", columns=columns)


def test_a_header_again_is_a_file_put_together(read):
    content = f"text,label\n{rows_of()}"
    with pytest.raises(ValueError, match="line 18 of .*the header again"):
        read(content + content)


def test_a_name_that_two_columns_have_is_refused_where_it_is_used(read):
    content = "text,note,note,label\na,b,c,1\nd,e,f,0\n"
    assert read(content).inputs == ["a", "d"]
    with pytest.raises(ValueError, match="got 2 of that name in its header"):
        read(content, columns=Columns(text="note"))
    assert read(content, columns=Columns(text=3)).inputs == ["c", "f"]


def test_a_quote_that_is_not_closed_does_not_take_the_file(read):
    rows = "".join(f"text {n},1\n" for n in range(1500))
    with pytest.raises(ValueError, match="at most 1000 lines .*line 2 on.* not closed"):
        read('text,label\n"never closed,1\n' + rows)


def test_texts_of_a_hundred_thousand_characters_are_read_from_csv(read):
    long = "word " * 60000
    found = read(f'text,label\n"{long}",a\nb,b\n')
    assert found.inputs[0] == long


JSON = {
    "array": lambda rows: json.dumps(rows, indent=1),
    "one line": json.dumps,
    "under data": lambda rows: json.dumps({"version": 2, "data": rows}),
    "columns": lambda rows: json.dumps({k: [r[k] for r in rows] for k in rows[0]}),
    "columns by index": lambda rows: json.dumps(
        {k: {str(n): r[k] for n, r in enumerate(rows)} for k in rows[0]}
    ),
    "lines": lambda rows: "".join(f"{json.dumps(row)}\n" for row in rows),
}


@pytest.mark.parametrize("name", JSON)
def test_all_forms_of_json_are_read(read, name):
    pairs = zip(TEXTS, LABELS, strict=True)
    rows = [{"text": text, "label": label} for text, label in pairs]
    documents = name.startswith(("under", "columns"))  # an object, which may be a row
    for suffix in [".json"] if documents else [".json", ".jsonl", ""]:
        found = read(
            JSON[name](rows), f"train{suffix}", form=None if suffix else "jsonl"
        )
        assert (found.inputs, found.targets) == (TEXTS, LABELS)
        assert found.account.format.startswith("JSON")


def test_members_of_objects_have_names_with_points(read):
    row = {"meta": {"text": "a"}, "gold": {"label": 1}}
    columns = Columns(text="meta.text", label="gold.label")
    found = read(f"{json.dumps(row)}\n" * 2, "a.jsonl", columns=columns)
    assert (found.inputs, found.targets) == (["a", "a"], ["1", "1"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("3", "Expected rows of JSON|an object of JSON"),
        ('"text"', "an object of JSON"),
        ('[{"text": "a", "label": 1},', "incomplete, or it is JSON lines"),
        ("[[1, 2]]", "an object of JSON in row 1"),
        ('{"text": "a",\n "label": 1}\n{"text": "b",\n "label": 2}', "several lines"),
    ],
)
def test_json_that_holds_no_rows_is_refused(read, content, message):
    with pytest.raises(ValueError, match=message):
        read(content, "a.json")


def test_a_text_a_line_has_no_header_and_tabs_are_text(read):
    def texts(content, name="a.txt", **options):
        return read(content, name, None, **options).inputs

    assert texts("Title\nfirst\nsecond\n") == ["Title", "first", "second"]
    assert texts("a\nb\tc\n") == ["a", "b\tc"]
    assert texts("text\n\nb\n") == ["text", "", "b"]
    with pytest.warns(UserWarning, match="2 tab-separated cells"):
        assert texts("a\tb\nc\td\n") == ["a\tb", "c\td"]
    assert texts("a\tb\nc\td\n", form="tsv") == ["a", "c"]
    assert texts("a\tb\nc\td\n", columns=Columns(text=2)) == ["b", "d"]
    assert texts("text\nb\n", header=True) == ["b"]
    assert texts("a, b\nc, d\n", "a.csv", form="txt") == ["a, b", "c, d"]
    assert texts('{"text": "a"}\n{"text": "b"}\n', "a") == ["a", "b"]


def test_the_form_of_fasttext_is_refused_by_name(read):
    with pytest.raises(ValueError, match="fastText's form.*--label-column 1"):
        read("__label__pos so good\n__label__neg so bad\n", "train.txt")


def test_texts_in_several_columns_without_names_are_not_guessed_among(read):
    content = "Hello, world\nBye, now\nWell, then\n"
    with pytest.raises(ValueError, match="--text-column.*--format txt"):
        read(content, target=None)
    assert read(content, target=None, form="txt").inputs[1] == "Bye, now"
    assert read(content, target=None, columns=Columns(text=1)).inputs[1] == "Bye"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([f"{n}\tsome text {n}\tb" for n in range(5)], "which contains only numbers"),
        ([f"to category\ttext {n}\tb" for n in range(5)], "'to category' in every row"),
        ([f"q{n}\tsome text {n}\tb" for n in range(20)], "looks like ids"),
        ([f"{LABELS[n % 2]}\tsome text {n}" for n in range(40)], "2 distinct values"),
    ],
)
def test_a_column_that_is_not_like_texts_is_doubted_unless_named(read, rows, message):
    content = "\n".join(rows)
    with pytest.raises(ValueError, match=f"{message}.*--text-column 2"):
        read(content, "a.tsv")
    width = rows[0].count("\t") + 1
    columns = Columns(text=1, label=width)
    assert len(read(content, "a.tsv", columns=columns)) == len(rows)


def test_scores_and_classes_are_told_apart_by_what_they_hold(read):
    """As in SICK, which has both."""
    content = (
        "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\n"
        "1\ta b\tc d\t4.5\tNEUTRAL\n2\te f\tg h\t3.2\tENTAILMENT\n"
    )
    classes = read(content, "a.txt")
    assert classes.inputs == [("a b", "c d"), ("e f", "g h")]
    assert classes.targets == ["NEUTRAL", "ENTAILMENT"]
    assert read(content, "a.txt", number).targets == [4.5, 3.2]
    assert read(content, "a.txt", score_if_any, pairs=True).targets == [4.5, 3.2]


def test_scores_of_pairs_are_read_where_there_are_any(read):
    def pairs(content, name="a.tsv", **options):
        return read(content, name, score_if_any, pairs=True, **options)

    assert pairs("a\tb\t1\nc\td\t0\n").targets == [1.0, 0.0]
    assert pairs("a\tb\nc\td\n").targets is None
    assert pairs("sentence1,sentence2\na,b\n", "a.csv").targets is None
    with pytest.raises(ValueError, match="--text-column 1 --pair-column 2"):
        pairs("a\tb\tfrom a book\nc\td\tfrom a letter\n")
    with pytest.raises(ValueError, match="--label-column none"):
        pairs("sentence1,sentence2,label\na,b,entailment\n", "a.csv")


def test_names_of_columns_in_files_before_are_taken_where_there_are_any(read):
    content = "text,tweet,label\na,b,1\nc,d,0\n"
    columns = Columns(usual={"text": "tweet", "label": "gold"})
    assert read(content, columns=columns).inputs == ["b", "d"]


def test_lists_of_labels_are_lists_of_json_or_names_with_separators(read):
    target = several_labels(";")
    rows = 'text,labels\na,"[""x"", ""y""]"\nb,x; z\nc,\n'
    assert read(rows, target=target).targets == [["x", "y"], ["x", "z"], []]
    with pytest.raises(ValueError, match="looks like a Python list"):
        read("text,labels\na,\"['x', 'y']\"\n", target=target)


def test_no_error_quotes_more_than_two_hundred_characters(read):
    long = "word" * 500
    for content, target in (
        (f"text,label\n{long},1,2\n", one_label),
        (f"text,label\na,{long}\n", number),
        (",".join([f"{long}{n}" for n in range(9)]) + "\n", one_label),
        ("\n".join(f'{{"text": "{long}"}}' for n in range(3)), one_label),
    ):
        name = "a.jsonl" if content.startswith("{") else "a.csv"
        with pytest.raises(ValueError) as error:
            read(content, name, target)
        assert str(error.value).count("word") * 4 <= 200
