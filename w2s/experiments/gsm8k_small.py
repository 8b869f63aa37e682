"""GSM8K with real models of 135 and 270 million parameters and some hundred questions: the whole path of real models on
two CPU cores.

Models this small hardly solve GSM8K, so agreement is rare and the scores say nothing about the method. Thresholds are
low and the kept set is topped up, so that every step has work; what counts is that tokenizers, templates, few-shot
prompts, adapters and tables are right.
"""

from w2s.experiments.gsm8k import TRAIN
from w2s.recipe import SFT, Agreement, Answers, DatasetProblems, Experiment, Model, Pairs, Preference, Prompt, Sampling


def gsm8k_small() -> Experiment:
    """SmolLM2-135M-Instruct in its chat style teaches the base model Gemma-3-270m."""
    sft = SFT(learning_rate=1e-4, epochs=1, batch_size=8, max_tokens=512)
    preference = Preference(loss="dpo", beta=0.1, learning_rate=1e-5, epochs=1, batch_size=8, max_tokens=512)
    return Experiment(
        name="gsm8k-small",
        description="GSM8K: Gemma-3-270m learns from SmolLM2-135M-Instruct; "
        "a check of the real path, not of the method",
        problems=DatasetProblems(
            train_1=TRAIN.model_copy(update={"rows": (0, 48)}),
            train_2=TRAIN.model_copy(update={"rows": (3736, 3832)}),
            test=TRAIN.model_copy(update={"split": "test", "rows": (0, 32)}),
            overlap="remove",
            repeats="remove",
        ),
        weak=Model(name="HuggingFaceTB/SmolLM2-135M-Instruct", prompt=Prompt(style="chat", template="{question}")),
        strong=Model(name="google/gemma-3-270m"),
        answers=Answers(family="gsm8k"),
        weak_sft=sft,
        sft=sft.model_copy(update={"epochs": 0.5}),
        greedy=Sampling(max_tokens=128),
        agreement=Agreement(top_up=32, min_kept=8),
        iterations=1,
        sampled=Sampling(n=4, temperature=1.0, max_tokens=128),
        pairs=Pairs(min_confidence=0.25, min_confidence_against_weak=0.5, min_pairs=8),
        dpo=preference,
        orpo=preference.model_copy(update={"loss": "orpo"}),
    )
