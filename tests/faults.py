"""Services that fail before or after they did what they were asked to do; the caller cannot tell which."""

from collections.abc import Callable
from random import Random
from typing import Any

from botocore.exceptions import ConnectionClosedError

from headgate.errors import UnavailableError


class Interrupted:
    """A boto3 client whose first request is cut off before, or after, the service did it."""

    def __init__(self, client: Any, *, after: bool) -> None:
        self._client, self._after, self._first = client, after, True

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)

        def once_cut_off(**request: Any) -> Any:
            first, self._first = self._first, False
            if not first:
                return call(**request)
            if self._after:
                call(**request)
            raise ConnectionClosedError(endpoint_url="the table: connection closed")

        return once_cut_off


class Unreliable:
    """A port of which a share of the calls fails: before it does anything, or after it did everything."""

    def __init__(self, port: Any, random: Random, share: float = 0.1) -> None:
        self._port, self._random, self.share = port, random, share
        self.faults = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._port, name)

        def may_fail(*arguments: Any, **named: Any) -> Any:
            if self._random.random() < self.share:
                self._fail(f"{name}: not done")
            answer = call(*arguments, **named)
            if self._random.random() < self.share:
                self._fail(f"{name}: done, but nobody says so")
            return answer

        return may_fail

    def _fail(self, why: str) -> None:
        self.faults += 1
        raise UnavailableError(why)
