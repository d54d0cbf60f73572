"""A task definition made by CloudFormation keeps its secrets.

ministack turns the top level of a container definition to the API's spelling but not the entries of
``Secrets``, so a container would start without them. It also returns a secret's name where AWS returns the
ARN for ``Ref``.
"""

from typing import Any

from ministack.services.cloudformation import provisioners

from headgate_local.emulator.anchors import anchor


def install() -> None:
    normalize = anchor(provisioners, "_normalize_container_defs", "cdefs")
    anchor(provisioners, "_sm")

    def normalize_with_secrets(containers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        normalized: list[dict[str, Any]] = normalize(containers)
        for container in normalized:
            if container.get("secrets"):
                container["secrets"] = [
                    {"name": entry["Name"], "valueFrom": _arn(entry["ValueFrom"])}
                    for entry in container["secrets"]
                ]
        return normalized

    provisioners._normalize_container_defs = normalize_with_secrets


def _arn(reference: str) -> str:
    """The reference with the secret's ARN for its name; what may follow (``:json-key::``) stays."""
    name, colon, rest = reference.partition(":")
    secret = provisioners._sm._secrets.get(name)
    return f"{secret['ARN']}{colon}{rest}" if secret else reference
