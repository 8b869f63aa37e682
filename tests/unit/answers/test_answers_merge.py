"""Classes of a problem's answers, and the properties of equality that votes and pairs stand on."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from w2s.answers import canonical, compare, equal, equality, merge
from w2s.answers.kinds import KINDS

TAN = ("(cos(x))^(-1)*sin(x)", "tan(x)")


def forms(*answers: str, kind: str = "") -> list[str]:
    return [canonical(answer, kind) for answer in answers]


def test_equal_values_share_a_class_with_its_reason():
    one, other, apart = forms("\\frac{\\sin x}{\\cos x}", "\\tan x", "\\sin x")
    found = merge([one, other, apart])
    assert found.class_of == {one: other, other: other, apart: apart}
    ((merged, representative, why),) = found.merges
    assert (merged, representative) == (one, other) == TAN
    assert "the same value" in why
    assert found.undecided == frozenset()


def test_an_exact_form_represents_its_class():
    numbers = forms("\\log_2 8", "3", "\\frac{\\log 8}{\\log 2}")
    found = merge(numbers)
    assert set(found.class_of.values()) == {"3"}
    assert [form for form, _, _ in found.merges] == sorted(set(numbers) - {"3"})


def test_what_cannot_be_decided_stays_apart_and_is_counted():
    found = merge(forms("2.5", "2 hours 30 minutes", "7"))
    assert len(set(found.class_of.values())) == 3
    assert found.undecided == {frozenset(("5/2", "2 h 30 min")), frozenset(("7", "2 h 30 min"))}
    assert merge(forms("10 cm", "10", kind="NV"), "NV").undecided == frozenset((frozenset(("1/10 m", "10")),))


def test_no_forms_and_one_form():
    assert merge([]).class_of == {}
    assert merge(["5", "5"]).class_of == {"5": "5"}
    assert merge(["5"]).merges == ()


ANSWERS = st.sampled_from(
    (
        *(
            "3",
            "\\log_2 8",
            "3.0",
            "\\frac{\\log 8}{\\log 2}",
            "\\sqrt{9}",
            "2",
            "\\ln e^2",
            "1+1",
            "\\log 100",
            "2 apples",
            "2 hours 30 minutes",
        ),
        *(
            "\\sqrt{x^2}",
            "x",
            "|x|",
            "\\frac{x^2-1}{x-1}",
            "x+1",
            "\\frac{x^2+x}{x}",
            "\\tan x",
            "\\frac{\\sin x}{\\cos x}",
            "\\sin x",
        ),
        *(
            "1, 3",
            "\\{3, 1\\}",
            "\\log_2 8, 1",
            "(1,3)",
            "x=1, x=3",
            "x<3",
            "(-\\infty, \\log_2 8)",
            "2x<6",
            "y=\\tan x",
            "y\\cos x=\\sin x",
        ),
        *(
            "10 cm",
            "0.1 m",
            "10",
            "100 mm",
            "50%",
            "0.5",
            "\\frac12",
            "\\sin\\frac{\\pi}{6}",
            "\\cos 60^\\circ",
            "\\pm 1",
            "-1, 1",
            "A",
            "true",
            "",
        ),
    )
)


LENGTHS = {"10 cm", "0.1 m", "100 mm"}
"""A number without a unit equals it with any, and two units of one length equal each other: no rule makes 10, 10 cm and
0.1 m one class, so `merge` leaves them undecided."""


@settings(max_examples=300, deadline=None)
@given(ANSWERS, ANSWERS, ANSWERS, st.sampled_from(KINDS))
def test_equality_is_an_equivalence(a, b, c, kind):
    assert equal(a, a, kind)
    assert compare(a, b, kind) == compare(b, a, kind)
    assert compare(canonical(a, kind), b, kind) == compare(a, b, kind)
    if "10" in (a, b, c) and len(LENGTHS & {a, b, c}) == 2:
        return
    if equal(a, b, kind) and equal(b, c, kind):
        assert equal(a, c, kind)
    if equal(a, b, kind) and compare(b, c, kind) == "different":
        assert not equal(a, c, kind)


def test_a_number_that_could_be_of_either_unit_is_merged_with_none():
    assert equal("10 cm", "0.1 m", "") and equal("10", "10 cm", "") and not equal("10", "0.1 m", "")
    merged = merge([canonical(answer, "") for answer in ("10", "10 cm", "0.1 m")], "")
    assert len(set(merged.class_of.values())) == 3 and len(merged.undecided) == 2


@settings(max_examples=150, deadline=None)
@given(st.lists(ANSWERS, max_size=10), st.sampled_from(KINDS), st.randoms(use_true_random=False))
def test_classes_do_not_depend_on_order(answers, kind, rng):
    given_forms = [canonical(answer, kind) for answer in answers]
    found = merge(given_forms, kind)
    assert found == merge(rng.sample(given_forms, len(given_forms)), kind)
    assert set(found.class_of) == set(given_forms)
    assert all(found.class_of[representative] == representative for representative in found.class_of.values())
    for one, other in itertools.combinations(found.class_of, 2):
        if compare(one, other, kind) == "different":
            assert found.class_of[one] != found.class_of[other]
    assert all(pair <= set(found.class_of.values()) for pair in found.undecided)


def test_a_merge_of_many_phrases_compares_a_bounded_number_of_parts(monkeypatch):
    decide, compared = equality.decide, []
    monkeypatch.setattr(equality, "MAX_COMPARED", 90)
    monkeypatch.setattr(equality, "decide", lambda *pair: compared.append(pair) or decide(*pair))
    answers = [canonical(f"the {word} cat sat, {word} hats") for word in "red old big new wet dry hot tall".split()]
    merged = merge(answers)
    assert len(compared) == 23  # of 28 pairs; each costs 2 x 2 parts
    assert len(merged.undecided) == 28 and not merged.merges
    assert merge(answers[::-1]) == merged
