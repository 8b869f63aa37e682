"""The method's figure: each step as an arrow from what it reads to what it writes, with this run's numbers on it."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from w2s.report.document import FLOOR
from w2s.report.page.names import name_of
from w2s.report.page.parts import whole
from w2s.report.sections import percent

WEAK, PROMPTED, STAGE_ONE, STAGE_TWO, COMPARED = (
    "The weak model teaches",
    "The strong base, prompted with it",
    "Stage I: learn from agreement",
    "Stage II: learn from contrast",
    "What it is measured against",
)
TABLES = {"train_1": "train_1 questions", "train_2": "train_2 questions", "test": "test questions"}
HALVES = {"weak": "weak half", "icl": "ICL half", "hybrid": "both halves"}
VERBS = {
    "finetune": "SFT",
    "prefer": "preference training",
    "sample": "answers",
    "respond": "responses",
    "demonstrate": "chooses",
    "agree": "kept where both agree",
    "label": "majority",
    "committee": "weighted vote",
    "openvotes": "votes still open",
    "pair": "votes, then pairs",
    "reliability": "graded",
}
"""What a step does, by its kind; steps of other kinds are not in the figure."""


def flow(report: Mapping[str, Any]) -> str:
    """The figure, stage by stage; steps that are not finished are drawn pale and say so."""
    groups: dict[str, list[str]] = {}
    accuracy = {row["model"]: row["accuracy"] for row in report["models"]}
    accuracy |= {"weak_sft": accuracy[FLOOR]} if FLOOR in accuracy else {}
    for node in report["graph"]:
        if node["kind"] in VERBS and not node["model"]:
            groups.setdefault(_stage(node), []).append(_arrow(node, report, accuracy))
    parts = [
        f'<li><h3>{escape(stage)}</h3><ol class="arrows">{"".join(groups[stage])}</ol></li>'
        for stage in (WEAK, PROMPTED, STAGE_ONE, STAGE_TWO, COMPARED)
        if stage in groups
    ]
    return f'<ol class="flow">{"".join(parts)}</ol>' if parts else ""


def _stage(node: Mapping[str, Any]) -> str:
    name: str = node["step"]
    if name.startswith("weak_") and not name.startswith("weak_ft_"):
        return WEAK
    if name in ("demonstrations", "icl_completions", "icl_samples"):
        return PROMPTED
    if name.startswith("full_") or name == "ceiling":
        return COMPARED
    second = ("sampled", "open_votes", "more_samples", "m_plus_completions", "pairs", "dpo", "orpo")
    return STAGE_TWO if name in second else STAGE_ONE


def _arrow(node: Mapping[str, Any], report: Mapping[str, Any], accuracy: Mapping[str, float]) -> str:
    step: str = node["step"]
    numbers = list(_numbers(node, report)) if node["finished"] else ["not finished"]
    result = "weak model" if step == "weak_sft" else name_of(step)
    score = f' <b class="score">{percent(accuracy[step])}</b>' if step in accuracy else ""
    pale = "" if node["finished"] else ' class="pale"'
    chips = "".join(f"<span>{escape(text)}</span>" for text in _read(node["inputs"]))
    does = f"<b>{escape(VERBS[node['kind']])}</b> {escape(', '.join(numbers))}"
    return (
        f'<li{pale}><div class="from">{chips}</div><div class="does">{does}</div>'
        f'<div class="to"><span>{escape(result)}{score}</span></div></li>'
    )


def _read(inputs: Sequence[Sequence[str]]) -> list[str]:
    """What a step reads, each once, in words."""
    texts: list[str] = []
    for _, step, table in inputs:
        if table.endswith("_references"):
            texts.append(f"{table.removesuffix('_references')} gold")
        elif table in TABLES:
            texts.append(TABLES[table])
        elif table in HALVES:
            texts.append(f"{HALVES[table]}, round {step.rpartition('_')[2]}")
        elif table == "pairs":
            texts.append("pairs")
        else:
            texts.append("weak model" if step == "weak_sft" else name_of(step))
    return list(dict.fromkeys(texts))


def _numbers(node: Mapping[str, Any], report: Mapping[str, Any]) -> Iterator[str]:
    """What a finished step counted, as far as it belongs on an arrow."""
    step, kind = node["step"], node["kind"]
    counts: Mapping[str, float] = report["counts"].get(step, {})
    rows: Mapping[str, int] = report["rows"].get(step, {})
    if kind in ("finetune", "prefer"):
        yield f"{whole(counts.get('examples', 0))} {'pairs' if kind == 'prefer' else 'examples'}"
        steps = counts.get("steps", 0)
        yield f"{whole(steps)} {'step' if steps == 1 else 'steps'}"
    elif kind in ("sample", "respond", "committee"):
        yield f"{whole(counts.get('completions', rows.get('completions', 0)))} completions"
        for name in ("truncated", "failed"):
            if counts.get(name):
                yield f"{whole(counts[name])} {name}"
    elif kind == "demonstrate":
        yield f"{whole(rows.get('demonstrations', 0))} demonstrations"
    elif kind == "agree":
        yield f"{whole(rows.get('weak', 0))} of {whole(rows.get('selection', 0))} problems"
    elif kind == "label":
        yield f"{whole(rows.get('examples', 0))} examples of {whole(rows.get('selection', 0))} problems"
    elif kind == "pair":
        yield f"{whole(rows.get('pairs', 0))} pairs of {whole(rows.get('consensus', 0))} problems"
