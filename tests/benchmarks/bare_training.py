"""One training as a bare TRL script under torchrun, the other side of tests/benchmarks/training.py.

torchrun --nproc-per-node=1 -m tests.benchmarks.bare_training NAME FOLDER [deepspeed]
"""

import json
import sys
from pathlib import Path
from typing import Any


def main(name: str, folder: Path, back_end: str = "") -> None:
    """Train on FOLDER/NAME.json and write losses and seconds beside it; `hybrid_ft_1` leaves its adapter for DPO and
    ORPO. With `deepspeed` the back end is the one that ours has."""
    from datasets import Dataset
    from peft import LoraConfig, PeftModel
    from transformers import AutoModelForCausalLM, set_seed
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer

    from ray_jobs.models.folders import base_folder
    from ray_jobs.models.tokenizers import load_tokenizer
    from tests.benchmarks.training import RESOURCES, STEPS
    from w2s.graph.recipes import FineTune, Prefer

    class IdsDPO(DPOTrainer):
        def _prepare_dataset(self, rows: Any, *_: Any, **__: Any) -> Any:
            return rows

    class IdsORPO(ORPOTrainer):
        def tokenize_row(self, feature: Any, model: Any = None) -> dict[str, list[int]]:
            prompt, row = feature["prompt_ids"], {}
            for side in ("chosen", "rejected"):
                ids = feature[f"{side}_ids"]
                row |= {f"{side}_input_ids": prompt + ids, f"{side}_attention_mask": [1] * len(prompt + ids)}
                row[f"{side}_labels"] = [-100] * len(prompt) + ids
            return row

    recipe = STEPS[name].recipe
    assert isinstance(recipe, FineTune | Prefer)
    optimizer = recipe.optimizer
    set_seed(optimizer.seed)
    base = base_folder(recipe.model)
    tokenizer = load_tokenizer(base)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    data = Dataset.from_list(json.loads((folder / f"{name}.json").read_text()))
    shared: dict[str, Any] = {
        "output_dir": str(folder / name),
        "learning_rate": optimizer.learning_rate,
        "num_train_epochs": 1,
        "train_sampling_strategy": "sequential",
        "per_device_train_batch_size": RESOURCES.micro_batch,
        "gradient_accumulation_steps": optimizer.batch_size // RESOURCES.micro_batch // RESOURCES.workers,
        "weight_decay": optimizer.weight_decay,
        "warmup_steps": optimizer.warmup_ratio,
        "lr_scheduler_type": optimizer.schedule,
        "seed": optimizer.seed,
        "gradient_checkpointing": False,
        "bf16": False,
        "use_cpu": True,
        "save_strategy": "no",
        "logging_steps": 0.02,
        "logging_first_step": True,
        "report_to": [],
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
        "max_length": None,
    }
    if back_end:
        from ray_jobs.resources.deepspeed import deepspeed_config
        from ray_jobs.training.worker import start_deepspeed

        start_deepspeed(RESOURCES)
        shared["deepspeed"] = deepspeed_config(RESOURCES)
    model = AutoModelForCausalLM.from_pretrained(base, dtype="float32", use_safetensors=True)
    trainer: Any
    if isinstance(recipe, FineTune):
        lora = recipe.sft.lora
        assert lora is not None
        trainer = SFTTrainer(
            model=model,
            args=SFTConfig(**shared, dataset_kwargs={"skip_prepare_dataset": True}),
            train_dataset=data,
            processing_class=tokenizer,
            peft_config=LoraConfig(
                r=lora.rank,
                lora_alpha=lora.alpha,
                lora_dropout=lora.dropout,
                target_modules=list(lora.targets),
                task_type="CAUSAL_LM",
            ),
        )
    else:
        preference = recipe.preference
        model = PeftModel.from_pretrained(model, folder / "hybrid_ft_1" / "adapter", is_trainable=True)
        shared["beta"] = preference.beta
        if preference.loss == "dpo":
            if preference.sft_weight:
                shared |= {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, preference.sft_weight]}
            trainer = IdsDPO(model=model, args=DPOConfig(**shared), train_dataset=data, processing_class=tokenizer)
        else:
            shared |= {"max_length": preference.max_tokens, "remove_unused_columns": False}
            trainer = IdsORPO(model=model, args=ORPOConfig(**shared), train_dataset=data, processing_class=tokenizer)
    trainer.train()
    if trainer.args.process_index == 0:
        trainer.accelerator.unwrap_model(trainer.model).save_pretrained(folder / name / "adapter")
        losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
        seconds = trainer.state.log_history[-1]["train_runtime"]
        (folder / f"{name}-bare.json").write_text(json.dumps({"losses": losses, "seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
