"""What a warehouse says when something fails, and which class that is."""

from __future__ import annotations

import re

import pytest

from headgate.domain.error_class import BUILT_IN, ErrorClass, classify
from headgate.domain.job import RetryPolicy

MESSAGES = {
    "network": [
        # Postgres and Redshift through their drivers
        "Database Error in model orders (models/orders.sql)\n  server closed the connection unexpectedly\n"
        "  \tThis probably means the server terminated abnormally before or while processing the request.",
        'Database Error\n  connection to server at "db" (10.0.0.7), port 5432 failed: Connection refused',
        'Database Error\n  connection to server at "db", port 5432 failed: timeout expired',
        'Database Error\n  could not translate host name "db" to address: Name or service not known',
        "Database Error in test t\n  SSL SYSCALL error: EOF detected",
        "Database Error\n  FATAL:  the database system is starting up",
        "Database Error in model m\n  terminating connection due to administrator command",
        "Database Error in model m\n  connection already closed",
        "Database Error in model m\n  SSL connection has been closed unexpectedly",
        # Snowflake
        "Database Error\n  250001 (08001): None: Failed to connect to DB: x.snowflakecomputing.com:443. Timeout.",
        "Database Error in model m\n  000603 (XX000): SQL execution internal error:\n"
        "  Processing aborted by error 300002:2523989150; incident 4567.",
        # BigQuery
        "Runtime Error in model m\n  503 GET https://bigquery.googleapis.com/: Service Unavailable",
        "Database Error in model m\n  The job encountered an internal error during execution and was unable to "
        "complete successfully.",
        "Runtime Error in model m\n  ('Connection aborted.', RemoteDisconnected('Remote end closed connection'))",
        "Runtime Error in model m\n  502 Bad Gateway",
        "Database Error in model m\n  Error encountered during execution. Retrying may solve the problem.",
        # Databricks
        "Runtime Error in model m\n  Error during request to server: HTTP response code 503",
        "Runtime Error in model m\n  TEMPORARILY_UNAVAILABLE: The service is overloaded",
        "Runtime Error\n  HTTPSConnectionPool(host='x', port=443): Max retries exceeded with url: /sql",
        "Runtime Error\n  ConnectionResetError: [Errno 104] Connection reset by peer",
    ],
    "throttled": [
        "Database Error\n  FATAL:  sorry, too many clients already",
        'Database Error\n  FATAL:  too many connections for role "dbt"',
        "Database Error\n  FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
        "Database Error in model m\n  Exceeded rate limits: too many table update operations for this table.",
        "Database Error in model m\n  Quota exceeded: Your project exceeded quota for concurrent queries.",
        "Runtime Error in model m\n  403 jobRateLimitExceeded: rateLimitExceeded",
        "Runtime Error in model m\n  Error during request to server: HTTP 429",
        "Runtime Error in model m\n  429 Client Error: Too Many Requests",
        "Database Error in model m\n  An error occurred (ThrottlingException): Rate exceeded",
    ],
    "lock_conflict": [
        "Database Error in model m (models/m.sql)\n  deadlock detected\n  DETAIL:  Process 7 waits for ShareLock",
        "Database Error in model m\n  could not serialize access due to concurrent update",
        "Database Error in model m\n  canceling statement due to lock timeout",
        'Database Error\n  duplicate key value violates unique constraint "pg_namespace_nspname_index"',
        "Database Error in model m\n  1023\n  DETAIL: Serializable isolation violation on table - 11, transactions",
        "Database Error in model m\n  table 123 dropped by concurrent transaction",
        "Database Error in model m\n  000625 (57014): Statement 'a' has locked table 'T' in transaction 1 and this "
        "lock has not yet been released.",
        "Database Error in model m\n  Your statement 'x' was aborted because the number of waiters for this lock "
        "exceeds the 20 statements limit.",
        "Database Error in model m\n  Could not serialize access to table p:d.t due to concurrent update",
        "Database Error in model m\n  Transaction is aborted due to concurrent update against table p:d.t",
        "Runtime Error in model m\n  [DELTA_CONCURRENT_APPEND] ConcurrentAppendException: Files were added",
        "Runtime Error in model m\n  io.delta.exceptions.MetadataChangedException: The metadata of the table",
    ],
    "out_of_memory": [
        "Unhandled error while executing\n  MemoryError",
        "Runtime Error in model m\n  [Errno 12] Cannot allocate memory",
        "Essential container in task exited, exit code: 137",
    ],
    "warehouse_memory": [
        "Database Error in model m\n  out of memory\n  DETAIL:  Failed on request of size 64",
        "Runtime Error in model m\n  java.lang.OutOfMemoryError: Java heap space",
        "Database Error in model m\n  300005: Function available memory exhausted; exhausted memory",
    ],
    "timeout": [
        "timed out after 20m",
        "Database Error in model m\n  canceling statement due to statement timeout",
        "Database Error in model m\n  000630 (57014): Statement reached its statement or warehouse timeout of 60 "
        "second(s) and was canceled.",
        "Runtime Error in model m\n  Operation did not complete within the designated timeout of 300 seconds.",
    ],
    "spot_reclaim": [
        "SpotInterruption: Your Spot Task was interrupted.",
        "Host EC2 (instance i-0123456789) terminated.",
    ],
    "start_up": [
        "CannotPullContainerError: pull image manifest has been retried 5 time(s)",
        "ResourceInitializationError: unable to pull secrets or registry auth",
        "Capacity is unavailable at this time. Please try again later or in a different availability zone",
        "Timeout waiting for network interface provisioning to complete.",
    ],
    "compilation": [
        "Compilation Error in model m (models/m.sql)\n  Model 'model.shop.m' depends on a node named 'x'",
        "Compilation Error in model m (models/m.sql)\n  This model has an enforced contract that failed.",
        "Parsing Error\n  at path ['columns']: None is not of type 'array'",
        # its text quotes another failure: what dbt cannot compile now it cannot compile later
        "Compilation Error in model m\n  'undefined' has no attribute 'deadlock detected'",
    ],
    "test_failure": [
        "Got 3 results, configured to fail if != 0",
        "Got 1 result, configured to fail if >10",
        "\n\nactual differs from expected:\n\n@@,n\n",
    ],
    "database": [
        'Database Error in model m (models/m.sql)\n  column "amout" does not exist\n  LINE 503: select amout',
        'Database Error in model m\n  syntax error at or near "form"\n  LINE 429:     form orders',
        'Database Error\n  connection to server at "db", port 5432 failed: FATAL:  password authentication failed',
        "Database Error in model m\n  permission denied for schema analytics",
        "Database Error in model network_timeouts (models/network_timeouts.sql)\n  division by zero",
        'Database Error in model throttled_requests (models/deadlock.sql)\n  relation "lock" does not exist',
        "Database Error in model m\n  002003 (42S02): SQL compilation error:\n  Object 'T' does not exist",
        "Database Error in model m\n  404 Not found: Table p:d.orders was not found in location EU",
        'Database Error in model m\n  duplicate key value violates unique constraint "orders_pkey"',
        "Database Error in model m\n  Custom quota exceeded: Your usage exceeded the custom quota for "
        "QueryUsagePerDay",
    ],
    "unknown": ["", "Unhandled error while executing\n  KeyError: 'x'", "something else"],
}


@pytest.mark.parametrize(
    ("name", "message"), [(name, one) for name, found in MESSAGES.items() for one in found]
)
def test_a_message_has_its_class(name: str, message: str) -> None:
    assert classify(message).name == name


def test_every_class_is_tried_and_the_last_one_needs_no_pattern() -> None:
    assert {found.name for found in BUILT_IN} == set(MESSAGES)
    assert [found.name for found in BUILT_IN if not found.patterns] == ["unknown"]
    assert BUILT_IN[-1].name == "unknown"


def test_no_pattern_is_found_in_nothing_and_case_does_not_matter() -> None:
    for found in BUILT_IN:
        for pattern in found.patterns:
            assert re.compile(pattern, re.IGNORECASE).search("") is None, f"{found.name}: {pattern}"
    assert classify("DEADLOCK DETECTED").name == "lock_conflict"


def test_own_classes_come_first() -> None:
    own = ErrorClass("nightly_load", (r"orders .* is being loaded",), retry=True)
    assert classify("Database Error in model m\n  orders of today is being loaded", [own]) is own
    assert classify("Database Error in model m\n  deadlock detected", [own]).name == "lock_conflict"


def test_an_own_class_without_patterns_replaces_what_is_done_and_keeps_the_order() -> None:
    own = ErrorClass("database", retry=True)
    assert classify("Database Error in model m\n  division by zero", [own]) is own
    assert classify("Database Error in model m\n  deadlock detected", [own]).name == "lock_conflict"
    silent = ErrorClass("unknown", retry=True)
    assert classify("something else", [silent]) is silent


def test_what_stands_far_behind_the_beginning_is_not_read() -> None:
    assert classify("Database Error\n" + "x" * 20_000 + " deadlock detected").name == "database"


def named(name: str) -> ErrorClass:
    return next(found for found in BUILT_IN if found.name == name)


@pytest.mark.parametrize(
    ("on", "name", "counted", "allowed"),
    [
        (("transient",), "network", 1, True),
        (("transient",), "network", 2, True),
        (("transient",), "network", 3, False),
        (("transient",), "throttled", 1, True),
        (("transient",), "lock_conflict", 1, True),
        (("transient",), "timeout", 1, False),
        (("timeout",), "timeout", 1, True),
        (("timeout",), "network", 1, False),
        (("spot_reclaim",), "spot_reclaim", 0, True),
        (("compilation", "database"), "compilation", 1, False),
        (("compilation", "database"), "database", 1, False),
        (("",), "unknown", 1, False),
        ((), "network", 1, False),
    ],
)
def test_another_attempt(on: tuple[str, ...], name: str, counted: int, allowed: bool) -> None:
    assert RetryPolicy(max=2, on=on).allows(named(name), counted) is allowed


def test_no_attempt_after_the_first_one() -> None:
    assert RetryPolicy(max=0).allows(named("network"), 1) is False
    assert RetryPolicy(max=0).allows(named("network"), 0) is True
