"""TRL trainers on token rows: SFT with a new adapter; DPO and ORPO that train M_plus's adapter further.

TRL would tokenize text in its own way, so its preparation of rows is skipped or replaced.
"""

from pathlib import Path
from typing import Any

from ray_jobs.models.folders import adapter_folder
from ray_jobs.models.layers import target_pattern
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from ray_jobs.resources.deepspeed import accumulation, deepspeed_config
from ray_jobs.resources.resources import Resources
from ray_jobs.training.base import Base
from ray_jobs.training.rows import TokenRow, dataset, token_rows
from ray_jobs.training.values import RowCounts, TrainingJob
from w2s.graph.recipes import FineTune, Prefer
from w2s.recipe import Optimizer


def make_trainer(job: TrainingJob, folder: Path, base: Base) -> tuple[Any, RowCounts]:
    """The trainer of a job on its base and the counts of its rows; `folder` is a scratch folder of this rank.

    Raises ValueError if every row is too long.
    """
    from transformers import set_seed

    recipe, resources = job.step.recipe, job.resources
    assert isinstance(recipe, FineTune | Prefer)
    set_seed(recipe.optimizer.seed)  # for a new adapter's weights
    tokenizer = load_tokenizer(base.folder)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token  # attention and loss mask padding out
    try:
        tokens = Tokens(tokenizer, recipe.model.prompt)
        rows, counts = token_rows(job.rows, tokens, recipe.optimizer, job.step.settings)
    except ValueError as error:
        raise ValueError(f"{job.step.name}: {error}") from error
    if isinstance(recipe, FineTune):
        return sft_trainer(recipe, resources, rows, tokenizer, base, folder), counts
    adapter = job.step.input("adapter")
    assert adapter is not None
    plus = adapter_folder(job.store, adapter)
    return preference_trainer(recipe, resources, rows, tokenizer, base, plus, folder), counts


def arguments(recipe: Optimizer, resources: Resources, folder: Path) -> dict[str, Any]:
    """The arguments that the SFT, DPO and ORPO configurations share."""
    return {
        "output_dir": str(folder),
        "learning_rate": recipe.learning_rate,
        "num_train_epochs": 1,  # the dataset holds the rows of all epochs
        "train_sampling_strategy": "sequential",
        "per_device_train_batch_size": resources.micro_batch,
        "gradient_accumulation_steps": accumulation(recipe.batch_size, resources),
        "weight_decay": recipe.weight_decay,
        "warmup_steps": recipe.warmup_ratio,  # a value below 1 is a share of all steps
        "lr_scheduler_type": recipe.schedule,
        "seed": recipe.seed,
        "data_seed": recipe.seed,
        "max_length": None,  # rows.py leaves long rows out; TRL would cut their ends, which hold the answer
        "deepspeed": deepspeed_config(resources),
        "bf16": resources.train_dtype == "bfloat16",
        "gradient_checkpointing": resources.gradient_checkpointing,
        "use_cpu": not resources.gpus_per_worker,
        "save_strategy": "no",  # callbacks.py says when to save, resumable.py how
        "logging_steps": 0.02,  # a share of all steps
        "logging_first_step": True,
        "logging_nan_inf_filter": False,  # it would log earlier losses in place of a loss that is not finite
        "report_to": [],
        "disable_tqdm": True,
        "dataloader_pin_memory": bool(resources.gpus_per_worker),
    }


def sft_trainer(
    recipe: FineTune, resources: Resources, rows: list[TokenRow], tokenizer: Any, base: Base, folder: Path
) -> Any:
    """SFT of a new adapter; the loss is the mean over completion tokens."""
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    from ray_jobs.training.resumable import Resumable

    class TokenSFT(Resumable, SFTTrainer):
        """SFTTrainer on pre-tokenized rows."""

    lora = recipe.sft.lora
    config = SFTConfig(
        **arguments(recipe.sft, resources, folder),
        dataset_kwargs={"skip_prepare_dataset": True},
        packing=False,
        router_aux_loss_coef=0.0,  # else TRL adds the loss that balances the experts' load, whatever the model's config
    )
    model = base.lend()
    adapter = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=target_pattern(model, lora.targets),
        task_type="CAUSAL_LM",
    )
    return TokenSFT(
        model=model,
        args=config,
        train_dataset=dataset(rows, recipe.sft),
        processing_class=tokenizer,
        peft_config=adapter,
    )


def preference_trainer(
    recipe: Prefer,
    resources: Resources,
    rows: list[TokenRow],
    tokenizer: Any,
    base: Base,
    adapter: Path,
    folder: Path,
) -> Any:
    """DPO or ORPO that trains the adapter in folder `adapter` further; TRL freezes a copy of it as DPO's reference."""
    from peft import PeftModel
    from trl import DPOConfig
    from trl.experimental.orpo import ORPOConfig

    from ray_jobs.training.preference import PairCollator, TokenDPO, TokenORPO

    preference = recipe.preference
    shared: dict[str, Any] = arguments(preference, resources, folder) | {"beta": preference.beta}
    trainer: Any
    if preference.loss == "dpo":
        shared |= {"loss_type": [preference.dpo_loss], "label_smoothing": preference.label_smoothing}
        if preference.sft_weight:
            shared |= {"loss_type": [preference.dpo_loss, "sft"], "loss_weights": [1.0, preference.sft_weight]}
        trainer, config = TokenDPO, DPOConfig(**shared, router_aux_loss_coef=0.0)
    else:
        # No row is longer than max_length, but TRL warns and takes 512 where it is None.
        shared |= {"max_length": preference.max_tokens, "remove_unused_columns": False}
        trainer, config = TokenORPO, ORPOConfig(**shared)
    # ZeRO-3 needs one dtype for base and adapter (TRL does the same for adapters that it makes: huggingface/trl#6089).
    same_dtype: dict[str, Any] = {"autocast_adapter_dtype": False} if resources.zero_stage == 3 else {}
    model = PeftModel.from_pretrained(base.lend(), adapter, is_trainable=True, **same_dtype)
    named: dict[str, Any] = {"train_dataset": dataset(rows, preference), "processing_class": tokenizer}
    if preference.loss == "dpo":
        named["data_collator"] = PairCollator(pad_token_id=tokenizer.pad_token_id)
    made = trainer(model=model, args=config, **named)
    parameters = dict(model.named_parameters())
    for name, parameter in parameters.items():  # TRL copies M_plus into a reference in float32, whatever its dtype is
        if ".ref." in name:
            parameter.data = parameter.data.to(parameters[name.replace(".ref.", ".default.")].dtype)
    return made
