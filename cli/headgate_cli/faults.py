"""Faults in words: what happened, where, how to mend it, and the exit code that scripts can rely on.

0 ok · 1 the run failed, or a fault nobody foresaw · 2 wrong usage or an invalid file · 3 a plan has changes · 4 not
configured or not reachable · 5 not found · 6 gave up waiting, the run goes on · 130 interrupted, the run goes on
"""

import os
import traceback
from collections.abc import Iterable

from headgate_cli.output import escaped, note
from headgate_cli.world import REQUIRED, NotConfiguredError

FAILED = 1
INVALID = 2
CHANGES = 3
NOT_CONFIGURED = 4
NOT_FOUND = 5
TIMED_OUT = 6
INTERRUPTED = 130


def report(fault: BaseException) -> int:
    """Print one fault; returns the exit code."""
    code, lines = _worded(fault)
    if os.environ.get("HEADGATE_DEBUG"):
        note(escaped("".join(traceback.format_exception(fault))))
    for line in lines:
        note(f"[red]error[/] {escaped(line)}")
    return code


def _worded(fault: BaseException) -> tuple[int, Iterable[str]]:
    from headgate.errors import (
        HeadgateError,
        InputError,
        JobsFileError,
        NotFoundError,
        UnavailableError,
    )

    if isinstance(fault, JobsFileError):
        return INVALID, [str(problem) for problem in fault.problems]
    if isinstance(fault, InputError):
        return INVALID, [str(fault)]
    if told := _of_aws(fault.__cause__):
        return NOT_CONFIGURED, told
    if isinstance(fault, NotFoundError):
        unset = "environment variable HEADGATE_" in str(fault)
        return (NOT_CONFIGURED if unset else NOT_FOUND), [str(fault)]
    if isinstance(fault, NotConfiguredError | UnavailableError):
        return NOT_CONFIGURED, [str(fault)]
    if isinstance(fault, HeadgateError):
        return FAILED, [str(fault)]
    return _foreign(fault)


def _foreign(fault: BaseException) -> tuple[int, Iterable[str]]:
    """Faults of libraries, known by where their class comes from: none of them is imported for this."""
    kind, origin = type(fault).__name__, type(fault).__module__
    if origin.startswith("headgate_local"):
        return (NOT_CONFIGURED if kind in ("NotSetUpError", "LocalStackError") else FAILED), [str(fault)]
    if told := _of_aws(fault):
        return NOT_CONFIGURED, told
    return FAILED, [
        f"{kind}: {fault}",
        "this was not foreseen; HEADGATE_DEBUG=1 shows where it happened",
    ]


def _of_aws(fault: BaseException | None) -> list[str]:
    """What to say when AWS is not reached, knows nobody of this name, or has no such table; else nothing."""
    kind = type(fault).__name__
    if not type(fault).__module__.startswith("botocore"):
        return []
    if kind in _UNREACHABLE:
        return [f"AWS cannot be reached: {fault}", *_UNREACHABLE[kind]]
    code = str(getattr(fault, "response", {}).get("Error", {}).get("Code", ""))
    if code in _REFUSED:
        return [f"AWS refuses: {fault}", *_CREDENTIALS]
    if code == "ResourceNotFoundException" and getattr(fault, "operation_name", "") in _TABLE_OPERATIONS:
        return [f"there is no table {os.environ.get(REQUIRED)}, which {REQUIRED} names, in this region"]
    return []


_REFUSED = {
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "UnrecognizedClientException",
}
_TABLE_OPERATIONS = {"GetItem", "PutItem", "UpdateItem", "Query", "TransactWriteItems", "BatchGetItem"}
_STOPPED = ["is the local stack running? `headgate local status`, then `headgate local up --detach`"]
_CREDENTIALS = ["check AWS_PROFILE and AWS_DEFAULT_REGION, as for the aws command"]
_UNREACHABLE: dict[str, list[str]] = {
    "EndpointConnectionError": _STOPPED,
    "ConnectionClosedError": _STOPPED,
    "ConnectTimeoutError": _STOPPED,
    "ReadTimeoutError": _STOPPED,
    "NoCredentialsError": _CREDENTIALS,
    "NoRegionError": _CREDENTIALS,
    "ProfileNotFound": _CREDENTIALS,
    "TokenRetrievalError": _CREDENTIALS,
    "UnauthorizedSSOTokenError": _CREDENTIALS,
}
