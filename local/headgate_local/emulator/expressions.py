"""A DynamoDB expression is parsed once, not once for each item.

ministack reads the text of a key condition or filter again for every candidate of a query, which is most of
the cost of a query over a few hundred items. The text decides the outcome, so it is remembered.
"""

from functools import lru_cache
from typing import Any

from ministack.services import dynamodb

from headgate_local.emulator.anchors import anchor

REMEMBERED = 2048


def install() -> None:
    tokenize = lru_cache(REMEMBERED)(anchor(dynamodb, "_tokenize", "expr"))
    syntax_error = lru_cache(REMEMBERED)(anchor(dynamodb, "_condition_syntax_error", "expr", "slot"))

    def remembered_tokens(expression: str) -> list[Any]:
        return list(tokenize(expression))  # callers may take tokens away

    dynamodb._tokenize = remembered_tokens
    dynamodb._condition_syntax_error = syntax_error
