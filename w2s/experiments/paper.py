"""The paper's own results (arXiv 2407.13647), with the rows that they have in a report of the shipped experiments.

Test accuracy and PGR in %, greedy, one run each, without intervals.
"""

from collections.abc import Sequence
from dataclasses import dataclass

Cell = float | None


@dataclass(frozen=True)
class Result:
    """One row of a table."""

    model: str
    """Its name in a report."""
    figures: Sequence[Cell]
    """By experiment; None where the paper has none."""
    is_pgr: bool = False


@dataclass(frozen=True)
class PaperTable:
    """One data set: a column an experiment."""

    name: str
    experiments: Sequence[str]
    """Names of `w2s list`."""
    results: Sequence[Result]
    note: str = ""


GSM8K = PaperTable(
    "GSM8K",
    ("gsm8k-llama2-7b", "gsm8k-gemma-2b", "gsm8k-mistral-7b"),
    (
        Result("weak_floor", (33.81, 25.17, 59.51)),
        Result("full_weak_ft", (42.38, 29.04, 61.33)),
        Result("weak_icl", (59.06, 56.48, 61.56)),
        Result("weak_ft_1", (53.68, 42.91, 65.20)),
        Result("icl_ft_1", (61.71, 59.21, 66.26)),
        Result("hybrid_ft_1", (59.44, 53.22, 68.08)),
        Result("weak_ft_2", (57.47, 45.03, 66.72)),
        Result("icl_ft_2", (63.76, 60.12, 66.64)),
        Result("hybrid_ft_2", (62.62, 56.03, 68.39)),
        Result("dpo", (None, 64.52, None)),
        Result("orpo", (68.16, 63.91, 72.18)),
        Result("ceiling", (71.95, 71.95, 71.95)),
        Result("hybrid_ft_2", (75.5, 66.0, 71.4), is_pgr=True),
        Result("orpo", (90.1, 82.8, 101.8), is_pgr=True),
    ),
)
MATH = PaperTable(
    "MATH",
    ("math-llama2-7b", "math-gemma-2b", "math-mistral-7b"),
    (
        Result("weak_floor", (4.40, 11.60, 13.60)),
        Result("full_weak_ft", (5.80, 10.00, 14.40)),
        Result("weak_icl", (11.40, 12.60, 11.80)),
        Result("weak_ft_1", (10.80, 10.80, 14.80)),
        Result("icl_ft_1", (11.80, 15.60, 13.60)),
        Result("hybrid_ft_1", (14.00, 14.20, 14.80)),
        Result("orpo", (15.0, 16.0, 17.0)),
        Result("ceiling", (17.80, 17.80, 17.80)),
    ),
    "orpo is read off a figure of the paper",
)
OLYMPICARENA = PaperTable(
    "OlympicArena",
    ("olympicarena-llama3-8b",),
    (
        Result("weak_floor", (11.82,)),
        Result("full_weak_ft", (12.46,)),
        Result("weak_icl", (8.63,)),
        Result("hybrid_ft_1", (11.82,)),
        Result("dpo", (15.65,)),
    ),
    "hybrid_ft_1 is the paper's M_plus, dpo its M_pro",
)
TABLES = (GSM8K, MATH, OLYMPICARENA)
