"""TRL trainers on token ids: SFT with a new adapter, DPO and ORPO with M_plus's adapter trained on.

TRL tokenizes text in its own way; here prompts and completions come as the ids ray_jobs/models/tokens.py makes for the engine too.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ray_jobs.models.folders import adapter_folder, base_folder
from ray_jobs.models.tokens import Tokens, load_tokenizer
from ray_jobs.resources.deepspeed import accumulation, deepspeed_config
from ray_jobs.resources.resources import Resources
from w2s.graph.recipes import FineTune, Prefer
from w2s.graph.step import Step
from w2s.method.batches import training_order
from w2s.recipe import Optimizer
from w2s.records import PreferencePair, SFTExample
from w2s.store.store import Store


def make_trainer(
    step: Step, store: Store, resources: Resources, rows: Sequence[Any], folder: Path
) -> tuple[Any, dict[str, float]]:
    """The trainer of a step and its counts: examples, too_long, tokens, seams, filled (rows that fill up each epoch's last batch).

    Raises ValueError where every row is too long.
    """
    from transformers import set_seed

    recipe = step.recipe
    assert isinstance(recipe, FineTune | Prefer)
    optimizer = recipe.sft if isinstance(recipe, FineTune) else recipe.preference
    set_seed(optimizer.seed)  # a new adapter's weights
    base = base_folder(recipe.model)
    tokenizer = load_tokenizer(base)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token  # padding is masked out of attention and loss
    tokens = Tokens(tokenizer, recipe.model.prompt)
    encoded = [sft_row(row, tokens) if isinstance(recipe, FineTune) else pair_row(row, tokens) for row in rows]
    fitting = [row for row in encoded if longest(row) <= optimizer.max_tokens]
    if not fitting:
        raise ValueError(
            f"{step.name}: all {len(rows)} examples are longer than max_tokens={optimizer.max_tokens}: raise it"
        )
    counts: dict[str, float] = {
        "examples": len(fitting),
        "too_long": len(rows) - len(fitting),
        "tokens": sum(sum(map(len, row.values())) for row in fitting),
        "seams": tokens.seams,
        "filled": -len(fitting) % optimizer.batch_size,
    }
    if isinstance(recipe, FineTune):
        return sft_trainer(recipe, resources, fitting, tokenizer, base, folder), counts
    adapter = step.input("adapter")
    assert adapter is not None
    return preference_trainer(
        recipe, resources, fitting, tokenizer, base, adapter_folder(store, adapter), folder
    ), counts


def sft_row(row: SFTExample, tokens: Tokens) -> dict[str, list[int]]:
    """`input_ids` of prompt + completion + end, and `labels` that are -100 on the prompt."""
    prompt, completion = tokens.prompt_ids(row.question), tokens.completion_ids(row.question, row.completion)
    return {"input_ids": prompt + completion, "labels": [-100] * len(prompt) + completion}


def pair_row(row: PreferencePair, tokens: Tokens) -> dict[str, list[int]]:
    """`prompt_ids`, `chosen_ids` and `rejected_ids`; both completions are closed by the end token."""
    return {
        "prompt_ids": tokens.prompt_ids(row.question),
        "chosen_ids": tokens.completion_ids(row.question, row.chosen),
        "rejected_ids": tokens.completion_ids(row.question, row.rejected),
    }


def longest(row: dict[str, list[int]]) -> int:
    """Tokens of the longest sequence a row makes."""
    if "input_ids" in row:
        return len(row["input_ids"])
    return len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"]))


def arguments(recipe: Optimizer, resources: Resources, folder: Path) -> dict[str, Any]:
    """What all three trainers' configurations share."""
    return {
        "output_dir": str(folder),
        "learning_rate": recipe.learning_rate,
        "num_train_epochs": 1,  # `dataset` holds all of them
        "train_sampling_strategy": "sequential",
        "per_device_train_batch_size": resources.micro_batch,
        "gradient_accumulation_steps": accumulation(recipe.batch_size, resources),
        "weight_decay": recipe.weight_decay,
        "warmup_steps": recipe.warmup_ratio,  # below 1 it is a ratio of all steps
        "lr_scheduler_type": recipe.schedule,
        "seed": recipe.seed,
        "data_seed": recipe.seed,
        "max_length": None,  # too long rows are out already; TRL would cut their ends, and the answer with them
        "deepspeed": deepspeed_config(resources),
        "bf16": resources.train_dtype == "bfloat16",
        "gradient_checkpointing": resources.gradient_checkpointing,
        "use_cpu": not resources.gpus_per_worker,
        "save_strategy": "no",  # ray_jobs/training/worker.py says when, ray_jobs/training/resumable.py how
        "logging_steps": 0.02,  # a share of all steps
        "logging_first_step": True,
        "report_to": [],
        "disable_tqdm": True,
        "dataloader_pin_memory": bool(resources.gpus_per_worker),
    }


def dataset(rows: list[dict[str, Any]], optimizer: Optimizer) -> Any:
    """Tokenized rows in the order of training, every epoch's."""
    from datasets import Dataset

    return Dataset.from_list(rows).select(training_order(len(rows), optimizer))


def load_base(resources: Resources, folder: Path) -> Any:
    """The base's weights, never its pickled files nor its code."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=resources.train_dtype, trust_remote_code=False, use_safetensors=True
    )


def sft_trainer(
    recipe: FineTune, resources: Resources, rows: list[dict[str, Any]], tokenizer: Any, base: Path, folder: Path
) -> Any:
    """SFT of a new adapter; the loss is the completion tokens' mean."""
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    from ray_jobs.training.resumable import Resumable

    class TokenSFT(Resumable, SFTTrainer):
        """SFT on ids that are there already."""

    lora = recipe.sft.lora
    config = SFTConfig(
        **arguments(recipe.sft, resources, folder), dataset_kwargs={"skip_prepare_dataset": True}, packing=False
    )
    adapter = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(lora.targets),
        task_type="CAUSAL_LM",
    )
    return TokenSFT(
        model=load_base(resources, base),
        args=config,
        train_dataset=dataset(rows, recipe.sft),
        processing_class=tokenizer,
        peft_config=adapter,
    )


def preference_trainer(
    recipe: Prefer,
    resources: Resources,
    rows: list[dict[str, Any]],
    tokenizer: Any,
    base: Path,
    adapter: Path,
    folder: Path,
) -> Any:
    """DPO or ORPO that goes on from the adapter in `adapter`; DPO's reference is a frozen copy of it, made by TRL."""
    from peft import PeftModel
    from trl import DPOConfig, DPOTrainer
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer

    from ray_jobs.training.resumable import Resumable

    class TokenDPO(Resumable, DPOTrainer):
        """DPO on ids that are there already; TRL 1.16 has no public way round its own tokenizing."""

        def _prepare_dataset(self, rows: Any, *_: Any, **__: Any) -> Any:
            return rows

    class TokenORPO(Resumable, ORPOTrainer):
        """ORPO on ids that are there already, with the SFT term on the completion only.

        TRL 1.16 takes that term over prompt and completion; the ORPO paper's loss, like SFT here, is of the completion.
        """

        def tokenize_row(self, feature: Any, model: Any = None) -> dict[str, list[int]]:
            prompt, row = feature["prompt_ids"], {}
            for side in ("chosen", "rejected"):
                completion = feature[f"{side}_ids"]
                row[f"{side}_input_ids"] = prompt + completion
                row[f"{side}_attention_mask"] = [1] * len(prompt + completion)
                row[f"{side}_labels"] = [-100] * len(prompt) + completion
            return row

        def concatenated_forward(self, model: Any, batch: Any) -> Any:
            forward: tuple[Any, ...] = super().concatenated_forward(model, batch)
            chosen, rejected, chosen_logits, rejected_logits, _, *rest = forward
            return (chosen, rejected, chosen_logits, rejected_logits, -chosen.mean(), *rest)

    preference = recipe.preference
    shared: dict[str, Any] = arguments(preference, resources, folder) | {"beta": preference.beta}
    trainer: Any
    if preference.loss == "dpo":
        if preference.sft_weight:
            shared |= {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, preference.sft_weight]}
        trainer, config = TokenDPO, DPOConfig(**shared)
    else:
        shared |= {
            "max_length": preference.max_tokens,
            "remove_unused_columns": False,
        }  # max_length: unused here, but TRL takes None for 512
        trainer, config = TokenORPO, ORPOConfig(**shared)
    # The base is loaded after the configuration is made: only then does ZeRO-3 shard it as it is read. Its weights and the adapter's must
    # have one dtype there (TRL does the same for adapters it makes: huggingface/trl#6089).
    same_dtype: dict[str, Any] = {"autocast_adapter_dtype": False} if resources.zero_stage == 3 else {}
    model = PeftModel.from_pretrained(load_base(resources, base), adapter, is_trainable=True, **same_dtype)
    return trainer(model=model, args=config, train_dataset=dataset(rows, preference), processing_class=tokenizer)
