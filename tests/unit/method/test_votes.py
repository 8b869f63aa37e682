"""Votes: a majority holds whatever is undecided, in any order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from w2s.method.votes import vote

U = frozenset
VOTE_CASES = [
    # votes, undecided pairs, answer, obstacle
    ("AAABB", [], "A", ""),
    ("AABB", [], "A", "tie"),
    ("AABB", [U("AB")], "A", "undecided:majority"),
    ("AAABB", [U("AB")], "A", ""),
    ("AAABBCC", [], "A", ""),
    ("AAABBCC", [U("BC")], "A", "undecided:majority"),
    ("AAABBCC", [U("AB"), U("AC")], "A", ""),
    ("AAABBCCD", [U("BD"), U("CD")], "A", "undecided:majority"),
    ("AAAABBCD", [U("BC")], "A", ""),
    ("AAABBB", [U("AC")], "A", "tie"),
]


@pytest.mark.parametrize(("votes", "undecided", "answer", "obstacle"), VOTE_CASES)
def test_a_majority_must_hold_whatever_is_undecided(votes, undecided, answer, obstacle):
    found = vote(list(votes), U(undecided), first_seen_wins=False)
    assert (found.answer, found.obstacle) == (answer, obstacle)
    assert found.votes == votes.count(answer)


@settings(max_examples=200, deadline=None)
@given(
    st.text("ABCD", min_size=1, max_size=9),
    st.sets(st.sampled_from(["AB", "AC", "AD", "BC", "BD", "CD"])),
    st.randoms(use_true_random=False),
)
def test_a_vote_depends_on_no_order(votes, undecided, rng):
    pairs = [U(pair) for pair in undecided]
    expected = vote(list(votes), U(pairs), first_seen_wins=False)
    assert vote(rng.sample(votes, len(votes)), U(rng.sample(pairs, len(pairs))), first_seen_wins=False) == expected
    if expected.obstacle == "":  # every way to merge some of the undecided pairs leaves the majority what it is
        for pair in undecided:
            one, other = sorted(pair)
            merged = vote(list(votes.replace(other, one)), U(), first_seen_wins=False)
            assert (merged.answer, merged.obstacle) == (one if expected.answer == other else expected.answer, "")
