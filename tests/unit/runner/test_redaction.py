"""Secrets in every shape in which they could leave the runner."""

import json

import pytest

from headgate_runner.redaction import MASK, Redactor, hidden

SECRET = 'p@ss "word"/1'


@pytest.mark.parametrize(
    "shape",
    [
        SECRET,
        json.dumps({"password": SECRET}),
        "postgres://u:p%40ss%20%22word%22%2F1@host",
        repr(SECRET + "\n"),
    ],
)
def test_a_known_value_is_masked_in_text_json_and_urls(shape: str) -> None:
    clean = Redactor([SECRET]).text(shape)
    assert MASK in clean
    assert "word" not in clean.replace("password", "")


def test_the_longer_of_two_secrets_goes_first() -> None:
    assert Redactor(["abcd", "abcdefgh"]).text("abcdefgh") == MASK


def test_nested_values_are_masked_and_keep_their_shape() -> None:
    value = {"message": "no s3cret here", "batches": [1, None, "s3cret"], "ok": True}
    assert Redactor(["s3cret"]).value(value) == {
        "message": f"no {MASK} here",
        "batches": [1, None, MASK],
        "ok": True,
    }


def test_empty_and_tiny_values_mask_nothing() -> None:
    assert Redactor(["", "a", "abc"]).text("abc") == "abc"


def test_what_is_learnt_later_counts_too() -> None:
    redactor = Redactor(["first-value"])
    redactor.learn(["second-value"])
    assert redactor.text("first-value second-value") == f"{MASK} {MASK}"


def test_of_a_warehouses_address_only_what_nobody_may_read_is_hidden() -> None:
    values = {
        "SHOP_PG_HOST": "db.internal",
        "SHOP_PG_DATABASE": "analytics",
        "DBT_ENV_SECRET_SHOP": "hunter22",
        "SHOP_AUTH": "hunter33",
    }
    references = {
        "SHOP_PG_HOST": "warehouse/shop#host",
        "SHOP_PG_DATABASE": "warehouse/token#dbname",
        "DBT_ENV_SECRET_SHOP": "warehouse/shop#login",
        "SHOP_AUTH": "warehouse/shop#password",
    }
    assert hidden(values, references) == ["hunter22", "hunter33"]


def test_a_secret_of_several_lines_is_blotted_out_line_by_line() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\n  c2Vjb25kIGxpbmUgb2Yga2V5\nshort\n"
    redactor = Redactor([key])
    for line in key.splitlines()[1:3]:
        assert redactor.text(f"could not read {line.strip()}: wrong") == f"could not read {MASK}: wrong"
    assert redactor.text("short of memory") == "short of memory"
    assert redactor.text(f"<{key}>") == f"<{MASK}>"
