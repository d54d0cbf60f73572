"""The JSON schema for editors and the page of keys: made from the models, current, and of one mind with the reader."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from headgate.adapters.jobs_file.reference import mappings, reference
from headgate.adapters.jobs_file.schema import schema, schema_text
from headgate.errors import JobsFileError
from tests.every_key import EVERY_KEY
from tests.jobs_files import read
from tests.unit.adapters import test_jobs_file as whole

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "jobs-file.md"
VALIDATOR = Draft202012Validator(schema())
BEGIN, END = "<!-- keys: headgate jobs schema --keys -->\n", "<!-- end of keys -->"


def load(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def faults(text: str) -> list[str]:
    return [fault.message for fault in VALIDATOR.iter_errors(load(text))]


def test_the_stored_schema_is_current() -> None:
    stored = (ROOT / "docs" / "headgate.schema.json").read_text()
    assert stored == schema_text(), "headgate jobs schema > docs/headgate.schema.json"


def test_the_page_has_every_key_as_the_models_say_it() -> None:
    page = PAGE.read_text()
    assert page.partition(BEGIN)[2].partition(END)[0] == reference(), (
        "put the output of headgate jobs schema --keys there"
    )


def test_the_page_s_own_file_is_valid(tmp_path: Path) -> None:
    written = PAGE.read_text().partition("```yaml\n")[2].partition("```")[0]
    assert [job.name for job in read(tmp_path, written).jobs] == ["finance"]
    assert faults(written) == []


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("path", [ROOT / "examples" / "shop" / "headgate.yml"], ids=["shop"])
def test_files_that_are_valid_are_accepted(path: Path) -> None:
    assert faults(path.read_text()) == []


@pytest.mark.parametrize("text", [whole.GOOD, whole.CONTROL, whole.WITHOUT_RUN, EVERY_KEY])
def test_texts_that_are_valid_are_accepted(tmp_path: Path, text: str) -> None:
    read(tmp_path, text)
    assert faults(text) == []


def test_the_whole_file_uses_every_key() -> None:
    written = {key for _, keys in _keys(load(EVERY_KEY)) for key in keys}
    known = {key for _, entry in mappings() for key in entry.known_keys()}
    assert known <= written


def _keys(value: Any) -> list[tuple[Any, list[str]]]:
    if isinstance(value, dict):
        return [
            (value, [str(key) for key in value]),
            *(one for inner in value.values() for one in _keys(inner)),
        ]
    return [one for inner in value for one in _keys(inner)] if isinstance(value, list) else []


WRONG = [
    ("version: 1", "version: 2"),
    ("version: 1", "verson: 1"),
    ("project: shop", "project: the shop"),
    ("max_parallel_runs: 20", "max_parallel_runs: 0"),
    ("variables: {DBT_REGION: eu}", "variables: {DBT_ENV_SECRET_REGION: eu}"),
    ("variables: {DBT_REGION: eu}", "variables: {AWS_REGION: eu}"),
    ("variables: {DBT_REGION: eu}", "variables: {DBT_REGION: 1}"),
    ("warehouse/x#key", "warehouse/x"),
    ("{header: X-Api-Key}", "none"),
    ("{header: X-Api-Key}", "{header: X Api Key}"),
    ("id: $.sync.id", "id: sync.id"),
    ("algorithm: sha256", "algorithm: md5"),
    ("{timestamp}.{body}", "{timestamp}"),
    ("target: prod", "targt: prod"),
    ("threads: 8", "threads: many"),
    ("cpu: 1024", "cpu: 1000"),
    ("backoff: 30s", "backoff: soon"),
    ("wait_for: all", "wait_for: most"),
    ("wait_for: 3", "wait_for: 0"),
    ("within: 2h", "within: 2 hours"),
    ("debounce: 5m", "debounce: five"),
    ('else_at: "07:00"', "else_at: 7"),
    ("connectors: [stripe]", "connectors: []"),
    ("bucket: landing", "bucket: s3://landing"),
    ("repository: org/repo", "repository: repo"),
    ("events: [push,", "events: [pushed,"),
    ("on: [success]", "on: [done]"),
    ("core/dim_customers", "dim_customers"),
    ("every: 2h", "at: [8], every: 2h"),
    ("{every: 2h, aligned: wall_clock}", "{timezone: UTC}"),
    ("at: [0, 8,", "at: [24, 8,"),
    ("days: [mon, fri]", "days: [1, 5]"),
    ("dst: skip", "dst: sometimes"),
    ("catch_up: latest", "catch_up: last"),
    ("on_conflict: queue_latest", "on_conflict: newest"),
    ("priority: 10", "priority: high"),
    ("paused: true", "paused: yes"),
    ("type: date", "type: datetime"),
    ("reuse: true", "reuse: always"),
    ("look_every: 0", "look_every: never"),
    ("slack:", "slak:"),
    ('"#finance-data"', "finance-data"),
    ("  load_core: {", "  load core: {"),
]


@pytest.mark.parametrize(("old", "new"), WRONG, ids=[new for _, new in WRONG])
def test_what_is_wrong_is_refused_by_the_schema_and_by_the_reader(tmp_path: Path, old: str, new: str) -> None:
    text = EVERY_KEY.replace(old, new, 1)
    assert text != EVERY_KEY
    assert faults(text), "the schema accepts it"
    with pytest.raises(JobsFileError):
        read(tmp_path, text)


def test_each_key_is_described_and_its_example_is_valid() -> None:
    made = schema()
    for place, entry in mappings():
        properties = made["properties"] if not place else made["$defs"][entry.__name__]["properties"]
        for key in entry.known_keys():
            told = properties[key]
            assert re.search(r"\w.*\.$", told["description"]), (place, key)
            inner = Draft202012Validator({**told, "$defs": made["$defs"]})
            assert [fault.message for fault in inner.iter_errors(told["examples"][0])] == [], (place, key)
            if "default" in told:
                assert [fault.message for fault in inner.iter_errors(told["default"])] == [], (place, key)


def test_the_file_for_editors_says_nothing_of_how_it_is_read() -> None:
    text = json.dumps(schema())
    assert "Entry`" not in text
    assert '"null"' not in text
