"""What every mapping of a jobs file has in common, and faults that belong to one of its keys."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

Schema = dict[str, Any]


def without_null(schema: Schema) -> None:
    """Take what only pydantic needs out of the schema of a mapping."""
    # A key that is written holds something (across.empty_keys): null is how the models say "left out".
    for key, found in schema.get("properties", {}).items():
        found.pop("title", None)
        left = [form for form in found.get("anyOf", ()) if form != {"type": "null"}]
        if "anyOf" in found and len(left) == 1:
            schema["properties"][key] = left[0] | {name: found[name] for name in found if name != "anyOf"}
        elif "anyOf" in found:
            found["anyOf"] = left
        if schema["properties"][key].get("default", ...) is None:
            del schema["properties"][key]["default"]
    schema.pop("title", None)


class Entry(BaseModel):
    """A mapping with known keys, strictly typed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, json_schema_extra=without_null)

    @classmethod
    def known_keys(cls) -> dict[str, FieldInfo]:
        """Its keys as they are written, its own ones before those that it shares with others."""
        own = sorted(cls.model_fields.items(), key=lambda field: field[0] not in cls.__annotations__)
        return {field.alias or name: field for name, field in own}

    def says(self, *keys: str) -> list[str]:
        """Which of these keys are written."""
        return [key for key in keys if key in self.model_fields_set]


class KeyFaultError(ValueError):
    """What is wrong with one key of a mapping, found when the mapping was read as a whole."""

    def __init__(self, message: str, *keys: str | int) -> None:
        super().__init__(message)
        self.keys = keys


class Written:
    """How a value is written in the file, where that is not how it is read: for the schema that editors use.

    `change` gets the schema of what is read and returns that of what is written.
    """

    def __init__(self, change: Callable[[Schema], Schema]) -> None:
        self._change = change

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler(source)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return self._change(handler(schema))


def written_as(**schema: Any) -> Written:
    """For a value whose written form has nothing of the one that is read."""
    return Written(lambda _: dict(schema))


ONE_OR_MANY = Written(lambda found: {"anyOf": [found["items"], found]})
