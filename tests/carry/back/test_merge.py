"""The three-way merge, without any database, against a reference that thinks of one element at a time."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tether.carry.merge import (
    MISSING,
    Missing,
    is_conflict,
    merge_elements,
    merge_keyed,
    merge_ordered,
    merge_value,
)

values = st.integers(0, 2)
letters = st.lists(st.sampled_from("abcdef"), unique=True)
dictionaries = st.dictionaries(st.sampled_from("abc"), st.integers(0, 2))


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "conflict", "kept"),
    [
        (1, 1, 1, False, 1),
        (1, 2, 1, False, 2),
        (1, 1, 2, False, 2),
        (1, 2, 2, False, 2),
        (1, 2, 3, True, 2),
        (1, None, 1, False, None),
        (None, 1, 2, True, 1),
        (MISSING, 1, MISSING, False, 1),
    ],
)
def test_values(base: object, mine: object, theirs: object, conflict: bool, kept: object) -> None:
    """
    A change on one side is kept, the same change on both sides is kept once, two different ones are a conflict.
    """
    assert conflict == is_conflict(base, mine, theirs)
    assert kept == merge_value(base, mine, theirs)


@given(values, values, values)
def test_no_change_is_dropped(base: int, mine: int, theirs: int) -> None:
    """
    Whatever a side changed is the result, unless the other side changed it too and that is a conflict.
    """
    merged = merge_value(base, mine, theirs)

    if not is_conflict(base, mine, theirs):
        assert {merged} == {
            side for side in (mine, theirs) if side != base
        } or merged == base == mine == theirs


def one_element(in_base: bool, in_mine: bool, in_theirs: bool) -> bool:
    """The reference: membership of one element is a value like any other, and can never be in conflict."""
    return in_theirs if in_mine == in_base else in_mine


@given(letters, letters, letters)
def test_membership(base: list[str], mine: list[str], theirs: list[str]) -> None:
    """
    An element is in the result exactly if the side that changed its membership says so.
    """
    expected = {e for e in "abcdef" if one_element(e in base, e in mine, e in theirs)}

    for merge in (merge_elements, merge_ordered):
        merged = merge(base, mine, theirs)
        assert sorted(expected) == sorted(merged.elements)
        assert expected == set(theirs) - set(merged.removed) | set(merged.added)


@given(letters, letters)
def test_unchanged_side_gives_way(base: list[str], other: list[str]) -> None:
    """
    If only one side changed the collection, the result is that side, order included.
    """
    assert tuple(other) == merge_ordered(base, base, other).elements
    assert tuple(other) == merge_ordered(base, other, base).elements
    assert tuple(other) == merge_ordered(base, other, other).elements
    assert not merge_ordered(base, other, other).disordered


@given(letters, letters, letters)
def test_order_of_the_side_that_changed_it(base: list[str], mine: list[str], theirs: list[str]) -> None:
    """
    What all three hold stands in the order of the side that moved it; two different orders are reported.
    """
    common = [e for e in base if e in mine and e in theirs]
    in_mine = [e for e in mine if e in common]
    in_theirs = [e for e in theirs if e in common]
    merged = merge_ordered(base, mine, theirs)

    assert is_conflict(common, in_mine, in_theirs) == merged.disordered
    if not merged.disordered:
        assert merge_value(common, in_mine, in_theirs) == [e for e in merged.elements if e in common]


def test_what_i_added_stands_where_i_put_it() -> None:
    """
    An added element follows the element it followed on my side, however long their side has become.
    """
    merged = merge_ordered("ab", "axb", "acbd")

    assert ("a", "x", "c", "b", "d") == merged.elements


def test_absence_is_not_deletion() -> None:
    """
    What they added, and I never had, stays.
    """
    merged = merge_elements(["a"], ["a"], ["a", "b"])

    assert (("a", "b"), (), ()) == (merged.elements, merged.added, merged.removed)


@given(dictionaries, dictionaries, dictionaries)
def test_dictionaries_key_by_key(base: dict[str, int], mine: dict[str, int], theirs: dict[str, int]) -> None:
    """
    Each key is merged as a value that may be missing; a clash holds theirs and is named.
    """
    merged, clashes = merge_keyed(base, mine, theirs)

    for key in "abc":
        versions = [side.get(key, MISSING) for side in (base, mine, theirs)]
        assert is_conflict(*versions) == (key in clashes)
        expected = versions[2] if key in clashes else merge_value(*versions)
        assert expected == merged.get(key, MISSING)


def test_values_that_refuse_comparison_differ() -> None:
    """
    A value whose comparison raises counts as different from every other object.
    """

    class Vector:
        def __eq__(self, other: object) -> bool:
            raise ValueError("the truth value of an array is ambiguous")

        __hash__ = None  # type: ignore[assignment]

    mine = Vector()

    assert not is_conflict(mine, mine, 1)
    assert is_conflict(1, mine, Vector())


def test_missing_is_one_object() -> None:
    """
    MISSING is still itself after a pickle, and when it is made again.
    """
    assert MISSING is pickle.loads(pickle.dumps(MISSING))
    assert MISSING is Missing()
    assert "MISSING" == repr(MISSING)
