"""JobStore: which bundle was last published from a branch or a commit."""

from typing import Any

import pytest

from headgate.errors import NotFoundError

COMMIT = "c0ffee" + "0" * 34


def test_a_bundle_is_found_by_what_it_was_published_from(world: Any) -> None:
    world.jobs.point_at("production", "a" * 64, refs=("main", COMMIT))
    world.jobs.point_at("production", "b" * 64, refs=["main", "feature/orders"])
    assert world.jobs.bundle_from("production", "main") == "b" * 64
    assert world.jobs.bundle_from("production", "feature/orders") == "b" * 64
    assert world.jobs.bundle_from("production", COMMIT) == "a" * 64
    assert world.jobs.bundle_of("production") == "b" * 64


def test_refs_belong_to_one_environment_and_what_is_known_is_said(world: Any) -> None:
    with pytest.raises(NotFoundError, match="no bundle of it names a branch or commit yet"):
        world.jobs.bundle_from("production", "main")
    world.jobs.point_at("production", "a" * 64, refs=("main", COMMIT))
    world.jobs.point_at("ci", "b" * 64)
    with pytest.raises(NotFoundError, match=f"from 'mian': known are main, {COMMIT}"):
        world.jobs.bundle_from("production", "mian")
    with pytest.raises(NotFoundError, match="'ci'"):
        world.jobs.bundle_from("ci", "main")
    # No ref is mistaken for the pointer, or for the beginning of another ref.
    for other in ("", "m", "bundle"):
        with pytest.raises(NotFoundError):
            world.jobs.bundle_from("production", other)
