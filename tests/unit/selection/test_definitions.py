"""What a selector of selectors.yml may say; what it selects is held to dbt in test_selection_cases.py."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.domain.index import Index
from headgate.domain.selection.definitions import read_definition
from headgate.domain.selection.resolve import Resolver
from headgate.domain.selection.spec import ALL_THE_WAY, Criterion, Group, Indirect, Operation
from headgate.errors import DefinitionError, SelectionError
from tests.builders import make_index, make_node


def test_a_method_with_everything() -> None:
    found = read_definition(
        {
            "method": "config.meta.tier",
            "value": "gold",
            "parents": True,
            "parents_depth": 2,
            "children": True,
            "children_depth": 0,
            "indirect_selection": "buildable",
            "exclude": ["tag:x", {"path": "models/a"}],
        },
        Indirect.EMPTY,
    )
    assert isinstance(found, Group)
    assert found.operation is Operation.DIFFERENCE
    kept, left_out = found.parts
    # dbt takes a depth of 0 for no limit
    assert kept == Criterion(
        "config.meta.tier:gold",
        "config",
        "gold",
        ("meta", "tier"),
        2,
        ALL_THE_WAY,
        indirect=Indirect.BUILDABLE,
    )
    assert isinstance(left_out, Group)
    assert left_out.parts == (
        Criterion("tag:x", "tag", "x", indirect=Indirect.EMPTY),
        Criterion("path:models/a", "path", "models/a", indirect=Indirect.EMPTY),
    )


def test_depths_as_the_manifest_has_them_are_texts() -> None:
    zero = {"method": "fqn", "value": "a", "parents": True, "parents_depth": "0"}
    found = read_definition(zero)
    assert isinstance(found, Criterion)
    assert found.parents == 0


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ({"tga": "x"}, "definition.tga: 'tga:x': 'tga' is not a selection method; did you mean tag?"),
        ("tga:x", "definition: 'tga:x': 'tga' is not a selection method"),
        ("@x+", "definition: '@x+': '@' in front and '+' behind exclude each other"),
        ({"union": ["a", "b++"]}, "definition.union[1]: 'b++': operators are one"),
        ({"union": ["a"], "intersection": ["b"]}, "one union or one intersection, and nothing beside"),
        ({"union": "a"}, "definition.union: must be a list, not str"),
        ({"union": [{"exclude": ["a"]}, {"exclude": ["b"]}]}, "definition.union[1]: there is more than one exclude"),
        ({"union": [{"exclude": "a"}]}, "definition.union[0].exclude: must be a list"),
        ({"intersection": ["a", 3]}, "definition.intersection[1]: must be a text or a mapping, not int"),
        ({"method": "tag"}, "definition.method: 'method:tag': 'method' is not a selection method"),
        ({"method": "tag", "children": True}, "one method: value; found method, children"),
        ({"tag": ["a"]}, "definition.tag: the value of 'tag' must be a text, not ['a']"),
        ({"method": "tag", "value": 5}, "definition.value: the value of 'tag' must be a text, not 5"),
        ({"tag": ""}, "must be a text, not ''"),
        ({"method": "fqn", "value": "a", "children": True, "children_depth": "two"},
         "definition.children_depth: must be a number of edges, not 'two'"),
        ({"method": "fqn", "value": "a", "children": True, "childrens_parents": True},
         "definition.childrens_parents: children and childrens_parents exclude each other"),
        ({"method": "fqn", "value": "a", "indirect_selection": "lazy"},
         "definition.indirect_selection: must be eager, cautious, buildable, empty, not 'lazy'"),
        (None, "must be a text or a mapping, not NoneType"),
    ],
)  # fmt: skip
def test_refuses(definition: Any, message: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        read_definition(definition)
    assert message in str(refused.value)


def index(**selectors: Any) -> Index:
    return make_index(
        make_node("model.shop.a", config={"tier": 1, "share": 0.5, "flag": True, "text": "1"}),
        make_node("model.shop.b", "model.shop.a", config={"tier": 2}),
        make_node("test.shop.t", "model.shop.a", test_name="unique"),
        selectors={name: {"name": name, "definition": value} for name, value in selectors.items()},
    )


def selected(definition: Any, **more: Any) -> set[str]:
    nodes = Resolver(index(one=definition, **more)).resolve(selector="one").nodes
    return {node.rpartition(".")[2] for node in nodes}


def test_numbers_and_booleans_are_compared_as_such() -> None:
    assert selected({"config.tier": 2}) == {"b"}
    assert selected({"config.tier": "2"}) == set()
    assert selected({"config.share": 0.5}) == {"a", "t"}
    assert selected({"config.flag": True}) == selected({"config.flag": "TRUE"}) == {"a", "t"}
    assert selected({"config.text": 1}) == set()


def test_a_selector_takes_up_another_without_its_excluded_tests() -> None:
    bare = {"union": ["a", {"exclude": ["test_type:data"]}]}
    assert selected({"union": [{"selector": "bare"}]}, bare=bare) == {"a"}
    assert selected({"method": "selector", "value": "bare", "children": True}, bare=bare) == {"a", "b", "t"}
    assert selected({"selector": "ba*"}, bare=bare, bald="b") == {"a", "b"}


def test_what_dbt_put_in_the_place_of_a_selector_keeps_its_own_exclude() -> None:
    without = {"method": "fqn", "value": "a", "exclude": ["test_type:data"]}
    assert selected({"union": ["b", without]}, other=without) == {"a", "b"}
    # written there, dbt takes only the exclude, for the list
    assert selected({"union": ["a", "b", without]}) == {"a", "b"}


@pytest.mark.parametrize(
    ("selectors", "message"),
    [
        ({"one": {"selector": "two"}, "two": {"selector": "one"}}, "select each other: two -> one -> two"),
        ({"one": {"selector": "on"}}, "there is no selector 'on' in selectors.yml; did you mean one?"),
        ({"one": {"union": [{"tga": "x"}]}}, "the selector 'one': definition.union[0].tga: "),
        ({"two": "a"}, "there is no selector 'one' in selectors.yml"),
    ],
)
def test_a_selector_that_cannot_be_resolved(selectors: dict[str, Any], message: str) -> None:
    with pytest.raises(SelectionError) as refused:
        Resolver(index(**selectors)).resolve(selector="one")
    assert message in str(refused.value)


def test_a_selector_selects_only_what_the_command_keeps() -> None:
    # dbt 1.12 filters what `selector:` selects before it follows the operators
    found = Resolver(index(all_tests="test_type:data", everything="*")).resolve(
        ["1+selector:all_tests"], resource_types={"model"}
    )
    assert found.nodes == frozenset()
    assert Resolver(index(everything="a")).resolve(["selector:everything+"], resource_types={"model"}).nodes == {
        "model.shop.a", "model.shop.b",
    }  # fmt: skip


def test_says_that_a_selector_selects_nothing() -> None:
    assert Resolver(index(one="nothing")).resolve(selector="one").unmatched == ("--selector one",)
