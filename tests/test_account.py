import warnings

import pytest

from kerasbert.account import Account, KeyTable, quoted, refusal

TABLE = KeyTable(
    used={"size": "the width"},
    ignored={"author": "a remark"},
    required={"stride": (0, None), "flag": (True,)},
)


def test_a_quote_is_short_however_large_the_value_is():
    large = {"key" * 999: [list(range(999))] * 999, "other": "x" * 10**6}
    assert len(quoted(large)) <= 200
    assert quoted({"a": [1, "b"]}) == "{'a': [1, 'b']}"


def test_every_key_is_booked():
    account = Account()
    TABLE.settle({"size": 3, "author": "me", "stride": 0}, "a.json", account, "model.")
    told = [(entry.key, entry.treatment, entry.note) for entry in account.entries]
    assert told == [
        ("model.size", "used", "the width"),
        ("model.author", "ignored", "a remark"),
        ("model.stride", "used", "as computed here"),
    ]


def test_an_unknown_key_is_a_warning_or_where_asked_an_error():
    account = Account()
    with pytest.warns(UserWarning, match="does not know: colour='red'"):
        TABLE.settle({"colour": "red"}, "a.json", account)
    assert account.entries[0].treatment == "unknown"
    with pytest.raises(ValueError, match="strict=True"):
        TABLE.settle({"colour": "red"}, "a.json", Account(strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        account.unknown("a.json", {})


@pytest.mark.parametrize("values", [{"stride": 2}, {"flag": 1}, {"stride": False}])
def test_a_value_that_is_not_computed_is_refused(values):
    [(key, value)] = values.items()
    with pytest.raises(ValueError, match=f"asks for {key}={value}, which kerasbert"):
        TABLE.settle(values, "a.json", Account())


def test_a_refusal_quotes_no_more_than_200_characters():
    error = refusal("a.json", "key", "v" * 10**5, "a number", "Remove it.")
    assert len(str(error)) < 400 and str(error).endswith("a number. Remove it.")
