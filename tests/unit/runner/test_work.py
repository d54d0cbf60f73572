"""What an end means, and where secrets come from."""

import pytest

from headgate.adapters.memory import MemorySecrets
from headgate.domain.job import Environment
from headgate.errors import (
    ConflictError,
    InputError,
    LeaseLostError,
    NotFoundError,
    PlanError,
    UnavailableError,
)
from headgate_runner.invocation import DbtFailedError
from headgate_runner.supervision import StoppedBySignal
from headgate_runner.surface import UnsupportedDbtError
from headgate_runner.work import is_record, read_secrets


@pytest.mark.parametrize(
    ("fault", "record"),
    [
        (DbtFailedError("Database Error"), True),
        (UnsupportedDbtError("dbt-core 2.0"), True),
        (InputError("not a zip"), True),
        (NotFoundError("no bundle"), True),
        (PlanError("no plan"), True),
        (LeaseLostError("taken over"), False),
        (UnavailableError("away"), False),
        (ConflictError("first"), False),
        (StoppedBySignal(15), False),
        (RuntimeError("a bug"), False),
    ],
)
def test_what_the_step_is_to_blame_for_is_a_record(fault: BaseException, record: bool) -> None:
    assert is_record(fault) is record


def environment(**secrets: str) -> Environment:
    return Environment("production", "prod", "analytics", secrets=secrets)


def test_secrets_are_read_by_name_and_key() -> None:
    store = MemorySecrets({"warehouse/prod": {"password": "one", "user": "two"}})
    wanted = environment(DBT_ENV_SECRET_PASSWORD="warehouse/prod#password", PGUSER="warehouse/prod#user")
    assert read_secrets(store, wanted) == {"DBT_ENV_SECRET_PASSWORD": "one", "PGUSER": "two"}


@pytest.mark.parametrize("reference", ["warehouse/prod#pasword", "warehouse/prod"])
def test_a_missing_key_is_named_and_no_value_is(reference: str) -> None:
    store = MemorySecrets({"warehouse/prod": {"password": "hush-hush"}})
    with pytest.raises(InputError, match="DBT_ENV_SECRET_PASSWORD") as caught:
        read_secrets(store, environment(DBT_ENV_SECRET_PASSWORD=reference))
    assert "hush-hush" not in str(caught.value)


def test_a_missing_secret_is_named() -> None:
    with pytest.raises(NotFoundError, match="warehouse/none"):
        read_secrets(MemorySecrets(), environment(X="warehouse/none#password"))
