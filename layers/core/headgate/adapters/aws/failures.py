"""botocore's errors in Headgate's words: who lost a race, what does not exist, what may be tried again.

Retries of a single request are boto3's (`standard` mode, see bootstrap); what arrives here has used them up.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from headgate.errors import ConflictError, HeadgateError, NotFoundError, UnavailableError

_CONFLICTS = {"ConditionalCheckFailedException", "ConflictException", "ExecutionAlreadyExists"}
_MISSING = {
    "ResourceNotFoundException",
    "NoSuchKey",
    "NoSuchBucket",
    "NotFound",
    "404",
    "ExecutionDoesNotExist",
    "StateMachineDoesNotExist",
    "NotFoundException",
}
_TEMPORARY = {
    "InternalServerError",
    "InternalFailure",
    "InternalServiceError",
    "InternalServiceException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionConflictException",
    "TransactionInProgressException",
}


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise ConflictError, NotFoundError, UnavailableError or HeadgateError instead of botocore's errors.

    `what` names the thing asked for; the cause stays attached.
    """
    try:
        yield
    except ClientError as fault:
        raise _in_our_words(fault, what) from fault
    except BotoCoreError as fault:
        # Connections, timeouts, missing credentials: nothing was refused by the service itself.
        raise UnavailableError(f"{what}: {fault}") from fault


def _in_our_words(fault: ClientError, what: str) -> HeadgateError:
    response: Mapping[str, Any] = fault.response
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) or 0)
    if code == "TransactionCanceledException":
        return _of_transaction(fault, what)
    if code in _CONFLICTS:
        return ConflictError(f"{what}: somebody else was first")
    if code in _MISSING:
        return NotFoundError(f"{what} does not exist")
    if code in _TEMPORARY or status >= 500:
        return UnavailableError(f"{what}: {fault}")
    return HeadgateError(f"{what}: {fault}")


def _of_transaction(fault: ClientError, what: str) -> HeadgateError:
    reasons = cancellation_codes(fault)
    if "ConditionalCheckFailed" in reasons:
        return ConflictError(f"{what}: somebody else was first")
    if "ValidationError" in reasons:
        return HeadgateError(f"{what}: {fault}")
    return UnavailableError(f"{what}: {fault}")


def cancellation_codes(fault: BaseException | None) -> list[str]:
    """Why a transaction was cancelled, one code for each of its actions ("None": this one was fine)."""
    if not isinstance(fault, ClientError):
        return []
    response: Mapping[str, Any] = fault.response
    return [str(reason.get("Code") or "None") for reason in response.get("CancellationReasons") or ()]


def refused_item(fault: ConflictError) -> dict[str, Any]:
    """The stored item that a conditional write met, in DynamoDB's notation; empty if it was not asked for."""
    cause = fault.__cause__
    response: Mapping[str, Any] = cause.response if isinstance(cause, ClientError) else {}
    return dict(response.get("Item") or {})
