import pytest

pytest.importorskip("apache_beam")
pq = pytest.importorskip("pyarrow.parquet")

from .conftest import TEXTS, write_rows  # noqa: E402

LOCAL = ["--runner", "FnApiRunner"]  # the other local one fetches a program


@pytest.fixture(scope="module")
def beam(script):
    return script("beam.py")


def read(folder):
    return pq.read_table(folder).to_pylist()


def test_every_line_gets_the_vector_of_the_embedder(beam, tmp_path):
    (tmp_path / "texts.txt").write_text("\n".join([*TEXTS, "", ""]), "utf-8")
    done = beam.run(
        "--input", tmp_path / "*.txt", "--output", tmp_path / "out/vectors", *LOCAL
    )
    assert done.returncode == 0, done.stderr
    rows = read(tmp_path / "out")
    assert sorted(row["text"] for row in rows) == sorted(TEXTS)
    assert list(rows[0]) == ["text", "embedding"]
    beam.check(rows)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_rows_keep_what_tells_them_apart(beam, tmp_path, suffix):
    import pyarrow as pa

    rows = [{"number": number, "body": text} for number, text in enumerate(TEXTS)]
    if suffix == ".jsonl":
        write_rows(tmp_path / "rows.jsonl", rows)
    else:
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    words = ["--input", tmp_path / f"*{suffix}", "--output", tmp_path / "out/vectors"]
    words += ["--column", "body", "--id", "number", "--batch-size", 7]
    done = beam.run(*words, *LOCAL)
    assert done.returncode == 0, done.stderr
    found = sorted(read(tmp_path / "out"), key=lambda row: int(row["id"]))
    assert [(row["id"], row["text"]) for row in found] == [
        (str(row["number"]), row["body"]) for row in rows
    ]
    beam.check(found)


def test_a_run_that_fails_leaves_nothing(beam, tmp_path):
    write_rows(tmp_path / "rows.jsonl", [{"text": "a dog"}, {"text": None}])
    words = ["--input", tmp_path / "rows.jsonl", "--output", tmp_path / "out/vectors"]
    broken = beam.run(*words, *LOCAL)
    assert broken.returncode != 0
    assert "Expected a text in 'text', found None." in broken.stderr
    assert not list((tmp_path / "out").glob("vectors-*.parquet"))
    broken = beam.run(*words, "--column", "body", *LOCAL)
    assert "Expected the column 'body' in every row, found text." in broken.stderr


def test_what_it_cannot_begin_with_is_said(beam, capsys, monkeypatch, tmp_path):
    def refusal(*words):
        return beam.refusal(capsys, monkeypatch, *words)

    texts = tmp_path / "texts.txt"
    texts.write_text("a dog\n")
    out = tmp_path / "out"
    message = refusal("--model", tmp_path, "--input", texts, "--output", out)
    assert f"Expected an exported model in {tmp_path}, found none." in message
    message = refusal("--input", tmp_path / "x.txt", "--output", out)
    assert message.endswith(f"There is no file {tmp_path / 'x.txt'}.")
    message = refusal("--input", "x.csv", "--output", out)
    assert "names end in .txt, .jsonl, .parquet, got x.csv" in message
    message = refusal("--input", texts, "--output", out, "--id", "id")
    assert "Expected rows with columns for --id, got lines of text." in message
    (tmp_path / "out-00000-of-00001.parquet").touch()
    message = refusal("--input", texts, "--output", out)
    assert f"There are files whose names begin with {out}." in message
