"""selectors.yml beside a manifest, and what is wrong with it, line by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.adapters.selectors_file import read_selectors_file
from headgate.errors import NotFoundError, SelectorsFileError

GOOD = """\
selectors:
  - name: nightly
    description: "what runs at night"
    default: true
    definition:
      union:
        - tag:nightly+
        - {method: selector, value: base}
  - name: base
    definition: path:models/base
"""


def read(folder: Path, text: str) -> list[str]:
    place = folder / "selectors.yml"
    place.write_text(text)
    with pytest.raises(SelectorsFileError) as refused:
        read_selectors_file(place)
    return [str(problem).removeprefix(str(place)) for problem in refused.value.problems]


def test_reads_what_dbt_reads(tmp_path: Path) -> None:
    place = tmp_path / "selectors.yml"
    base = GOOD[GOOD.index("  - name: base") :]
    place.write_text("selectors:\n" + base + GOOD.removeprefix("selectors:\n").removesuffix(base))
    found = read_selectors_file(place)
    assert found.default == "nightly"
    assert found.selectors["base"]["definition"] == "path:models/base"


def test_every_problem_has_its_line(tmp_path: Path) -> None:
    text = GOOD.replace("tag:nightly+", "tga:nightly+").replace("default: true", "defalt: true")
    assert read(tmp_path, text) == [
        ":4  selectors[0].defalt: unknown key. Did you mean default?",
        ":7  selectors[0].definition.union[0]: 'tga:nightly+': 'tga' is not a selection method; did you mean tag?",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (GOOD, ":5  selectors[0].definition: takes up the selector 'base', which is not defined above it"),
        ("selectors: {a: b}", ":1  file: must have a list under `selectors`"),
        ("nothing", ":1  file: must have a list under `selectors`"),
        ("selectors:\n  - tag:x", ":2  selectors[0]: must be a mapping with a name and a definition"),
        ("selectors:\n  - definition: tag:x", ":2  selectors[0].name: is missing"),
        ("selectors:\n  - name: a", ":2  selectors[0].definition: is missing"),
        ("selectors:\n  - {name: a, definition: b}\n  - {name: a, definition: c}",
         ":3  selectors[1].name: there is another selector 'a' above"),
        ("selectors:\n  - {name: a, definition: b, default: true}\n  - {name: c, definition: b, default: true}",
         ":3  selectors[1].default: 'a' is the default already"),
        ("selectors:\n  - name: a\n    definition: b\n    default: '{{ target.name }}'",
         ":4  selectors[0].default: must be true or false; Jinja is for dbt alone to render"),
        ("selectors:\n  - name: a\n    definition: tag:{{var('x')}}",
         ":3  selectors[0].definition: \"{{var('x')}}\": Jinja is for dbt alone to render"),
        ("selectors:\n  - name: a\n    definition:\n      union:\n        - a\n        - '@b+'",
         ":6  selectors[0].definition.union[1]: '@b+': '@' in front and '+' behind exclude each other; "
         "'@' already takes all descendants"),
        ("selectors:\n  - name: a\n    name: b\n    definition: c", ":3  selectors[0].name: is written twice"),
        ("selectors: [", ":1  file: not a YAML file:"),
    ],
)  # fmt: skip
def test_refuses(tmp_path: Path, text: str, problem: str) -> None:
    assert read(tmp_path, text)[0].startswith(problem)


def test_a_missing_file_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(
        NotFoundError, match=r"there is no selectors file .* another one with --selectors-file"
    ):
        read_selectors_file(tmp_path / "selectors.yml")
