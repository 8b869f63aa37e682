"""The paper's MATH experiments: Llama-2-70b learns from each of three weak models (the paper, "Setting").

The problems are MATH with 12,000 rows to train on, cut into the paper's two halves of 6,000, and the 500 of MATH-500 to
test. One iteration. With Gemma and Mistral the agreeing questions are topped up to 1,000 and 2,000 (the paper, stage
I.6).

Unverified and repaired values are as gsm8k.py says; three epochs of SFT are unverified too.
"""

from w2s.experiments.gsm8k import DPO, GEMMA_2B, LLAMA_2_7B, LLAMA_2_70B, MISTRAL_7B, ORPO
from w2s.recipe import SFT, Agreement, Answers, DatasetProblems, Experiment, Model, Pairs, Sampling, Source

TRAIN = Source(
    name="nlile/hendrycks-MATH-benchmark",
    revision="465bcdb36f5962aa3512891498966df785fc3c18",
    split="train",
    question="problem",
    answer="answer",
    solution="solution",
    level="subject",
)
TEST = TRAIN.model_copy(
    update={"name": "HuggingFaceH4/MATH-500", "revision": "6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be", "split": "test"}
)


def llama2_7b() -> Experiment:
    """Weak model Llama-2-7b."""
    return _math("math-llama2-7b", LLAMA_2_7B, top_up=0)


def gemma_2b() -> Experiment:
    """Weak model Gemma-2b, topped up to 1,000 questions."""
    return _math("math-gemma-2b", GEMMA_2B, top_up=1000)


def mistral_7b() -> Experiment:
    """Weak model Mistral-7b, topped up to 2,000 questions."""
    return _math("math-mistral-7b", MISTRAL_7B, top_up=2000)


def _math(name: str, weak: Model, top_up: int) -> Experiment:
    sft = SFT(learning_rate=1e-4, epochs=3, batch_size=8)
    return Experiment(
        name=name,
        description=f"MATH: {LLAMA_2_70B.name} learns from {weak.name}, the paper's settings",
        problems=DatasetProblems(
            train_1=TRAIN.model_copy(update={"rows": (0, 6000)}),
            train_2=TRAIN.model_copy(update={"rows": (6000, 12000)}),
            test=TEST,
            overlap="remove",
            repeats="remove",
            solution_ending=" The answer is: {answer}",
        ),
        weak=weak,
        strong=LLAMA_2_70B,
        answers=Answers(family="math"),
        weak_sft=sft,
        sft=sft,
        greedy=Sampling(max_tokens=2048),
        agreement=Agreement(top_up=top_up),
        iterations=1,
        sampled=Sampling(n=10, temperature=1.0, max_tokens=2048),
        pairs=Pairs(per_problem=3),
        dpo=DPO,
        orpo=ORPO,
    )
