"""BundleStore, ArtifactStore and PlanStore: bytes go in and come out, and what is not there says so."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from headgate.adapters.aws import s3_bundle_store
from headgate.adapters.aws.s3_plan_store import LARGE
from headgate.domain.plan import OPENING
from headgate.errors import InputError, NotFoundError, UnavailableError
from tests.contract.conftest import MotoStage
from tests.plans import plan_of

DIGEST = "d" * 64


def files(folder: Path, **contents: bytes) -> dict[str, Path]:
    found = {}
    for number, (name, body) in enumerate(contents.items()):
        found[name.replace("__", "/").replace("_json", ".json")] = path = folder / str(number)
        path.write_bytes(body)
    return found


def test_a_bundle_comes_back_as_it_was_put(world: Any, tmp_path: Path) -> None:
    world.bundles.put(DIGEST, files(tmp_path, vars__manifest_json=b"{}", bundle_json=b"[1]"))
    assert world.bundles.read(DIGEST, "vars/manifest.json") == b"{}"
    target = tmp_path / "deep" / "manifest.json"
    world.bundles.fetch(DIGEST, "vars/manifest.json", target)
    assert target.read_bytes() == b"{}"
    assert list(target.parent.iterdir()) == [target]


def test_a_bundle_is_never_overwritten_but_completed(world: Any, tmp_path: Path) -> None:
    world.bundles.put(DIGEST, files(tmp_path, a=b"first"))
    world.bundles.put(DIGEST, files(tmp_path, a=b"second", b=b"new"))
    assert [world.bundles.read(DIGEST, name) for name in "ab"] == [b"first", b"new"]


def test_a_missing_file_of_a_bundle_is_not_found_and_leaves_nothing_behind(
    world: Any, tmp_path: Path
) -> None:
    for call in (
        lambda: world.bundles.read(DIGEST, "index.msgpack"),
        lambda: world.bundles.fetch(DIGEST, "index.msgpack", tmp_path / "index.msgpack"),
    ):
        with pytest.raises(NotFoundError, match=r"index\.msgpack"):
            call()
    assert not (tmp_path / "index.msgpack").exists()


def test_too_large_a_file_is_refused_before_anything_is_uploaded(
    moto: MotoStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_bundle_store, "MAX_BYTES", 10)
    with pytest.raises(InputError, match="large"):
        moto.world.bundles.put(DIGEST, files(tmp_path, fine=b"1", large=b"1" * 11))
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket="headgate-bucket")


def test_too_large_a_file_is_not_read_into_memory(
    moto: MotoStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moto.world.bundles.put(DIGEST, files(tmp_path, fine=b"1" * 10, large=b"1" * 11))
    monkeypatch.setattr(s3_bundle_store, "MAX_READ_BYTES", 10)
    assert moto.world.bundles.read(DIGEST, "fine") == b"1" * 10
    with pytest.raises(InputError, match="large is larger than 0 MiB"):
        moto.world.bundles.read(DIGEST, "large")


def test_the_metadata_of_a_bundle_comes_last(moto: MotoStage, tmp_path: Path, monkeypatch: Any) -> None:
    uploaded: list[str] = []
    objects = moto.world.bundles._objects
    monkeypatch.setattr(objects, "upload", lambda key, _: uploaded.append(key))
    moto.world.bundles.put(DIGEST, files(tmp_path, bundle_json=b"1", zipped=b"1", a=b"1"))
    assert [key.split("/")[-1] for key in uploaded] == ["a", "zipped", "bundle.json"]


def test_a_bucket_that_does_not_answer_is_unavailable(aws: None) -> None:
    client = boto3.client("s3", endpoint_url="http://127.0.0.1:9", config=_impatient())
    store = s3_bundle_store.S3BundleStore(client, "headgate-bucket")
    with pytest.raises(UnavailableError):
        store.read(DIGEST, "project.zip")


def _impatient() -> Any:
    return Config(retries={"max_attempts": 0}, connect_timeout=0.2)


def test_an_artifact_is_replaced_by_a_later_one(world: Any) -> None:
    world.artifacts.put(12, 1, "run_results.json", b"old")
    world.artifacts.put(12, 1, "run_results.json", b"new")
    world.artifacts.put(12, 2, "run_results.json", b"other step")
    assert world.artifacts.get(12, 1, "run_results.json") == b"new"
    for run, step, name in (
        (12, 1, "manifest.json"),
        (12, 3, "run_results.json"),
        (1, 1, "run_results.json"),
    ):
        with pytest.raises(NotFoundError, match=name):
            world.artifacts.get(run, step, name)


def line(at: int, text: str, node: str | None = None) -> dict[str, Any]:
    return {"at": f"2026-01-01T00:00:{at:02d}Z", "runner": 1, "node": node, "level": "info", "message": text}


def test_logs_of_all_runners_are_one_by_time(world: Any) -> None:
    assert world.artifacts.logs(12, 1) == []
    world.artifacts.append_log(12, 1, 1, 1_000_002, [line(5, "c"), line(9, "e")])
    world.artifacts.append_log(12, 1, 1, 1_000_001, [line(1, "a")])
    world.artifacts.append_log(12, 1, 10, 1_000_001, [line(3, "b"), line(7, "d", "model.shop.a")])
    world.artifacts.append_log(12, 2, 1, 1_000_001, [line(0, "another step")])
    found = world.artifacts.logs(12, 1)
    assert [entry["message"] for entry in found] == ["a", "b", "c", "d", "e"]
    assert found[3] == line(7, "d", "model.shop.a")


def test_lines_of_one_moment_stay_in_their_order(world: Any) -> None:
    for sequence in (10, 9, 11):
        world.artifacts.append_log(
            12, 1, 1, 1_000_000 + sequence, [line(1, f"{sequence}-{n}") for n in (1, 2)]
        )
    world.artifacts.append_log(12, 1, 1, 2_000_001, [line(1, "second attempt")])
    assert [entry["message"] for entry in world.artifacts.logs(12, 1)] == [
        *("9-1", "9-2", "10-1", "10-2", "11-1", "11-2"),
        "second attempt",
    ]


def test_a_chunk_sent_twice_counts_once_and_any_text_survives(world: Any) -> None:
    text = 'quotes " and\nline ends\r\n\u2028 ümlaute 😀'
    for _ in range(2):
        world.artifacts.append_log(12, 1, 1, 1_000_001, [line(1, text)])
    assert [entry["message"] for entry in world.artifacts.logs(12, 1)] == [text]


def test_a_large_plan_comes_back_exactly_and_takes_little_room(world: Any) -> None:
    plan = plan_of({f"model.shop.{number:06}": () for number in range(10_000)})
    world.plans.put_plan(plan)
    assert world.plans.get_plan(7, 1) == plan
    if hasattr(world.plans, "_objects"):
        stored = boto3.client("s3").get_object(Bucket="headgate-bucket", Key="runs/7/steps/01/plan.json")
        assert (stored["ContentEncoding"], stored["ContentLength"] < LARGE) == ("gzip", True)


def test_a_plan_comes_back_exactly(world: Any) -> None:
    plan = plan_of(priorities={"a": 1 / 3}, unit_tests={"a": ("unit_test.shop.a",)})
    assert plan.positions[OPENING] == 0
    assert plan.children
    world.plans.put_plan(plan)
    read = world.plans.get_plan(7, 1)
    assert read == plan
    assert read.positions == plan.positions
    assert (type(read.nodes), type(read.nodes[0].parents), type(read.notes)) == (tuple, tuple, tuple)
    with pytest.raises(NotFoundError, match="run 7, step 2"):
        world.plans.get_plan(7, 2)
