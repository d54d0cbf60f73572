"""The JSON schema of jobs files, for editors: what the models read, in the forms in which it is written."""

import json
from typing import Any

from headgate.adapters.jobs_file.whole import FileEntry

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """Of the whole file. It knows less than the reader: not cron, time zones, dbt's options, nor names elsewhere."""
    made = FileEntry.model_json_schema(by_alias=True, mode="validation")
    for found in (made, *made["$defs"].values()):
        for form in found.get("properties", {}).values():
            _tidy(form)
    return {"$schema": _DIALECT, "title": "headgate.yml", **made}


def schema_text() -> str:
    """As docs/headgate.schema.json holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _tidy(form: dict[str, Any]) -> None:
    # A name that does not fit the pattern is refused, where JSON schema alone would let it pass.
    if "patternProperties" in form:
        form["additionalProperties"] = False
    # What a mapping's keys default to stands with them.
    if isinstance(form.get("default"), dict):
        del form["default"]
    if "examples" in form:
        form["examples"] = [_value(text) for text in form["examples"]]


def _value(text: str) -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(text)
