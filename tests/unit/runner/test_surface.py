"""Another dbt is refused by name before it is used, never in the middle of a build."""

import importlib

import pytest
from dbt.task.build import BuildTask

from headgate_runner import surface
from headgate_runner.shared_verbs import VERBS
from headgate_runner.surface import UnsupportedDbtError, check_surface, check_version, surface_of


@pytest.mark.parametrize("verb", VERBS)
def test_the_installed_dbt_is_the_tested_one(verb: str) -> None:
    check_version()
    module, name, ours = VERBS[verb]
    original = getattr(importlib.import_module(module), name)
    check_surface(verb, original)
    assert issubclass(ours, original)


@pytest.mark.parametrize("found", ["1.10.3", "1.12.6", "2.0.0rc196", "2.0.9", "1"])
def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch, found: str) -> None:
    monkeypatch.setattr(surface, "version", lambda _: found)
    with pytest.raises(UnsupportedDbtError, match=f"dbt-core {found} is installed"):
        check_version()


@pytest.mark.parametrize("name", sorted(surface_of("build")))
def test_every_part_that_is_leant_on_is_checked(name: str) -> None:
    gone = type("Gone", (BuildTask,), {name: None})
    with pytest.raises(UnsupportedDbtError, match=f"{name} is missing"):
        check_surface("build", gone)


@pytest.mark.parametrize("place", surface.NAMES)
def test_a_module_without_a_name_that_is_set_is_refused(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    module, _, name = place.partition(":")
    monkeypatch.delattr(importlib.import_module(module), name)
    with pytest.raises(UnsupportedDbtError, match=f"{place} is missing"):
        check_surface("build", BuildTask)


def test_a_changed_signature_is_shown() -> None:
    class Changed(BuildTask):  # type: ignore[misc]
        def before_run(self, adapter: object) -> None: ...

    with pytest.raises(UnsupportedDbtError, match=r"before_run\(self, adapter: object\)"):
        check_surface("build", Changed)
