import pytest

from kerasbert.tasks.progress import EpochBars


def test_an_epoch_has_a_bar_on_the_error_stream(capsys):
    with EpochBars(show=True) as bars:
        bars.set_params({"epochs": 2, "steps": 3})
        bars.on_epoch_begin(1)
        for batch in range(3):
            bars.on_train_batch_end(batch)
        bars.on_epoch_end(1)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Epoch 2 of 2" in err and "3/3" in err


def test_an_error_leaves_no_bar_behind():
    bars = EpochBars(show=True)
    with pytest.raises(KeyboardInterrupt), bars:
        bars.set_params({"epochs": 1, "steps": 3})
        bars.on_epoch_begin(0)
        raise KeyboardInterrupt
    with bars:  # rich refuses a second bar while one is drawn
        bars.on_epoch_begin(0)


def test_without_a_terminal_there_is_no_bar(capsys):
    with EpochBars() as bars:
        bars.set_params({"epochs": 1, "steps": 1})
        bars.on_epoch_begin(0)
        bars.on_train_batch_end(0)
    assert capsys.readouterr() == ("", "")
