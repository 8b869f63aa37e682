"""The paper's OlympicArena experiment: Llama-3-70b learns from Llama-3-8b-instruct, which is not fine-tuned (the paper,
"Setting").

train_2 is the benchmark's `test` split, which has no gold, so there is no ceiling and no PGR; the test split is its
`val`. English, six subjects, all answer types but code and other. The questions are the benchmark's own prompts, which
say in which form to answer. Nothing reads train_1 here, because the weak model is not fine-tuned; it names a part that
neither other split uses.

The authors gave the weak model the prompt as plain text; here it is a turn of its chat template, as it was trained.
Unverified values are as gsm8k.py says; for this benchmark the epochs are unknown, and taken from MATH.
"""

from w2s.experiments.gsm8k import DPO, ORPO
from w2s.recipe import SFT, Answers, DatasetProblems, Experiment, Model, Pairs, Prompt, Sampling, Source

LLAMA_3_70B = Model(
    name="meta-llama/Meta-Llama-3-70B",
    revision="c82494877ce7f6d7d317c56ec081328e382c72fe",
    prompt=Prompt(template="{question}\n\nAnswer:"),
)
LLAMA_3_8B_INSTRUCT = Model(
    name="meta-llama/Meta-Llama-3-8B-Instruct",
    revision="8afb486c1db24fe5011ec46dfbe5b5dccdb575c2",
    prompt=Prompt(style="chat", template="{question}"),
)

COMMIT = "0f11060bb276a0af2e3e0b34d29723db51ed57f3"
SUBJECTS = ("Math", "Physics", "Chemistry", "Biology", "Geography", "Astronomy")
ANSWER_TYPES = ("SC", "MC", "TF", "NV", "SET", "IN", "EX", "EQ", "TUP", "MPV", "MA")
"""Single choice, multiple choice, true/false, number, set, interval, expression, equation, tuple, several quantities,
several answers."""


def llama3_8b() -> Experiment:
    """Weak model Llama-3-8b-instruct, in its chat style."""
    return Experiment(
        name="olympicarena-llama3-8b",
        description=f"OlympicArena: {LLAMA_3_70B.name} learns from {LLAMA_3_8B_INSTRUCT.name}, the paper's settings",
        problems=DatasetProblems(
            train_1=_part("val", subjects=("CS",)),
            train_2=_part("test", SUBJECTS, ANSWER_TYPES),
            test=_part("val", SUBJECTS, ANSWER_TYPES).model_copy(update={"answer": "answer"}),
            overlap="remove",
            repeats="remove",
            solution_ending="The final answer is $\\boxed{{answer}}$",
        ),
        weak=LLAMA_3_8B_INSTRUCT,
        strong=LLAMA_3_70B,
        answers=Answers(family="olympicarena"),
        weak_sft=None,
        sft=SFT(learning_rate=1e-4, epochs=3, batch_size=8),
        greedy=Sampling(max_tokens=2048),
        iterations=1,
        sampled=Sampling(n=10, temperature=1.0, max_tokens=2048),
        pairs=Pairs(per_problem=3),
        dpo=DPO,
        orpo=ORPO,
        ceiling=False,
    )


def _part(split: str, subjects: tuple[str, ...], kinds: tuple[str, ...] = ()) -> Source:
    """Rows of all subjects at once: one configuration of the hub's dataset holds one subject only, its files can be
    named together."""
    where = (("language", ("EN",)), ("subject", subjects), *((("answer_type", kinds),) if kinds else ()))
    name = f"hf://datasets/GAIR/OlympicArena@{COMMIT}/*/{split}-*.parquet"
    return Source(
        name=name, revision=COMMIT, question="prompt", id="id", kind="answer_type", level="subject", where=where
    )
