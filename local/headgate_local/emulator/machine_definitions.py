"""A state machine's definition may be YAML, as CloudFormation takes it; ministack stores it as it stands.

The substitutions are made in the text first, so that ``TimeoutSeconds: ${Seconds}`` becomes a number.
"""

import json
from typing import Any

import yaml
from ministack.services.cloudformation import provisioners

from headgate_local.emulator.anchors import anchor


def install() -> None:
    definition = anchor(provisioners, "_sfn_definition", "props")

    def definition_as_json(properties: dict[str, Any]) -> str:
        return as_json(definition(properties))

    provisioners._sfn_definition = definition_as_json


def as_json(text: str) -> str:
    """The definition in JSON, whichever of the two notations it is in. Raises ValueError for neither."""
    try:
        json.loads(text)
    except ValueError:
        try:
            return json.dumps(yaml.safe_load(text))
        except yaml.YAMLError as damaged:
            raise ValueError(
                f"the state machine's definition is neither JSON nor YAML: {damaged}"
            ) from damaged
    return text
