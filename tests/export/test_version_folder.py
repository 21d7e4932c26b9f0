import pytest

from kerasbert.export.serving_files import new_version


def fill(folder, text, **options):
    with new_version(folder, **options) as (partial, final):
        (partial / "saved_model.pb").write_text(text)
    return final


def test_versions_are_numbered_from_one(tmp_path):
    folder = tmp_path / "model"
    assert fill(folder, "first") == folder / "1"
    assert fill(folder, "second") == folder / "2"
    assert (folder / "1" / "saved_model.pb").read_text() == "first"


def test_the_next_number_is_one_more_than_the_largest(tmp_path):
    (tmp_path / "12").mkdir()
    (tmp_path / "3").mkdir()
    assert fill(tmp_path, "new") == tmp_path / "13"


def test_overwrite_replaces_the_newest_version_alone(tmp_path):
    fill(tmp_path, "first")
    fill(tmp_path, "second")
    assert fill(tmp_path, "third", overwrite=True) == tmp_path / "2"
    texts = {p.parent.name: p.read_text() for p in tmp_path.glob("*/saved_model.pb")}
    assert texts == {"1": "first", "2": "third"}


def test_overwrite_makes_the_first_version_where_there_is_none(tmp_path):
    assert fill(tmp_path / "model", "new", overwrite=True).name == "1"


def test_a_failed_export_keeps_the_version_that_it_was_to_replace(tmp_path):
    fill(tmp_path, "first")
    with pytest.raises(RuntimeError), new_version(tmp_path, overwrite=True) as paths:
        (paths[0] / "saved_model.pb").write_text("half")
        raise RuntimeError
    files = [path.relative_to(tmp_path) for path in tmp_path.rglob("*")]
    assert sorted(map(str, files)) == ["1", "1/saved_model.pb"]
    assert (tmp_path / "1" / "saved_model.pb").read_text() == "first"


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match=r"thesis\.txt is there"):
        fill(tmp_path, "new", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_is_no_folder_of_versions(tmp_path):
    (tmp_path / "model").write_text("a file")
    with pytest.raises(FileExistsError):
        fill(tmp_path / "model", "new")
