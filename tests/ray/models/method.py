"""The method on one tiny model in one process: the run's own functions, without Ray's actors and workers around them.

One engine serves all sampling steps, and takes the adapters of DPO and ORPO when they are there.
"""

import asyncio
from pathlib import Path
from typing import Any

from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from ray_jobs.resources.presets import load_resources
from ray_jobs.resources.resources import Resources
from ray_jobs.resources.vllm import EngineSize
from ray_jobs.runtime.context import Context
from ray_jobs.runtime.progress import Progress
from ray_jobs.sampling.engine import Engine
from ray_jobs.sampling.inputs import Task
from ray_jobs.sampling.results import BlockRequest, ProblemRows
from ray_jobs.selection.curate import agreement, demonstrations, pairs
from ray_jobs.selection.scores import scores
from ray_jobs.training.base import Base
from ray_jobs.training.callbacks import CheckLosses
from ray_jobs.training.job import finish, training_job
from ray_jobs.training.model import write_model
from ray_jobs.training.trainers import make_trainer
from ray_jobs.training.values import StepState, TrainingResult, diverged
from w2s.graph.recipes import Agree, Demonstrate, FineTune, Grade, Pair, Prefer, Sample
from w2s.graph.step import Step, Table, step
from w2s.graph.trained import as_input
from w2s.recipe import SFT, Agreement, Answers, Demonstrations, LoRA, Model, Pairs, Preference, Sampling, WorldProblems
from w2s.records import Completion, Problem, Reference
from w2s.store.store import Store

RESOURCES = load_resources("local,workers=1,zero_stage=0,micro_batch=8")
SUMS = [(3, 4), (12, 5), (8, 8), (21, 7), (6, 30), (15, 2), (9, 14), (40, 1)]
GOLD = [(Problem(f"p{i}", f"{a} + {b}?"), Reference(f"p{i}", str(a + b), f"{a + b}.\n#### {a + b}"))
        for i, (a, b) in enumerate(SUMS)]  # fmt: skip
CONTEXT = 256
GREEDY = Sampling(max_tokens=48)


class Split(Resources):
    """Engines whose model is split over two processes of this machine, as over two GPUs."""

    @property
    def tensor_parallel(self) -> int:
        """Its size, which on CPU no field sets."""
        return 2


class Method:
    """The steps of one model, and what is needed to run them."""

    def __init__(self, model: Model, targets: tuple[str, ...], folder: Path) -> None:
        self.folder = folder
        self.context = Context(Store.at(str(folder / "store")), RESOURCES, Progress())
        self.base = Base(model, RESOURCES)
        self.tokens = Tokens(load_tokenizer(base_folder(model)), model.prompt)
        self.loop = asyncio.new_event_loop()
        """Kept, because AsyncLLM belongs to the loop it was first used in."""
        self.engine: Engine | None = None
        self.asked: list[Step] = []
        """Steps that the engine may be told of."""
        answers, problems = Answers(family="gsm8k"), step("problems", WorldProblems())
        shared: dict[str, Any] = {"batch_size": 8, "max_tokens": CONTEXT, "schedule": "constant", "warmup_ratio": 0.0}
        sft = SFT(learning_rate=5e-3, epochs=60, lora=LoRA(rank=16, alpha=32, targets=targets), **shared)

        def sample(name: str, sampling: Sampling, trained: Step | None) -> Step:
            recipe = Sample(model=model, sampling=sampling)
            return step(name, recipe, problems=problems["train_1"], **as_input(trained["model"] if trained else None))

        def prefer(name: str, loss: Any, start: Step) -> Step:
            preference = Preference(loss=loss, learning_rate=1e-4, epochs=2, **shared)
            inputs = as_input(start["model"]) | {"pairs": self.pairs["pairs"]}
            return step(name, Prefer(model=model, preference=preference), **inputs)

        self.problems = problems
        self.weak_sft = step(
            "weak_sft",
            FineTune(model=model, sft=sft),
            problems=problems["train_1"],
            references=problems["train_1_references"],
        )
        self.base_completions = sample("base_completions", GREEDY, None)
        self.weak = sample("weak_completions", GREEDY, self.weak_sft)
        self.icl = sample("icl_completions", Sampling(max_tokens=48, temperature=0.5), self.weak_sft)
        self.demonstrations = step(
            "demonstrations",
            Demonstrate(demonstrations=Demonstrations(count=1), answers=answers),
            problems=problems["train_1"],
            completions=self.weak["completions"],
        )
        self.consistent = step(
            "consistent_1",
            Agree(agreement=Agreement(min_kept=1), answers=answers),
            problems=problems["train_1"],
            weak=self.weak["completions"],
            icl=self.icl["completions"],
            demonstrations=self.demonstrations["demonstrations"],
        )
        self.sampled = sample("sampled", Sampling(n=32, max_tokens=48, temperature=1.15), self.weak_sft)
        rule = Pairs(min_confidence=0.0, min_confidence_against_weak=0.0, min_pairs=1)
        self.pairs = step(
            "pairs",
            Pair(pairs=rule, answers=answers),
            problems=problems["train_1"],
            samples=self.sampled["completions"],
            weak=self.weak["completions"],
        )
        self.preferred = [prefer(loss, loss, self.weak_sft) for loss in ("dpo", "orpo")]
        full = sft.model_copy(update={"lora": None, "learning_rate": 1e-3, "epochs": 10.0})
        self.full_sft = step("full_sft", FineTune(model=model, sft=full), **dict(self.weak_sft.inputs))
        self.full_completions = sample("full_completions", GREEDY, self.full_sft)
        self.full_dpo = prefer("full_dpo", "dpo", self.full_sft)
        self.tests = [sample(f"test_{trained.name}", GREEDY, trained) for trained in self.preferred]
        graded: dict[str, Table] = {
            trained.name: test["completions"] for trained, test in zip(self.preferred, self.tests, strict=True)
        }
        self.scores = step(
            "scores",
            Grade(answers=answers),
            problems=problems["train_1"],
            references=problems["train_1_references"],
            **graded,
        )
        attempt = self.context.attempt(problems)
        attempt.write_records("train_1", [problem for problem, _ in GOLD], Problem)
        attempt.write_records("train_1_references", [reference for _, reference in GOLD], Reference)
        self.context.finish(attempt, "made")

    def train(self, trained: Step, base: Base | None = None) -> TrainingResult:
        """Train one step to its end, as worker.py does; on another `base` it is not committed."""
        context, attempt = self.context, self.context.attempt(trained)
        lent = base or self.base
        scratch = self.folder / f"{trained.name}-{attempt.name}"
        scratch.mkdir()
        made = training_job(trained, attempt, Context(context.store, lent.resources, context.progress))
        trainer = make_trainer(made, scratch, lent)
        trainer.diverged = lambda reason: diverged(trained, reason)
        trainer.add_callback(CheckLosses(trainer, trained, lent.resources.train_dtype))
        trainer.run(None)
        files = write_model(trainer, made, lent.folder, scratch, rank=0)
        layers, losses = trainer.adapted_layers, trainer.losses
        result = TrainingResult(files, trainer.state.global_step, 0, 1, layers, losses, trainer.trained_weights)
        lent.take_back(trainer)
        if base is None:
            finish(made, StepState(outcome=result), attempt, context)
        return result

    def start(self, adapters: int, base: Table | None = None, resources: Resources = RESOURCES) -> Engine:
        """Start the engine, of the model or of a whole one that was trained, with room for so many adapters.

        Raises what keeps it from starting.
        """
        size = EngineSize(CONTEXT, adapters, rank=16 if adapters else 0)
        self.engine = Engine(base or self.base.name, size, self, self.context.store, resources)
        if self.engine.broken:
            raise self.engine.broken
        return self.engine

    async def task(self, step: str) -> Task:
        """What the engine is told of a step."""
        (sampled,) = [sampled for sampled in self.asked if sampled.directory == step]
        return Task(sampled, (), sampled.name, 0, self.tokens.end_tokens)

    async def dropped(self, known: int) -> list[str]:
        """None ever is."""
        return await asyncio.Future[list[str]]()

    def sample(self, sampled: Step) -> list[Completion]:
        """Sample one step as one block, and commit it."""
        assert self.engine is not None
        engine, store, attempt = self.engine, self.context.store, self.context.attempt(sampled)
        self.asked.append(sampled)
        request = BlockRequest(sampled.directory, 0, (ProblemRows((0,), 0, len(GOLD)),))
        result = self.loop.run_until_complete(engine.sample_block(request))
        assert result.counts is not None, result.error
        assert not result.counts.errors, result.counts.errors
        attempt.include("completions", result.counts.file, result.counts.completions)
        self.context.finish(attempt, f"{result.counts.completions} completions")
        return store.records(sampled["completions"], Completion)

    def curate(self) -> None:
        """A demonstration, agreement, then pairs of the samples."""
        self._job(demonstrations, self.demonstrations)
        self._job(agreement, self.consistent)
        self._job(pairs, self.pairs)

    def grade(self) -> None:
        """Scores of the trained models."""
        self._job(scores, self.scores)

    def end(self) -> None:
        """End the engine."""
        if self.engine is not None and self.engine.engine is not None:
            self.engine.engine.end()
            self.loop.run_until_complete(asyncio.sleep(0))  # vLLM leaves the closing of its sockets to the loop
            self.engine.engine = None

    def _job(self, job: Any, made: Step) -> None:
        attempt = self.context.attempt(made)
        self.context.finish(attempt, job(made, attempt, self.context))
