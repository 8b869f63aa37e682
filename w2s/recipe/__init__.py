"""What to compute: frozen, validated recipes. Equal recipes name the same work.

Fields hold numbers, strings, tuples and other recipes, so that every recipe has one text and one fingerprint.
"""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from w2s.recipe.model import Model, Recipe
from w2s.recipe.model import Prompt as Prompt  # for users of w2s.recipe
from w2s.recipe.model import StepRecipe as StepRecipe
from w2s.recipe.problems import NEAR_DUPLICATE as NEAR_DUPLICATE
from w2s.recipe.problems import SPLITS as SPLITS
from w2s.recipe.problems import Completions, DatasetProblems, TestProblems, WorldProblems
from w2s.recipe.problems import Source as Source


class Answers(Recipe):
    """How the final answer of a completion is read and compared."""

    version: ClassVar[int] = 4  # types before values; the type that a problem's answers show
    family: Literal["gsm8k", "math", "olympicarena", "plain"] = "gsm8k"
    equality: Literal["canonical", "paper"] = "canonical"
    """`canonical`: one form per mathematical value; `paper`: the paper's scripts, equality of normalised strings."""
    tolerance: float = Field(default=1.01e-5, ge=0)
    """Absolute distance from a gold number within which a rounded number of kind NV, SET, TUP, MPV or MA is right.

    The default is that of OlympicArena's own judge. It is used in scoring alone: between two predictions, a number and
    its rounding are undecided, so that they never are the two sides of a preference pair.
    """


class Sampling(Recipe):
    """How completions are drawn."""

    n: int = Field(default=1, ge=1)
    """Completions per problem; one request to the engine."""
    temperature: float = Field(default=0.0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    max_tokens: int = Field(default=1024, ge=1)
    """Tokens per completion."""
    seed: int = 42
    """Hashed with the problem's id into the request's seed."""


class LoRA(Recipe):
    """Low-rank adapter."""

    rank: int = Field(default=8, ge=1, le=512)
    """vLLM 0.32.0 samples with ranks up to 512."""
    alpha: int = Field(default=16, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    """Names of linear layers of the base. Experts of a mixture are stacked tensors, so no adapter changes them."""


class Optimizer(Recipe):
    """AdamW and its schedule, shared by SFT and preference training."""

    learning_rate: float = Field(gt=0)
    epochs: float = Field(gt=0)
    batch_size: int = Field(default=8, ge=1)
    """Examples (pairs) per optimizer step, over all workers."""
    weight_decay: float = Field(default=0.0, ge=0)
    warmup_ratio: float = Field(default=0.03, ge=0, lt=1)
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    max_tokens: int = Field(default=1024, ge=8)
    """Longest prompt + completion, in tokens; longer examples are left out and counted, never cut."""
    seed: int = 42


class SFT(Optimizer):
    """Supervised fine-tuning on completions only (the paper, "Hyper-parameters")."""

    learning_rate: float = Field(default=1e-4, gt=0)
    epochs: float = Field(default=2.0, gt=0)
    lora: LoRA = LoRA()


class Preference(Optimizer):
    """Preference training, starting from M_plus's adapter (the paper, "Stage II")."""

    loss: Literal["dpo", "orpo"]
    beta: float = Field(default=0.1, gt=0)
    """DPO: strength of the pull to the reference, M_plus; ORPO: weight of the odds-ratio term."""
    sft_weight: float = Field(default=0.0, ge=0)
    """DPO only: weight of an added SFT loss on the chosen completion; ORPO has that term by definition."""
    learning_rate: float = Field(default=1e-5, gt=0)
    epochs: float = Field(default=1.0, gt=0)

    @model_validator(mode="after")
    def _sft_weight_is_dpo(self) -> Self:
        if self.loss == "orpo" and self.sft_weight:
            raise ValueError("sft_weight belongs to dpo: orpo contains the SFT loss already")
        return self


class Demonstrations(Recipe):
    """How to choose the weak completions that the strong model's prompt shows (the paper, stage I.2)."""

    count: int = Field(default=4, ge=1)
    choice: Literal["random", "longest"] = "random"
    """`longest`: the completions with the most characters (complexity-based prompting, arXiv 2210.00720); no gold."""
    seed: int = 42


class Agreement(Recipe):
    """Stage I's filter: keep a problem where both models give the same readable answer."""

    leave_out_demonstrations: bool = True
    """A demonstration's own problem is not kept: the strong model would copy the answer and `agree`."""
    top_up: int = Field(default=0, ge=0)
    """Add problems whose answers differ, by a hash of the id, up to this many (the paper, stage I.6); 0 adds none."""
    min_kept: int = Field(default=8, ge=1)
    """Fewer kept problems than this stop the run: there is nothing to train on."""
    seed: int = 42


class Pairs(Recipe):
    """Stage II's pair rule (the paper, stage II.3)."""

    min_confidence: float = Field(default=0.6, ge=0, le=1)
    """Least vote share where the weak answer is the majority's."""
    min_confidence_against_weak: float = Field(default=0.8, ge=0, le=1)
    """Least vote share where the weak answer differs."""
    per_problem: int = Field(default=1, ge=1)
    match_length: bool = False
    """Take the rejected (or chosen) sample nearest in length to the other side, instead of a random one."""
    min_pairs: int = Field(default=8, ge=1)
    """Fewer pairs than this stop the run: there is nothing to train on."""
    seed: int = 42


class Evaluation(Recipe):
    """Models asked the problems of one split, beside any experiment: `w2s eval`."""

    problems: TestProblems
    model: Model | None
    """A base that is asked; None where the models are those of an experiment."""
    answers: Answers
    greedy: Sampling
    sampled: Sampling | None = None
    """Samples for pass@k and maj@k; None takes none."""


class Experiment(Recipe):
    """A complete run of the method: every value that decides what is computed."""

    name: str
    description: str
    problems: DatasetProblems | WorldProblems
    weak: Model | Completions
    """The model that teaches, or responses that are there already."""
    strong: Model
    answers: Answers
    weak_sft: SFT | None
    """None: the weak model is used as it is (OlympicArena), or its responses are there already."""
    sft: SFT
    greedy: Sampling
    """For every answer to train_2 in stage I and every answer to the test split."""
    demonstrations: Demonstrations = Demonstrations()
    agreement: Agreement = Agreement()
    iterations: int = Field(default=1, ge=1)
    """Rounds of stage I."""
    sampled: Sampling
    """M_plus's samples in stage II."""
    pairs: Pairs = Pairs()
    dpo: Preference | None = None
    orpo: Preference | None = None
    ceiling: bool = True
    """Train the ceiling on train_2's gold; without it there is no PGR."""

    @model_validator(mode="after")
    def _losses(self) -> Self:
        for name, preference in (("dpo", self.dpo), ("orpo", self.orpo)):
            if preference is not None and preference.loss != name:
                raise ValueError(f"{name}.loss is {preference.loss!r}, it must be {name!r}")
        if isinstance(self.weak, Completions) and self.weak_sft is not None:
            raise ValueError("weak_sft must be none where weak holds responses: there is no weak model to train")
        if self.greedy.n != 1 or self.greedy.temperature != 0:
            raise ValueError(
                f"greedy must have n=1 and temperature=0, not n={self.greedy.n}, temperature={self.greedy.temperature}"
            )
        return self
