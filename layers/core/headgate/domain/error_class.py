"""Why a node's attempt failed, as a class; each class says what to do about it.

The table is data: `environments.<name>.error_classes` in headgate.yml puts its own classes before these.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class ErrorClass:
    """One class of failures.

    patterns: regular expressions, searched in dbt's message without regard to case. retry: whether a job that
    names the class (or its group) in `retries.on` gets another attempt. first_seconds, longest_seconds: the pause
    before the first of them, doubled each time up to the longest. counts: whether the attempt uses up `retries.max`.
    fewer_threads: the runner builds with one thread less from then on. larger_runner: instead of trying again, the
    runner ends, and the next container gets more memory. group: a second name under which jobs can mean several
    classes at once.
    """

    name: str
    patterns: tuple[str, ...] = ()
    retry: bool = False
    first_seconds: float = 5.0
    longest_seconds: float = 120.0
    counts: bool = True
    fewer_threads: bool = False
    larger_runner: bool = False
    group: str = ""


# Names of a group may be written in `retries.on` like those of a class.
TRANSIENT = "transient"
# A message can quote a whole query; what went wrong stands at its beginning.
_READ = 20_000

# The first class with a pattern that is found decides, so what is named exactly comes before what is named
# broadly. Phrases are those of the warehouses and their drivers, long enough not to be met in a model's name.
BUILT_IN: tuple[ErrorClass, ...] = (
    ErrorClass(
        "compilation",
        (
            r"\A\s*(compilation|parsing|dependency|validation|yaml schema|contract) error\b",
            r"\A\s*this model has an enforced contract that failed",
        ),
    ),
    ErrorClass(
        "spot_reclaim",
        (
            r"\bspot ?interruption\b",
            r"\byour spot task was interrupted\b",
            r"\bhost ec2 .{0,80}\bterminated\b",
        ),
        retry=True,
        first_seconds=1.0,
        counts=False,
    ),
    ErrorClass(
        "start_up",
        (
            r"\bcannotpullcontainererror\b",
            r"\bcannotstartcontainererror\b",
            r"\bresourceinitializationerror\b",
            r"\btaskfailedtostart\b",
            r"\bcapacity is unavailable at this time\b",
            r"\btimeout waiting for network interface provisioning\b",
        ),
        retry=True,
        first_seconds=10.0,
    ),
    ErrorClass(
        "out_of_memory",
        (r"\bmemoryerror\b", r"\bcannot allocate memory\b", r"\bexit code:? 137\b"),
        retry=True,
        larger_runner=True,
    ),
    ErrorClass(
        "warehouse_memory",
        (r"\bout ?of ?memory(error)?\b", r"\bjava heap space\b", r"\bexhausted memory\b"),
        retry=True,
        fewer_threads=True,
    ),
    ErrorClass(
        "lock_conflict",
        (
            # Postgres, Redshift
            r"\bdeadlock detected\b",
            r"\bcould not serialize access\b",
            r"\bcanceling statement due to lock timeout\b",
            r"\bcould not obtain lock on\b",
            r"\btuple concurrently (updated|deleted)\b",
            r"\bserializable isolation violation\b",
            r"\bconflict with concurrent transaction\b",
            r"\bdropped by concurrent transaction\b",
            r"\bcould not open relation with oid\b",
            # two that create the same schema or relation at once
            r'\bunique constraint "pg_(namespace|class|type)_\w+"',
            # Snowflake
            r"\block has not yet been released\b",
            r"\bnumber of waiters for this lock exceeds\b",
            # BigQuery
            r"\baborted due to concurrent update\b",
            # Databricks
            r"\bconcurrent(append|deleteread|deletedelete|transaction|write)exception\b",
            r"\bdelta_concurrent_\w+",
            r"\b(metadata|protocol)changedexception\b",
            r"\bdelta_(metadata|protocol)_changed\b",
        ),
        retry=True,
        first_seconds=2.0,
        fewer_threads=True,
        group=TRANSIENT,
    ),
    ErrorClass(
        "throttled",
        (
            r"\btoo many (requests|clients already|connections for (role|database|user))\b",
            r"\bremaining connection slots are reserved\b",
            r"\bconnection limit .{0,60}\bexceeded\b",
            r"\brate ?limit ?exceeded\b",
            r"\bexceeded rate limits?\b",
            r"\bexceeded quota for concurrent queries\b",
            r"\bthrottl(ed|ing)(exception)?\b",
            r"\bslow ?down\b.{0,40}\brequest rate\b",
            r"\brequest ?limit ?exceeded\b",
            r"\bhttp\b[^\n]{0,40}\b429\b",
            r"\b429\b:? (client error|too many)",
        ),
        retry=True,
        first_seconds=15.0,
        longest_seconds=300.0,
        fewer_threads=True,
        group=TRANSIENT,
    ),
    ErrorClass(
        "timeout",
        (
            r"\A\s*timed out after\b",
            r"\bcanceling statement due to statement timeout\b",
            r"\breached its statement or warehouse timeout\b",
            r"\bdid not complete within the designated timeout\b",
            r"\bquery execution exceeded the timeout\b",
            r"\bquery aborted on query monitoring rule\b",
        ),
        retry=True,
        first_seconds=10.0,
    ),
    ErrorClass(
        "network",
        (
            # sockets and names
            r"\bconnection (refused|reset by peer|timed out|aborted)\b",
            r"\bconnection(reset|refused|aborted)error\b",
            r"\bremotedisconnected\b",
            r"\bbroken pipe\b",
            r"\b(read|connect|operation) timed out\b",
            r"\bsockettimeoutexception\b",
            r"\bno route to host\b",
            r"\bnetwork is unreachable\b",
            r"\bcould not translate host name\b",
            r"\bname or service not known\b",
            r"\btemporary failure in name resolution\b",
            r"\bfailed to resolve\b",
            r"\beof detected\b",
            r"\beof occurred in violation of protocol\b",
            r"\bmax retries exceeded with url\b",
            r"\bretry request would exceed retry policy\b",
            # Postgres, Redshift
            r"\bserver closed the connection unexpectedly\b",
            r"\bssl connection has been closed unexpectedly\b",
            r"\bconnection already closed\b",
            r"\bthe database system is (starting up|shutting down|in recovery mode|not yet accepting connections)\b",
            r"\bterminating connection due to (administrator command|unexpected postmaster exit)\b",
            r"\bfailed: timeout expired\b",
            # Snowflake
            r"\bfailed to connect to db\b",
            r"\bcould not connect to snowflake backend\b",
            r"\bprocessing aborted by error 300\d{3}\b",
            # BigQuery, Databricks, and whatever answers in HTTP
            r"\b(502|503|504)\b[: ]+(\w+ )?(bad gateway|service unavailable|gateway time-?out|server error|backend)",
            r"\bhttp\b[^\n]{0,40}\b(502|503|504)\b",
            r"\b(serviceunavailable|service unavailable|internalservererror)\b",
            r"\btemporarily[_ ]unavailable\b",
            r"\bbackend ?error\b",
            r"\bretrying (the job )?may solve the problem\b",
            r"\bjob encountered an internal error during execution\b",
            r"\bcluster\b.{0,80}\bin unexpected state (pending|terminating|terminated|restarting)\b",
        ),
        retry=True,
        group=TRANSIENT,
    ),
    ErrorClass(
        "test_failure",
        (r"\A\s*got \d+ results?, configured to (fail|warn) if", r"\A\s*actual differs from expected"),
    ),
    ErrorClass("database", (r"\A\s*(database|sql|permission|runtime) error\b", r"\bsql compilation error\b")),
    ErrorClass("unknown"),
)


def classify(message: str, classes: Sequence[ErrorClass] = ()) -> ErrorClass:
    """The class of a failure by its message; the last one, `unknown`, when no pattern is found.

    classes: an environment's own, which come first. One without patterns that has the name of a built-in class
    keeps that one's patterns and its place, and replaces what is done about it.
    """
    replaced = {own.name: own for own in classes if not own.patterns}
    text = message[:_READ]
    for error_class in (*(own for own in classes if own.patterns), *BUILT_IN):
        if any(_compiled(pattern).search(text) for pattern in error_class.patterns):
            return replaced.get(error_class.name, error_class)
    return replaced.get("unknown", BUILT_IN[-1])


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
