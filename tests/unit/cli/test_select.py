"""headgate select: unique_ids on stdout, everything else on stderr, and what cannot be read is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from headgate_cli.select import spread
from tests.selection_cases import standin

MANIFESTS = Path(__file__).resolve().parents[2] / "fixtures/manifests"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A manifest with its sources.json, and in `state` an earlier run's artifacts."""
    shutil.copy(MANIFESTS / "jaffle_shop_1.12.json", tmp_path / "manifest.json")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    before, now = standin.loads_of(manifest)
    standin.make_state(tmp_path / "state", manifest)
    standin.write_sources(tmp_path / "state/sources.json", manifest, before)
    standin.write_sources(tmp_path / "sources.json", manifest, now)
    (tmp_path / "empty").mkdir()
    return tmp_path


def lines(result: Any) -> list[str]:
    assert result.exit_code == 0, result.stderr
    return list(result.stdout.splitlines())


def test_lists_what_dbt_lists(headgate: Any, project: Path) -> None:
    found = lines(headgate("select", "--manifest", str(project / "manifest.json")))
    assert found == sorted(found)
    assert len(found) == 87
    # neither dbt nor we list analyses without being asked
    models = headgate(
        "select", "--manifest", str(project / "manifest.json"), "--resource-type", "model", "seed"
    )
    assert {line.partition(".")[0] for line in lines(models)} == {"model", "seed"}
    rest = headgate("select", "--manifest", str(project / "manifest.json"), "--exclude-resource-type", "test")
    assert len(lines(rest)) == 87 - 27


def test_compares_with_the_folder_of_an_earlier_run(headgate: Any, project: Path) -> None:
    def selected(text: str) -> list[str]:
        manifest, state = str(project / "manifest.json"), str(project / "state")
        return lines(headgate("select", "--manifest", manifest, "--state", state, "-s", text))

    assert "source.jaffle_shop.ecom.raw_customers" in selected("state:new")
    assert "model.jaffle_shop.order_items" in selected("state:modified,resource_type:model")
    errors = [node for node, status in standin.statuses_of(json.loads(
        (project / "manifest.json").read_text())).items() if status == "error"]  # fmt: skip
    assert set(errors) <= set(selected("result:error"))
    assert "source.jaffle_shop.ecom.raw_items" in selected("source_status:fresher")


def test_json_has_what_matched_nothing(headgate: Any, project: Path) -> None:
    result = headgate("select", "--manifest", str(project / "manifest.json"), "-s", "x", "+products", "--json",
                      "--resource-type", "model")  # fmt: skip
    assert json.loads(result.stdout) == {
        "schema_version": 1,
        "nodes": ["model.jaffle_shop.products", "model.jaffle_shop.stg_products"],
        "unmatched": ["x"],
    }
    assert result.stderr == "warning 'x' matches nothing that is enabled\n"


def test_a_name_that_is_misspelt_is_answered_with_the_nearest(headgate: Any, project: Path) -> None:
    result = headgate("select", "--manifest", str(project / "manifest.json"), "--select", "+stg_ordrs+1")
    assert result.stderr.splitlines()[0] == (
        "warning '+stg_ordrs+1' matches nothing that is enabled; did you mean stg_orders?"
    )
    assert result.exit_code == 0


def test_a_manifest_of_an_unknown_version(headgate: Any, project: Path) -> None:
    place = project / "manifest.json"
    for version in (9, 13, 20):
        place.write_text(
            (MANIFESTS / "model_versions_1.6.json").read_text().replace("/v10.json", f"/v{version}.json")
        )
        result = headgate("select", "--manifest", str(place))
        assert result.exit_code == 2
        assert f"{place} has manifest schema v{version}" in result.stderr
        assert "supported: v10, v11, v12" in result.stderr


@pytest.mark.parametrize("version", [10, 11, 12])
def test_every_version_that_is_read(headgate: Any, project: Path, version: int) -> None:
    place = project / "manifest.json"
    place.write_text(
        (MANIFESTS / "model_versions_1.6.json").read_text().replace("/v10.json", f"/v{version}.json")
    )
    found = headgate(
        "select", "--manifest", str(place), "--select", "customers.v1", "--resource-type", "model"
    )
    assert lines(found) == ["model.jaffle_shop.customers.v1"]


def test_manifests_of_two_projects(headgate: Any, project: Path) -> None:
    shutil.copy(MANIFESTS / "shop.json", project / "state/manifest.json")
    manifest, state = str(project / "manifest.json"), str(project / "state")
    result = headgate("select", "--manifest", manifest, "--state", state, "-s", "state:modified")
    assert result.exit_code == 2
    assert "cannot compare project 'jaffle_shop' with a manifest of 'shop'" in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--manifest", "none.json"), 5, "none.json cannot be read"),
        (("--state", "nowhere"), 5, "there is no folder nowhere"),
        (("--state", "empty"), 5, "has no manifest.json, run_results.json or sources.json"),
        (("--selector", "a", "--exclude", "b"), 2, "exclude each other"),
        (("--selector", "nightly"), 2, "there is no selector 'nightly': the manifest has none"),
        (("--indirect-selection", "lazy"), 2, "'eager', 'cautious', 'buildable', 'empty'"),
        (("--resource-type", "modle"), 2, "'modle' is no resource type that is listed; did you mean model?"),
        (("--selectors-file", "none.yml"), 5, "there is no selectors file none.yml"),
    ],
)
def test_refuses(headgate: Any, project: Path, words: tuple[str, ...], code: int, message: str) -> None:
    manifest = () if words[0] == "--manifest" else ("--manifest", str(project / "manifest.json"))
    result = headgate("select", *manifest, *words)
    assert result.exit_code == code
    assert message in " ".join(result.stderr.replace("│", " ").split())


def test_results_that_cannot_be_read_name_their_file(headgate: Any, project: Path) -> None:
    (project / "state/run_results.json").write_text('{"results": [{"status": "error"}]}')
    result = headgate(
        "select", "--manifest", str(project / "manifest.json"), "--state", str(project / "state")
    )
    assert result.exit_code == 2
    assert "run_results.json is not what dbt writes: results.0.unique_id: Field required" in result.stderr


def test_several_words_may_follow_one_option() -> None:
    assert spread(["-s", "a", "b", "--json", "--exclude", "c", "--selector", "d", "e"]) == [
        "-s", "a", "-s", "b", "--json", "--exclude", "c", "--selector", "d", "e",
    ]  # fmt: skip
