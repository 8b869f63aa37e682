"""Names that people read, in place of the identifiers of models, steps and figures."""

import re

NAMES = {
    "weak_floor": "weak model (floor)",
    "strong_base": "strong base, untrained",
    "weak_icl": "strong base, in context",
    "full_weak_ft": "SFT on all weak answers",
    "full_icl_ft": "SFT on all ICL answers",
    "dpo": "DPO",
    "orpo": "ORPO",
    "ceiling": "ceiling (SFT on gold)",
    "problems": "problems",
    "weak_sft": "weak SFT",
    "weak_completions": "weak completions",
    "weak_half_sft": "weak SFT on half of train_1",
    "weak_half_completions": "its completions",
    "weak_reliability": "weak model's reliability",
    "weak_committee": "vote of the weak models",
    "demonstrations": "demonstrations",
    "icl_completions": "ICL completions",
    "icl_samples": "ICL samples",
    "plain_samples": "samples of M without a prompt",
    "plain_completions": "greedy answers of M without a prompt",
    "sampled": "samples of M_plus",
    "open_votes": "problems with an open vote",
    "more_samples": "further samples of M_plus",
    "m_plus_completions": "greedy completions of M_plus",
    "pairs": "votes and pairs",
    "samples": "samples of M_plus",
    "scores": "grading",
    "audit": "audit by gold",
    "contrast": "stage II, votes and pairs",
    "greedy": "greedy answers",
    "sft": "SFT",
    "worldproblems": "problems",
    "datasetproblems": "problems",
}
"""By identifier."""
_NUMBERED = {
    "weak_ft": "weak-ft",
    "icl_ft": "ICL-ft",
    "hybrid_ft": "hybrid-ft",
    "m_plus": "M_plus",
    "consistent": "agreement",
    "agreement": "stage I, agreement",
    "labels": "stage I, labels",
    "selection": "kept set",
}
"""Those that a round of stage I gives a number."""
_ROUND = re.compile(r"(.+)_(\d+)")
_MEMBER = re.compile(r"weak_member_(\d+)_(sft|completions)")


def name_of(identifier: str) -> str:
    """The name of a model, a step, or a section of the report; an identifier that is none of ours stays as it is."""
    if identifier in NAMES:
        return NAMES[identifier]
    if found := _MEMBER.fullmatch(identifier):
        return f"weak model {found[1]}: {found[2]}"
    if (found := _ROUND.fullmatch(identifier)) and found[1] in _NUMBERED:
        return f"{_NUMBERED[found[1]]}, round {found[2]}"
    for ending in ("_completions", "_samples"):
        if identifier.endswith(ending):
            return f"{name_of(identifier.removesuffix(ending))}: {ending[1:]}"
    if identifier.startswith("test_"):
        return f"{name_of(identifier.removeprefix('test_'))}: test answers"
    return identifier


def words(identifier: str) -> str:
    """A name of a figure or an outcome as words: `weak_unreadable:cut` is weak unreadable: cut."""
    return re.sub(r":(?=\S)", ": ", identifier).replace("_", " ")


def capital(text: str) -> str:
    """The text with a capital first letter, if that is ours to change: M_plus and ICL-ft stay."""
    return text[:1].upper() + text[1:]
