"""The embedded default: tiny models and a generated world, small enough for two CPU cores."""

from w2s.recipe import SFT, Answers, Demonstrations, Experiment, LoRA, Model, Pairs, Preference, Sampling, WorldProblems


def quickstart() -> Experiment:
    """The whole method on shipped bases of 0.9 and 2 million parameters (w2s/data/bases, made by dev/pretrain.py), DPO
    and ORPO.

    Values were chosen on world seed 0; README.md reports seeds on which nothing was chosen. One iteration, as the paper
    does on MATH: in this world the two students of a first iteration make the same mistakes, and a second filter keeps
    them.
    """
    lora = LoRA(rank=16, alpha=32)
    return Experiment(
        name="quickstart",
        description="tiny models and generated word problems: the whole method on two CPU cores",
        problems=WorldProblems(train_1=300, train_2=400, test=600, seed=0),
        weak=Model(name="package:w2s/data/bases/weak"),
        strong=Model(name="package:w2s/data/bases/strong"),
        answers=Answers(family="gsm8k"),
        weak_sft=SFT(learning_rate=2e-4, epochs=1, batch_size=16, schedule="linear", max_tokens=256, lora=lora),
        sft=SFT(learning_rate=2.5e-4, epochs=2, batch_size=16, schedule="linear", max_tokens=256, lora=lora),
        greedy=Sampling(max_tokens=56),
        demonstrations=Demonstrations(count=4, choice="longest"),
        iterations=1,
        sampled=Sampling(n=10, temperature=1.0, max_tokens=56),
        pairs=Pairs(),
        dpo=Preference(
            loss="dpo", beta=0.1, learning_rate=4e-4, epochs=1, batch_size=16, schedule="linear", max_tokens=256
        ),
        orpo=Preference(
            loss="orpo", beta=0.2, learning_rate=2e-4, epochs=1, batch_size=16, schedule="linear", max_tokens=256
        ),
    )
