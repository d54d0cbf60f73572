"""Digests and secrets are compared in constant time, by one function, and by nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from headgate.adapters.webhooks.signing import is_same

ROOT = Path(__file__).parents[4]
FILES = sorted(
    [
        *(ROOT / "layers/core/headgate/adapters/webhooks").glob("*.py"),
        ROOT / "layers/core/headgate/usecases/receive_webhook.py",
        ROOT / "layers/core/headgate/domain/webhook_secret.py",
        ROOT / "functions/receive_webhook/app.py",
    ]
)
# What a name of something secret, or computed from it, contains.
SECRETIVE = (
    "secret",
    "token",
    "digest",
    "signature",
    "expected",
    "given",
    "hmac",
    "sign",
    "proof",
    "previous",
)
COMPARING = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)


def compared(source: str) -> list[str]:
    """Comparisons of something secret by an operator that ends at the first difference."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Compare) or not any(isinstance(op, COMPARING) for op in node.ops):
            continue
        sides = [node.left, *node.comparators]
        # A constant is no secret; against one, only presence and kind are asked.
        if not any(isinstance(side, ast.Constant) for side in sides) and any(map(_is_secretive, sides)):
            found.append(ast.unparse(node))
    return found


def _is_secretive(side: ast.expr) -> bool:
    names = [n.id for n in ast.walk(side) if isinstance(n, ast.Name)]
    names += [n.attr for n in ast.walk(side) if isinstance(n, ast.Attribute)]
    return any(word in name.lower() for name in names for word in SECRETIVE)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_secret_is_compared_by_an_operator(file: Path) -> None:
    assert compared(file.read_text()) == []


@pytest.mark.parametrize(
    "source",
    ["given == expected", "sign(body, secret) != headers['x']", "token in tokens", "x == hmac_hex(s, b)",
     "not delivery.token == secret"],
)  # fmt: skip
def test_the_check_finds_what_it_looks_for(source: str) -> None:
    assert compared(source)


def test_one_function_compares() -> None:
    calls = [
        file.name
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "compare_digest"
    ]
    assert calls == ["signing.py"]


@pytest.mark.parametrize(
    ("given", "expected", "same"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ("", "a", False),
        ("\u00e4", "\u00e4", True),
        ("\ud800", "a", False),
    ],
)
def test_any_text_can_be_compared(given: str, expected: str, same: bool) -> None:
    assert is_same(given, expected) is same
