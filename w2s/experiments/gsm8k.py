"""The paper's GSM8K experiments: Llama-2-70b learns from each of three weak models (the paper, "Setting").

The problems are the hub's GSM8K: its 7,473 training rows, shuffled by a seed and cut in half. The authors' own halves
of 7,000 each come from a larger, augmented set; given as files, they take the places of these: `--set
problems.train_1.name=FILE --set problems.train_1.revision=none --set problems.train_1.rows=none`, with the column names
that fit, and the same for train_2.

Learning rates, epochs and batch size of SFT, DPO and ORPO are unverified, LoRA's rank is inferred (the paper,
"Hyper-parameters"). Where the published rules are known to be weak the defaults are the repaired ones; the paper's own:
`--set answers.equality=paper`, `--set agreement.leave_out_demonstrations=false`.
"""

from w2s.recipe import SFT, Answers, DatasetProblems, Experiment, Model, Preference, Sampling, Source

LLAMA_2_70B = Model(name="meta-llama/Llama-2-70b-hf", revision="3aba440b59558f995867ba6e1f58f21d0336b5bb")
LLAMA_2_7B = Model(name="meta-llama/Llama-2-7b-hf", revision="01c7f73d771dfac7d292323805ebc428287df4f9")
GEMMA_2B = Model(name="google/gemma-2b", revision="9cf48e52b224239de00d483ec8eb84fb8d0f3a3a")
MISTRAL_7B = Model(name="mistralai/Mistral-7B-v0.1", revision="27d67f1b5f57dc0953326b2601d68371d40ea8da")

DPO = Preference(loss="dpo", beta=0.1, learning_rate=1e-5, epochs=1)
ORPO = Preference(loss="orpo", beta=0.1, learning_rate=3e-5, epochs=1)
"""The paper tried beta 0.5 and 1.0 too."""

TRAIN = Source(
    name="openai/gsm8k",
    revision="e53f048856ff4f594e959d75785d2c2d37b678ee",
    subset="main",
    split="train",
    solution="answer",
)
"""The column `answer` holds the worked solution, which ends `#### x`."""


def llama2_7b() -> Experiment:
    """Weak model Llama-2-7b."""
    return _gsm8k("gsm8k-llama2-7b", LLAMA_2_7B)


def gemma_2b() -> Experiment:
    """Weak model Gemma-2b."""
    return _gsm8k("gsm8k-gemma-2b", GEMMA_2B)


def mistral_7b() -> Experiment:
    """Weak model Mistral-7b."""
    return _gsm8k("gsm8k-mistral-7b", MISTRAL_7B)


def _gsm8k(name: str, weak: Model) -> Experiment:
    sft = SFT(learning_rate=1e-4, epochs=2, batch_size=8)
    return Experiment(
        name=name,
        description=f"GSM8K: {LLAMA_2_70B.name} learns from {weak.name}, the paper's settings",
        problems=DatasetProblems(
            train_1=TRAIN.model_copy(update={"rows": (0, 3736)}),
            train_2=TRAIN.model_copy(update={"rows": (3736, 7473)}),
            test=TRAIN.model_copy(update={"split": "test"}),
            overlap="remove",
            repeats="remove",
        ),
        weak=weak,
        strong=LLAMA_2_70B,
        answers=Answers(family="gsm8k"),
        weak_sft=sft,
        sft=sft,
        greedy=Sampling(max_tokens=1024),
        iterations=2,
        sampled=Sampling(n=10, temperature=1.0, max_tokens=1024),
        dpo=DPO,
        orpo=ORPO,
    )
