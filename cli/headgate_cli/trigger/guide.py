"""Where address and secret go in each sender's own pages or API."""

import json
from typing import TYPE_CHECKING

from headgate_cli.trigger.source import Source

if TYPE_CHECKING:
    from headgate.domain.receiver import Receiver


def guide(source: Source, address: str, secret: str) -> list[str]:
    """Lines for a person. secret: as it may be shown."""
    if source.receiver is not None:
        return _generic(source.receiver, address)
    return {
        "fivetran": _fivetran,
        "airbyte": _airbyte,
        "github": _github,
        "gitlab": _gitlab,
        "dbt_cloud": _dbt_cloud,
    }[source.kind](source, address, secret)


def _fivetran(_source: Source, address: str, secret: str) -> list[str]:
    webhook = {"url": address, "events": ["sync_end"], "active": True, "secret": secret}
    return [
        "Fivetran: Account settings → Webhooks → Add webhook, event sync_end. Or by its API:",
        "",
        'curl -sS -u "$FIVETRAN_API_KEY:$FIVETRAN_API_SECRET" -H "content-type: application/json" \\',
        "  https://api.fivetran.com/v1/webhooks/account --data @- <<'END'",
        json.dumps(webhook),
        "END",
        "",
        "Fivetran sends a test when it is saved; it must be answered, so the stack must be reachable.",
    ]


def _airbyte(source: Source, _address: str, _secret: str) -> list[str]:
    return [
        "Airbyte: Settings → Notifications → Successful syncs → Webhook: paste the address. Whoever has it can say",
        "that a sync ended, so keep it like a password. To have Airbyte's own API confirm each sync, add",
        f'"api_url" and "api_token" to the secret {source.secret_name}.',
    ]


def _github(_source: Source, _address: str, _secret: str) -> list[str]:
    return [
        "GitHub: repository or organisation → Settings → Webhooks → Add webhook: Payload URL and Secret as above,",
        "Content type application/json, events: Pushes and Pull requests.",
    ]


def _gitlab(_source: Source, _address: str, _secret: str) -> list[str]:
    return [
        "GitLab: project or group → Settings → Webhooks → Add new webhook: URL and Secret token as above,",
        "triggers: Push events and Merge request events.",
    ]


def _dbt_cloud(source: Source, _address: str, _secret: str) -> list[str]:
    return [
        "dbt Cloud: Account settings → Webhooks → Create: Endpoint as above, event Run completed. dbt Cloud makes the",
        "secret itself and shows it once; store that one in place of the one above:",
        "",
        f"headgate trigger rotate {source.label} --given --now < file-with-the-secret",
    ]


def _generic(receiver: "Receiver", _address: str) -> list[str]:
    how = {
        "path": "Post JSON to the address; it is the secret, so keep it like a password.",
        "header": f"Post JSON to the address, with the secret in the header {receiver.header}.",
        "hmac": f"Post JSON to the address, with its {receiver.algorithm} HMAC ({receiver.encoding}) in the header "
        f"{receiver.header}" + (f", after {receiver.prefix!r}." if receiver.prefix else "."),
        "standard": "Post JSON to the address, signed by the rules of Standard Webhooks.",
    }
    return [
        how[receiver.auth],
        f"If the sender makes the secret itself: headgate trigger rotate {receiver.name} --given --now < file",
    ]
