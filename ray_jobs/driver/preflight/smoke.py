"""A tiny run of the same experiment before the dear one: its models, its engines, its ZeRO stage, a few problems.

The run is the driver's own, in a scratch store below the user's. What its steps recorded is judged here, whether
engine and trainer are one model in compared.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

from ray_jobs.cluster.checks import Row
from ray_jobs.cost.memory import GIB, engine_memory, kv_tokens
from ray_jobs.driver.costs.estimate import shape_of
from ray_jobs.driver.forecast import worker_memory
from ray_jobs.driver.preflight.compared import allowed, first_batch, is_mean, same_adapter, same_base, same_ids, sides
from ray_jobs.driver.preflight.engine import Seen, look
from ray_jobs.driver.run import run
from ray_jobs.driver.scheduler import StepFailed
from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from ray_jobs.resources.resources import Resources
from ray_jobs.runtime import local_ray
from ray_jobs.runtime.errors import reason
from ray_jobs.runtime.logs import RunLog
from w2s.errors import first_line
from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.graph.step import Role, Step, with_upstream
from w2s.graph.trained import is_whole, trained_model
from w2s.recipe import SFT, DatasetProblems, Experiment, Model, Preference, Sampling, Source, WorldProblems
from w2s.records import Problem
from w2s.store import layout
from w2s.store.manifest import Manifest
from w2s.store.revisions import identified_steps, identify
from w2s.store.store import Store

PROBLEMS, SAMPLES = 32, 4
"""Problems of a split, and samples of each: enough for an example and a pair from models that are half wrong."""
LEARNING_RATE = 1e-3
"""With which a new adapter shows after a few optimizer steps."""
ASKED = 16
"""Problems that one more engine answers, so that its ids can be seen."""
row = partial(Row, "cluster")


def tiny(e: Experiment) -> Experiment:
    """The experiment with a few problems and samples, one round and no threshold; batch sizes, token limits and models
    are its own."""
    return e.model_copy(
        update={
            "problems": _few(e.problems),
            "weak_sft": e.weak_sft and _quick(e.weak_sft),
            "committee": 1,
            "sft": _quick(e.sft),
            "icl_sampled": e.icl_sampled and _drawn(e.icl_sampled),
            "labels": e.labels.model_copy(update={"min_kept": 1, "min_share": min(e.labels.min_share, 0.01)}),
            "agreement": e.agreement.model_copy(update={"min_kept": 1, "top_up": PROBLEMS}),
            "iterations": 1,
            "sampled": _drawn(e.sampled),
            "more_samples": None,
            "pairs": e.pairs.model_copy(
                update={"min_pairs": 1, "min_margin": 0, "min_confidence": 0, "min_confidence_against_weak": 0}
            ),
            "dpo": e.dpo and _short(e.dpo),
            "orpo": e.orpo and _short(e.orpo),
        }
    )


def _few(problems: DatasetProblems | WorldProblems) -> DatasetProblems | WorldProblems:
    if isinstance(problems, WorldProblems):
        few: Mapping[str, Any] = {
            name: min(PROBLEMS, getattr(problems, name)) for name in ("train_1", "train_2", "test")
        }
    else:
        few = {name: _cut(getattr(problems, name)) for name in ("train_1", "train_2", "test")}
    return problems.model_copy(update=few)


def _cut(source: Source) -> Source:
    start, stop = source.rows or (0, PROBLEMS)
    return source.model_copy(update={"rows": (start, min(stop, start + PROBLEMS))})


def _quick(sft: SFT) -> SFT:
    rate = max(sft.learning_rate, LEARNING_RATE) if sft.lora else sft.learning_rate
    changes = {"epochs": 2, "warmup_ratio": 0, "schedule": "constant", "learning_rate": rate}
    return sft.model_copy(update=changes)


def _short(preference: Preference) -> Preference:
    return preference.model_copy(update={"epochs": 1})


def _drawn(sampling: Sampling) -> Sampling:
    changes = {"n": min(sampling.n, SAMPLES), "temperature": max(sampling.temperature, 1.0)}
    return sampling.model_copy(update=changes)


def smoke(experiment: Experiment, store: Store, resources: Resources) -> list[Row]:
    """Run the tiny experiment as far as its preference trainings, judge what it left, and remove it; where something
    fails, it stays."""
    small = tiny(experiment)
    scratch = Store.at(f"{store.objects.url}/{layout.scratch(layout.new_name())}")
    rows: list[Row] = []
    try:
        run(small, scratch, resources.changed(on_doubt="ignore"), goals(small))
        steps = identified_steps(identify(small, scratch, network=False), scratch)
        with RunLog(replace(scratch, run=layout.new_name())):
            try:
                rows.extend(judge(steps, scratch, resources))  # keeps the rows before an error
            finally:
                local_ray.stop()  # before the log ends, to which Ray passes on what the engine says
    except (ValueError, StepFailed) as error:
        rows.append(row("tiny run", False, str(error).splitlines()[0]))
    except Exception as error:  # of Ray or of vLLM: the table shows it, whatever it is
        rows.append(row("tiny run", False, reason(error)))
    if all(judged.ok for judged in rows):
        scratch.objects.remove_tree(scratch.objects.path())
        store.objects.prune([store.objects.path(layout.SCRATCH)])
        return rows
    stays = f"its steps and logs stay for a look in {scratch.objects.url}: then remove it"
    return [*rows, row("tiny run", False, stays)]


def goals(e: Experiment) -> list[str]:
    """The steps that the tiny run is for: those that prefer or, where there are none, M_plus's samples."""
    return [name for name, loss in (("dpo", e.dpo), ("orpo", e.orpo)) if loss is not None] or ["sampled"]


def judge(steps: Sequence[Step], store: Store, resources: Resources) -> Iterator[Row]:
    """The rows of a finished tiny run, of which one more engine is asked."""
    named = {step.name: step for step in steps}
    sampled = named["sampled"]
    preferred = [named[name] for name in ("dpo", "orpo") if name in named]
    needed = with_upstream(preferred or [sampled])
    manifests = {name: found for name, found in store.manifests(needed).items() if found is not None}
    done = [(step, manifests[step.name]) for step in needed]
    yield from engines(done, resources)
    for step, manifest in done:
        if isinstance(step.recipe, FineTune | Prefer):
            yield trained(step, manifest, resources.of(step.role))
    yield from _one_model(sampled, preferred, manifests, store, resources)


def engines(done: Sequence[tuple[Step, Manifest]], resources: Resources) -> Iterator[Row]:
    """A row for each base that was sampled from."""
    by_base: dict[tuple[str, Role], list[Manifest]] = {}
    for step, manifest in done:
        if isinstance(step.recipe, Sample):
            by_base.setdefault((step.recipe.model.name, step.role), []).append(manifest)
    for (name, role), found in by_base.items():
        starts, held = (sum(getattr(one, field) for one in found) for field in ("start_seconds", "held_seconds"))
        completions, tokens = (
            sum(one.counts.get(field, 0) for one in found) for field in ("completions", "sampled_tokens")
        )
        split = resources.of(role).tensor_parallel
        size = f"tensor parallel {split}, " if split > 1 else ""
        yield row(
            "engine",
            True,
            f"{name}: {size}started in {starts:.0f} s, {completions:,.0f} completions, "
            f"{tokens / max(held - starts, 0.001):,.0f} tokens/s",
        )


def trained(step: Step, manifest: Manifest, resources: Resources) -> Row:
    """The row of a training: its seconds, and its peak memory against the plan's."""
    assert isinstance(step.recipe, FineTune | Prefer)
    counts, name = manifest.counts, step.recipe.preference.loss.upper() if isinstance(step.recipe, Prefer) else "SFT"
    fits, memory = _memory(step, counts["peak_bytes"], round(counts["longest_row"]), resources)
    stage = f" with ZeRO-{resources.zero_stage}" if resources.zero_stage else ""
    return row(
        f"{name} step",
        fits,
        f"{step.name} of {step.recipe.model.name}: {counts['steps']:.0f} steps on {counts['world_size']:.0f} "
        f"workers{stage}, started in {manifest.start_seconds:.0f} s, trained in "
        f"{manifest.held_seconds - manifest.start_seconds:.0f} s; {memory}",
    )


def _memory(step: Step, peak: float, longest: int, resources: Resources) -> tuple[bool, str]:
    """Whether the longest row that the recipe allows would fit, too, and what is said of it."""
    assert isinstance(step.recipe, FineTune | Prefer)
    if not resources.gpus_per_worker:
        return True, f"at most {peak / GIB:.1f} GiB a worker, its libraries included"
    most = step.recipe.optimizer.max_tokens
    said = f"at most {peak / GIB:.1f} GiB of a GPU in rows of up to {longest} tokens"
    try:
        shape = shape_of(step.recipe.model)
    except ValueError as error:
        return True, f"{said}, which the plan cannot count ({first_line(error)})"
    here, whole = (worker_memory(step, shape, resources, tokens) for tokens in (longest, most))
    planned = sum(here.parts.values()) - here.parts["runtime"]  # torch does not count what CUDA itself takes
    expected = sum(whole.parts.values()) + peak - planned
    said += (
        f", planned {planned / GIB:.1f}; with {most} tokens about {expected / GIB:.1f} of {whole.limit / GIB:.1f} GiB "
        "are expected"
    )
    if expected <= whole.limit:
        return True, said
    return False, f"{said}: lower micro_batch or max_tokens, or take more workers with zero_stage=3"


def once_more(base: Model, seen: Seen, resources: Resources) -> Row:
    """The row of one more engine: its start, for which the first has left what it compiled, and its KV cache."""
    said = f"{base.name}: one more started in {seen.start_seconds:.0f} s, its KV cache holds {seen.kv_tokens:,} tokens"
    try:
        shape = shape_of(base)
    except ValueError as error:
        return row("engine", True, f"{said}, which the plan cannot count ({first_line(error)})")
    planned = kv_tokens(shape, resources, engine_memory(shape, resources, 1))
    return row("engine", True, f"{said}, planned {planned:,}")


def _one_model(
    sampled: Step, preferred: Sequence[Step], manifests: Mapping[str, Manifest], store: Store, resources: Resources
) -> Iterator[Row]:
    """Token ids, the base, and M_plus's adapter, in one more engine and in the trainers."""
    assert isinstance(sampled.recipe, Sample)
    model = trained_model(sampled)
    assert model is not None, "M_plus is trained"
    base = sampled.recipe.model
    tokens = Tokens(load_tokenizer(base_folder(base, weights=False)), base.prompt)
    problems = list(islice(store.each_record(dict(sampled.inputs)["problems"], Problem), ASKED))
    # Without a preference training the adapter is tried on what it learned.
    batches = [first_batch(step, store, tokens) for step in (model.step, *preferred[:1])]
    learned, pairs = ([part for one in batch for part in sides(one)] for batch in (batches[0], batches[-1]))
    parts = [*learned, *pairs]
    seen = look(sampled, problems, [ids for ids, _ in parts], store, resources.of(sampled.role))
    limit = allowed((resources.engine_dtype, resources.train_dtype))
    yield once_more(base, seen, resources.of(sampled.role))
    yield same_ids(seen.answers, tokens)
    if not is_whole(model):
        first = manifests[model.step.name].counts["first_loss"]
        yield same_base(learned, seen.base[: len(learned)], first, limit)
    counts = manifests[preferred[0].name].counts if preferred else {}
    own = Seen([], seen.base[len(learned) :], seen.trained[len(learned) :])
    yield same_adapter(pairs, own, counts, bool(preferred) and is_mean(preferred[0]), limit)
