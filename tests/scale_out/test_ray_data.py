import pytest

pytest.importorskip("ray")
pq = pytest.importorskip("pyarrow.parquet")

from .conftest import TEXTS, write_rows  # noqa: E402


@pytest.fixture(scope="module")
def ray_data(script):
    import ray

    yield script("ray_data.py")
    ray.shutdown()


def test_every_line_gets_the_vector_of_the_embedder(ray_data, tmp_path):
    (tmp_path / "texts.txt").write_text("\n".join([*TEXTS, "", ""]), "utf-8")
    done = ray_data.run(
        "--input", tmp_path / "*.txt", "--output", tmp_path / "out", "--workers", 1
    )
    assert done.returncode == 0, done.stderr
    rows = pq.read_table(tmp_path / "out").to_pylist()
    assert sorted(row["text"] for row in rows) == sorted(TEXTS)
    assert set(rows[0]) == {"text", "embedding"}
    ray_data.check(rows)
    assert (tmp_path / "out/_SUCCESS").exists()


def test_a_run_that_broke_off_is_continued(ray_data, tmp_path):
    rows = [{"id": number, "text": text} for number, text in enumerate(TEXTS)]
    write_rows(tmp_path / "1.jsonl", rows[:20])
    write_rows(tmp_path / "2.jsonl", [*rows[20:], {"id": 99, "text": None}])
    words = ["--input", tmp_path / "*.jsonl", "--output", tmp_path / "out"]
    words += ["--id", "id", "--batch-size", 8, "--workers", 1]
    broken = ray_data.run(*words)
    assert broken.returncode != 0
    assert "Expected a text in every row of 'text', but 1 of " in broken.stderr
    assert not (tmp_path / "out/_SUCCESS").exists()

    write_rows(tmp_path / "2.jsonl", rows[20:])
    done = ray_data.run(*words)
    assert done.returncode == 0, done.stderr
    found = pq.read_table(tmp_path / "out").to_pylist()
    found.sort(key=lambda row: row["id"])
    assert [{"id": row["id"], "text": row["text"]} for row in found] == rows
    ray_data.check(found)
    assert (tmp_path / "out/_SUCCESS").exists()


@pytest.mark.filterwarnings("ignore")  # those of Ray itself
def test_what_it_cannot_begin_with_is_said(ray_data, capsys, monkeypatch, tmp_path):
    def refusal(*words):
        return ray_data.refusal(capsys, monkeypatch, *words)

    texts = tmp_path / "texts.txt"
    texts.write_text("a dog\n")
    out = tmp_path / "out"
    message = refusal("--model", tmp_path, "--input", texts, "--output", out)
    assert f"Expected an exported model in {tmp_path}, found none." in message
    message = refusal("--input", tmp_path / "x.txt", "--output", out)
    assert message.endswith(f"There is no file {tmp_path / 'x.txt'}.")
    message = refusal("--input", "x.csv", "--output", out)
    assert "names end in .txt, .jsonl, .parquet, got x.csv" in message
    message = refusal("--input", texts, "--output", out, "--column", "body")
    assert f"Expected the column 'body' in {texts}, found text." in message

    out.mkdir()
    (out / "left.parquet").touch()
    message = refusal("--input", texts, "--output", out)
    assert "and not of a run with --id that can be continued" in message
    (out / "_SUCCESS").touch()
    message = refusal("--input", texts, "--output", out)
    assert message.endswith(f"{out} is complete. Name another folder.")
