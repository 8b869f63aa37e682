"""TRL trainers on token rows: SFT of a new adapter or of all weights; DPO and ORPO that train M_plus further.

TRL would tokenize text in its own way, so its preparation of rows is skipped or replaced.
"""

from pathlib import Path
from typing import Any

import numpy as np

from ray_jobs.models.folders import trained_folder
from ray_jobs.models.layers import target_pattern, train_language_model
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.resources.deepspeed import accumulation, deepspeed_config
from ray_jobs.resources.resources import Resources
from ray_jobs.runtime.imports import importing
from ray_jobs.training.base import Base
from ray_jobs.training.rows.files import fetch_rows, row_order
from ray_jobs.training.values import TrainingJob
from w2s.graph.recipes import FineTune, Prefer
from w2s.recipe import Optimizer


def make_trainer(job: TrainingJob, folder: Path, base: Base) -> Any:
    """The trainer of a job on its base; `folder` is a scratch folder of this rank."""
    with importing():
        from transformers import set_seed

    recipe, resources = job.step.recipe, job.resources
    assert isinstance(recipe, FineTune | Prefer)
    set_seed(recipe.optimizer.seed)  # for a new adapter's weights
    tokenizer = load_tokenizer(base.folder)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token  # attention and loss mask padding out
    rows = fetch_rows(job.rows, job.store, job.step, folder)
    if isinstance(recipe, FineTune):
        return sft_trainer(recipe, resources, rows, tokenizer, base, folder)
    adapter = job.step.input("adapter")
    plus = trained_folder(job.store, adapter) if adapter else None
    trainer = preference_trainer(recipe, resources, rows, tokenizer, base, plus, folder)
    trainer.weight_scale = job.rows.weight_scale
    return trainer


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


def sft_trainer(recipe: FineTune, resources: Resources, rows: Any, tokenizer: Any, base: Base, folder: Path) -> Any:
    """SFT of a new adapter, or of all weights, on a `datasets.Dataset` of rows; the loss is the mean over completion
    tokens."""
    with importing():
        from peft import LoraConfig
        from trl import SFTConfig, SFTTrainer

        from ray_jobs.training.resumable import Resumable

    class TokenSFT(Resumable, SFTTrainer):
        """SFTTrainer on pre-tokenized rows."""

    config = SFTConfig(
        **arguments(recipe.sft, resources, folder),
        dataset_kwargs={"skip_prepare_dataset": True},
        packing=False,
        router_aux_loss_coef=0.0,  # else TRL adds the loss that balances the experts' load, whatever the model's config
    )
    model, adapter = base.lend(), None
    if lora := recipe.sft.lora:
        adapter = LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules=target_pattern(model, lora.targets),
            task_type="CAUSAL_LM",
        )
    else:
        train_language_model(model)
    return TokenSFT(
        model=model,
        args=config,
        train_dataset=rows.select(row_order(rows, recipe.sft)),
        processing_class=tokenizer,
        peft_config=adapter,
    )


def preference_trainer(
    recipe: Prefer,
    resources: Resources,
    rows: Any,
    tokenizer: Any,
    base: Base,
    adapter: Path | None,
    folder: Path,
) -> Any:
    """DPO or ORPO that trains the adapter in folder `adapter` further or, without one, all weights of the base.

    DPO's reference is what is trained, as it is before the first step.
    """
    with importing():
        from peft import PeftModel
        from trl import DPOConfig
        from trl.experimental.orpo import ORPOConfig
        from trl.trainer.utils import add_fused_lm_head

        from ray_jobs.training.preference import PairCollator, TokenDPO, TokenORPO

    preference = recipe.preference
    shared: dict[str, Any] = arguments(preference, resources, folder) | {"beta": preference.beta}
    trainer: Any
    if preference.loss == "dpo":
        shared |= {"loss_type": [preference.dpo_loss], "label_smoothing": preference.label_smoothing}
        if preference.sft_weight:
            shared |= {"loss_type": [preference.dpo_loss, "sft"], "loss_weights": [1.0, preference.sft_weight]}
        # Else TRL loads the base once more as the reference of all weights. With it TRL hashes the model, which would
        # take minutes for a frozen base.
        shared |= {"precompute_ref_log_probs": adapter is None}
        trainer, config = TokenDPO, DPOConfig(**shared, router_aux_loss_coef=0.0)
    else:
        # No row is longer than max_length, but TRL warns and takes 512 where it is None.
        shared |= {"max_length": preference.max_tokens, "remove_unused_columns": False}
        trainer, config = TokenORPO, ORPOConfig(**shared)
    model = base.lend()
    if preference.loss == "orpo":  # TRL's DPO adds it by itself
        add_fused_lm_head(model, outputs=("log_probs", "mean_logits"))
    if adapter is not None:
        # ZeRO-3 needs one dtype for base and adapter (TRL does the same for those that it makes: huggingface/trl#6089).
        same_dtype: dict[str, Any] = {"autocast_adapter_dtype": False} if resources.zero_stage == 3 else {}
        model = PeftModel.from_pretrained(model, adapter, is_trainable=True, **same_dtype)
    else:
        train_language_model(model)
    order = row_order(rows, preference)
    numbered = rows.add_column("number", np.arange(len(rows)))
    # TRL 1.16 would write what ORPO reads of every row before the first step.
    named = {"train_dataset": numbered.select([0]), "data_collator": PairCollator(pad_token_id=tokenizer.pad_token_id)}
    made = trainer(model=model, args=config, processing_class=tokenizer, **named)
    made.train_dataset = numbered.select(order)
    if preference.loss == "dpo":
        made.take_reference_from_start(order)
    return made
