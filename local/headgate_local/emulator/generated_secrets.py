"""A generated secret keeps to the template's alphabet.

ministack knows ``ExcludeCharacters`` only, so a token meant for a header may hold quotes and brackets, and it
draws from a generator that can be predicted.
"""

import json
import secrets
import string
from typing import Any

from ministack.services.cloudformation import provisioners

from headgate_local.emulator.anchors import anchor

LEFT_OUT_BY = {
    "ExcludePunctuation": string.punctuation,
    "ExcludeNumbers": string.digits,
    "ExcludeUppercase": string.ascii_uppercase,
    "ExcludeLowercase": string.ascii_lowercase,
}
DEFAULT_LENGTH = 32


def install() -> None:
    given = anchor(provisioners, "_sm_secret_string", "props")

    def given_or_generated(properties: dict[str, Any]) -> Any:
        rules = properties.get("GenerateSecretString")
        return given(properties) if rules is None or properties.get("SecretString") else generate(rules)

    provisioners._sm_secret_string = given_or_generated


def generate(rules: dict[str, Any]) -> str:
    """A new secret by the rules of CloudFormation's GenerateSecretString."""
    left_out = set(rules.get("ExcludeCharacters", ""))
    for rule, characters in LEFT_OUT_BY.items():
        if str(rules.get(rule, False)).lower() == "true":
            left_out |= set(characters)
    alphabet = [
        character
        for character in string.ascii_letters + string.digits + string.punctuation
        if character not in left_out
    ]
    length = int(rules.get("PasswordLength", DEFAULT_LENGTH))
    password = "".join(secrets.choice(alphabet) for _ in range(length))
    if "SecretStringTemplate" not in rules:
        return password
    return json.dumps(json.loads(rules["SecretStringTemplate"]) | {rules["GenerateStringKey"]: password})
