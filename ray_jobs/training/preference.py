"""TRL's DPO and ORPO trainers on pre-tokenized rows, whose losses may be weighted pair by pair.

Both read log-probabilities from TRL's fused head, which computes the logits of completions tile by tile. TRL 1.16 has
no weights of pairs: its losses are means over a micro batch. The weight is a column of the rows, `weight`;
`weight_scale` makes its mean over all pairs 1.
"""

from math import ceil
from typing import Any

import numpy as np
import torch
from trl import DPOTrainer
from trl.experimental.orpo import ORPOTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference

from ray_jobs.training.resumable import Resumable


class PairCollator(DataCollatorForPreference):
    """Batches of pairs, with what their rows have besides the sides."""

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        """As TRL does it, and `number`: [pairs]. The weights are a list, because the Trainer rounds a tensor to
        bfloat16."""
        batch = super().torch_call(examples) | {"number": torch.tensor([example["number"] for example in examples])}
        return batch | ({"weight": [example["weight"] for example in examples]} if "weight" in examples[0] else {})


class TokenDPO(Resumable, DPOTrainer):
    """DPOTrainer on pre-tokenized rows, whose reference is computed once: from M_plus, before the first step.

    TRL 1.16 has no public way to skip its tokenizing. Its own pass before training takes the rows of all epochs, one
    node writes the result to a file that the others need, and in bfloat16 the Trainer rounds it, as all that a batch
    has.
    """

    weight_scale = 1.0
    order: Any
    """The rows' `number` in the order of training."""
    reference: torch.Tensor
    """Log-probabilities of the chosen and the rejected completion by `number`: [2, rows]."""

    def take_reference_from_start(self, order: Any) -> None:
        """Compute the reference once the engine is made; TRL keeps a copy of the adapter, to compute it in every
        step."""
        self.order, self.precompute_ref_logps = order, True
        model: Any = self.model
        if "ref" in getattr(model, "peft_config", {}):
            model.delete_adapter("ref")

    def before_first_step(self) -> None:
        """Compute the reference by the model as it is now. Collective.

        A pair is computed in the micro batch in which training meets it first, because in bfloat16 another padding
        gives other numbers, and the first loss would not be ln 2.
        """
        numbers, first = np.unique(self.order, return_index=True)
        micro, rank, world = self.args.per_device_train_batch_size, self.args.process_index, self.args.world_size
        batches = ceil((int(first.max()) + 1) / (micro * world))  # of each rank, because ZeRO-3 gathers in each
        logps = torch.zeros(2, batches * world * micro, device=self.args.device)
        engine: Any = self.model_wrapped
        engine.eval()
        for start in range(rank * micro, logps.shape[1], world * micro):
            rows = [self.train_dataset[place] for place in range(start, start + micro)]
            logps[:, start : start + micro] = self._both_logps(self._prepare_inputs(self.data_collator(rows)))
        torch.distributed.all_reduce(logps)
        self.reference = torch.full((2, int(numbers[-1]) + 1), torch.nan, device=self.args.device)
        self.reference[:, numbers] = logps[:, first]

    def _both_logps(self, inputs: dict[str, Any]) -> torch.Tensor:
        """Log-probabilities of the chosen and the rejected completions: [2, pairs]."""
        weights = inputs.pop("weight", None)
        parts = _alone(inputs) if weights else [inputs]  # as the loss is computed
        logps = list[torch.Tensor]()
        for part in parts:
            with torch.no_grad(), self.compute_loss_context_manager():
                logps.append(_scored(self.model_wrapped, part).log_probs.sum(dim=1).view(2, -1))
        return torch.cat(logps, dim=1)

    def _prepare_dataset(self, rows: Any, *_: Any, **__: Any) -> Any:
        return rows

    def _precompute_ref_logps(self, rows: Any, *_: Any, **__: Any) -> Any:
        return rows

    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()
        if "number" not in self._signature_columns:
            self._signature_columns += ["number", "weight"]

    def _compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool) -> Any:
        """With weights, TRL's loss of each pair alone times its weight, and then the mean."""
        weights = inputs.pop("weight", None)
        chosen, rejected = self.reference[:, inputs.pop("number")]
        inputs = inputs | {"ref_chosen_logps": chosen, "ref_rejected_logps": rejected}
        if weights is None:
            return super()._compute_loss(model, inputs, return_outputs)
        losses = torch.stack([super(TokenDPO, self)._compute_loss(model, pair, False) for pair in _alone(inputs)])
        return (self.weight_scale * losses.new_tensor(weights) * losses).mean()


def _alone(inputs: dict[str, Any]) -> list[dict[str, Any]]:
    """The pairs of a batch by themselves: the first half of its rows are the chosen sides, the second the rejected."""
    pairs = len(inputs["input_ids"]) // 2
    return [
        {name: rows[[n]] if len(rows) == pairs else rows[[n, pairs + n]] for name, rows in inputs.items()}
        for n in range(pairs)
    ]


class TokenORPO(Resumable, ORPOTrainer):
    """ORPOTrainer on pre-tokenized rows, with the SFT term on the completion only; its model has TRL's fused head.

    TRL 1.16's own ORPO holds the logits of all positions of both sides several times, and takes the SFT term over
    prompt and completion; the ORPO paper takes it over the completion.
    """

    weight_scale = 1.0
    weights: torch.Tensor | None = None
    """Of the pairs of the micro batch; None where they are not weighted."""

    def tokenize_row(self, feature: Any, model: Any = None) -> dict[str, Any]:
        """Adds nothing to the row that TRL is made with: it is token ids already."""
        return {}

    def concatenated_forward(self, model: Any, batch: Any) -> Any:
        """Mean log-probabilities of the chosen and the rejected completions, logits for TRL's log, and the SFT term."""
        scored = _scored(model, batch)
        learned = scored.label_mask
        chosen, rejected = (scored.log_probs.sum(dim=1) / learned.sum(dim=1)).chunk(2)
        both = zip(scored.mean_logits.chunk(2), learned.chunk(2), strict=True)
        self.weights = chosen.new_tensor(batch["weight"]) if "weight" in batch else None
        return (chosen, rejected, *(logits[mask] for logits, mask in both), -self._weighted(chosen).mean())

    def odds_ratio_loss(self, policy_chosen_logps: Any, policy_rejected_logps: Any) -> Any:
        """As TRL does it, times the weights: [pairs]."""
        losses, *rest = super().odds_ratio_loss(policy_chosen_logps, policy_rejected_logps)
        return (self._weighted(losses), *rest)

    def _weighted(self, values: torch.Tensor) -> torch.Tensor:
        return values if self.weights is None else self.weight_scale * self.weights * values


def _scored(model: Any, inputs: dict[str, Any]) -> Any:
    """TRL's `FusedCausalLMOutput` of the completions in a batch, of a model with its fused head."""
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    labels = ids.masked_fill(inputs["completion_mask"] == 0, -100)
    return model(input_ids=ids, attention_mask=mask, labels=labels, use_cache=False, fused_lm_head=True)
