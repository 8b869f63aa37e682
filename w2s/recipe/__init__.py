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
    targets: tuple[str, ...] = Field(
        default=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"), min_length=1
    )
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
    lora: LoRA | None = LoRA()
    """None trains all weights of the language model: the step's model is then a whole one, a base of its own."""


class Preference(Optimizer):
    """Preference training, starting from M_plus (the paper, "Stage II"), of its adapter or of all its weights: what
    `sft.lora` says."""

    later: ClassVar[tuple[str, ...]] = ("weighted", "dpo_loss", "label_smoothing")
    loss: Literal["dpo", "orpo"]
    dpo_loss: Literal["sigmoid", "ipo", "robust"] = "sigmoid"
    """DPO only. `sigmoid`: Rafailov et al. (arXiv 2305.18290); `ipo`: a squared loss that stops at a margin (arXiv
    2310.12036); `robust`: unbiased where a share `label_smoothing` of the pairs is the wrong way round (arXiv
    2403.00409)."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    """`robust` only: the expected share of pairs whose rejected side is the better one."""
    weighted: bool = False
    """Weigh each pair's loss by its confidence, scaled to a mean of 1 over the pairs (ScPO, arXiv 2411.04109)."""
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

    @model_validator(mode="after")
    def _dpo_loss_is_dpo(self) -> Self:
        if self.loss == "orpo" and self.dpo_loss != "sigmoid":
            raise ValueError(f"dpo_loss={self.dpo_loss} belongs to dpo: leave it at sigmoid for orpo")
        if (self.dpo_loss == "robust") != bool(self.label_smoothing):
            raise ValueError(
                f"label_smoothing={self.label_smoothing} with dpo_loss={self.dpo_loss}: the robust loss needs a value "
                "above 0, and no other loss reads it: set both, like dpo_loss=robust label_smoothing=0.1"
            )
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


class Labels(Recipe):
    """Stage I's labels where they are majorities of M's own samples: `stage_one` of `icl_votes` or `trust`."""

    later: ClassVar[tuple[str, ...]] = ("choose_prompt",)
    min_share: float = Field(default=0.0, ge=0, le=1)
    """Least share of the votes, or with `trust` least expected share right, of an answer that is learned."""
    per_problem: int = Field(default=1, ge=1)
    """Most completions a problem that are learned, all of the majority and with different texts (RFT, arXiv
    2308.01825)."""
    greedy_vote: bool = False
    """The greedy answer votes too: where samples are hot it is right more often than one of them."""
    choose_prompt: bool = False
    """In the first round, sample M without demonstrations too, and learn the majorities of the prompt under which M is
    more consistent (w2s/method/labels/prompt.py)."""
    min_kept: int = Field(default=8, ge=1)
    """Fewer problems with a label than this stop the run: there is nothing to train on."""
    seed: int = 42
    """Which of several completions of the majority is learned: a hash decides."""


class Pairs(Recipe):
    """Stage II's pair rule (the paper, stage II.3)."""

    later: ClassVar[tuple[str, ...]] = ("rule", "min_margin", "greedy_vote")
    rule: Literal["weak", "votes"] = "weak"
    """`weak`: the majority against the weak answer, as in the paper; `votes`: a majority sample against a sample of the
    runner-up, whatever the weak answer is (ScPO, arXiv 2411.04109)."""
    min_margin: float = Field(default=0.0, ge=0, le=1)
    """`votes` only: least share of the majority minus share of the runner-up."""
    greedy_vote: bool = False
    """M_plus's greedy answer votes too, and may be a side of a pair."""
    min_confidence: float = Field(default=0.6, ge=0, le=1)
    """Least vote share where the weak answer is the majority's; with `votes`, everywhere."""
    min_confidence_against_weak: float = Field(default=0.8, ge=0, le=1)
    """Least vote share where the weak answer differs."""
    per_problem: int = Field(default=1, ge=1)
    match_length: bool = False
    """Take the rejected (or chosen) sample nearest in length to the other side, instead of a random one; with `votes`,
    the two samples nearest to each other."""
    min_pairs: int = Field(default=8, ge=1)
    """Fewer pairs than this stop the run: there is nothing to train on."""
    seed: int = 42


class MoreSamples(Recipe):
    """Further samples of M_plus where its first ones leave the vote open, and none elsewhere (Adaptive-Consistency,
    arXiv 2305.11860, with the margin instead of its posterior)."""

    n: int = Field(default=6, ge=1)
    """Further completions of each open problem, so `sampled.n` + `n` in all."""
    margin: float = Field(default=0.5, ge=0, le=1)
    """A vote is open up to this share of the majority minus the runner-up's; a tie has 0."""
    budget: int | None = Field(default=None, ge=1)
    """Most further completions of all problems together; the closest votes come first."""

    @model_validator(mode="after")
    def _one_problem(self) -> Self:
        if self.budget is not None and self.budget < self.n:
            raise ValueError(f"budget={self.budget} is less than n={self.n}, the completions of one problem: raise it")
        return self


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
    committee: int = Field(default=1, ge=1, le=9)
    """Weak models that teach together: each trained on train_1 with a seed of its own, their answers put to a vote
    (w2s/method/labels/committee.py). The floor stays the first one."""
    sft: SFT
    greedy: Sampling
    """For every answer to train_2 in stage I and every answer to the test split."""
    demonstrations: Demonstrations = Demonstrations()
    stage_one: Literal["agreement", "icl", "icl_votes", "trust"] = "agreement"
    """What M_plus learns. `agreement`: answers that the weak model and prompted M share (the paper); `icl`: all greedy
    answers of prompted M; `icl_votes`: majorities of prompted M's samples; `trust`: those majorities for which M's
    consistency speaks, or the weak model's agreement as far as it can be believed (w2s/method/labels/trust.py)."""
    icl_sampled: Sampling | None = None
    """M's samples of train_2 in stage I, with `icl_votes` and `trust`."""
    labels: Labels = Labels()
    agreement: Agreement = Agreement()
    iterations: int = Field(default=1, ge=1)
    """Rounds of stage I. From the second on, the model of the round before answers, without demonstrations."""
    sampled: Sampling
    """M_plus's samples in stage II."""
    more_samples: MoreSamples | None = None
    """Further samples where the vote is open; None takes none."""
    pairs: Pairs = Pairs()
    dpo: Preference | None = None
    orpo: Preference | None = None
    ceiling: bool = True
    """Train the ceiling on train_2's gold; without it there is no PGR."""
    full_icl: bool = True
    """Train the baseline full_icl_ft: SFT on all weak-ICL completions, no filter."""

    @model_validator(mode="after")
    def _losses(self) -> Self:
        for name, preference in (("dpo", self.dpo), ("orpo", self.orpo)):
            if preference is not None and preference.loss != name:
                raise ValueError(f"{name}.loss is {preference.loss!r}, it must be {name!r}")
        if self.stage_one in ("icl_votes", "trust") and self.icl_sampled is None:
            raise ValueError(
                f"stage_one={self.stage_one} needs samples of the strong base on train_2: set icl_sampled too, for "
                'example icl_sampled=\'{"n": 5, "temperature": 0.7}\''
            )
        if self.stage_one == "trust" and isinstance(self.weak, Completions):
            raise ValueError(
                "stage_one=trust measures the weak model on train_1, and weak holds responses to train_2 only: take "
                "icl_votes"
            )
        if self.stage_one == "trust" and not self.labels.min_share:
            raise ValueError(
                "stage_one=trust with labels.min_share=0 learns every majority, so that trust decides nothing: set "
                "labels.min_share before it, like labels.min_share=0.5 stage_one=trust, or take icl_votes"
            )
        if isinstance(self.weak, Completions) and self.weak_sft is not None:
            raise ValueError("weak_sft must be none where weak holds responses: there is no weak model to train")
        if self.committee > 1 and self.weak_sft is None:
            raise ValueError(
                f"committee={self.committee} trains weak models with different seeds, and weak_sft is none, so that "
                "all would be the same model: set weak_sft, or committee=1"
            )
        if self.greedy.n != 1 or self.greedy.temperature != 0:
            raise ValueError(
                f"greedy must have n=1 and temperature=0, not n={self.greedy.n}, temperature={self.greedy.temperature}"
            )
        return self
