"""What is left of a model's text when comments and white space are gone, and what must never go."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from headgate.domain.sql_text import read_code, without_jinja_comments

SAME = [
    ("select 1 -- x\nfrom a", "select 1\nfrom a"),
    ("select  1\n from a", "select 1 from a"),
    ("select 'it''s  -- x' -- y", "select 'it''s  -- x'"),
    ("from {{ ref('a') }}\nwhere x", "from {{ ref('a') }} where x"),
    ("a/* c */b", "a b"),
    ("a{# c #}b", "ab"),
    ("{{ f( 'a') }}", "{{ f(  'a') }}"),
    ("sum( x ) , y", "sum(x),y"),
    ("{# it's #} select 'a'", "select 'a'"),
    ("select '{' , 'a  b'", "select '{','a  b'"),
]
DIFFERENT = [
    ("select 'a  b'", "select 'a b'"),
    ("select '{{ var('a  b') }}'", "select '{{ var('a b') }}'"),
    ('select "a  b"', 'select "a b"'),
    ("select $$a  b$$", "select $$a b$$"),
    ("select 'it''s  -- x'", "select 'it''s  -- z'"),
    ("{{ m() }}\nselect 1", "{{ m() }} select 1"),
    ("-- {{ x }} a\nb", "-- {{ x }} a b"),
    ("a/**/b", "ab"),
    ("{{ f('a  b') }}", "{{ f('a b') }}"),
    ("select a # it's\n, 'a  b'", "select a # it's\n, 'a b'"),
    ("a - -b", "a --b"),
    ("{% if x %}a{% endif %}", "{% if x %} a{% endif %}"),
    ("select [a  b]", "select [a b]"),
    ("/* a /* b */ 'x  y' */", "/* a /* b */ 'x y' */"),
    ("{% set a %} x  y{% endset %}", "{% set a %} x y{% endset %}"),
    ("select E'it\\\\'s  x', 'a  b'", "select E'it\\\\'s  x', 'a b'"),
    ('select """a "b  c" d"""', 'select """a "b c" d"""'),
    ("select 5 -- 'x\n, 'a  b'", "select 5 -- 'x\n, 'a b'"),
    ("[1 -- ] it's\n, 'a  b' -- 'x", "[1 -- ] it's\n, 'a b' -- 'x"),
    ("select /*+ broadcast(a) */ 1", "select 1"),
    ("{% raw %}'a  b'{% endraw %}", "{% raw %}'a b'{% endraw %}"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_a_comment_or_white_space_more_is_the_same_code(one: str, other: str) -> None:
    assert read_code(one).normal == read_code(other).normal


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_codes_that_differ_are_never_the_same(one: str, other: str) -> None:
    assert read_code(one).normal != read_code(other).normal


WORDS = some.sampled_from(
    ["select", "a", "-", "--", "/", "*", "'", '"', "x  y", "{{ ref('a') }}", "{{ m() }}", "{% if a %}", "{# c #}", "$$",
     "#", "\\", "[", "]", "\n", " ", ",", "(", ")", "''", "{", "}", "%"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(some.lists(WORDS, max_size=25))
def test_any_text_can_be_read_and_reads_the_same_again(words: list[str]) -> None:
    code = read_code("".join(words))
    assert read_code(code.normal).normal == read_code(read_code(code.normal).normal).normal


NAMES = some.sampled_from(
    ["a", "b", "'it''s'", "'a  b'", '"x  y"', "{{ ref('o') }}", "{{ source('s',  't') }}", "1", "$$ x  y $$"]
)
GAPS = some.sampled_from([" ", "  ", "\n", " -- c\n", "/* c */", "\t{# c #} "])


@settings(max_examples=400, deadline=None)
@given(some.lists(some.tuples(NAMES, GAPS, GAPS), min_size=1, max_size=12))
def test_only_what_stands_between_words_may_change(parts: list[tuple[str, str, str]]) -> None:
    one = "".join(f"{name}{gap}" for name, gap, _ in parts)
    other = "".join(f"{name}{gap}" for name, _, gap in parts)
    if any("$$" in name for name, _, _ in parts):
        assert (read_code(one).normal == read_code(other).normal) == (one.strip() == other.strip())
    else:
        assert read_code(one).normal == read_code(other).normal
    longer = [*(name for name, _, _ in parts), "c"]
    assert read_code(one).normal != read_code(" ".join(longer)).normal


def test_a_macro_keeps_its_white_space() -> None:
    assert (
        without_jinja_comments("{# a #}{% macro m() %}a  b{% endmacro %}")
        == "{% macro m() %}a  b{% endmacro %}"
    )
    assert without_jinja_comments("{{ '{#' }} a {{ '#}' }}") == "{{ '{#' }} a {{ '#}' }}"
