"""TRL's DPO and ORPO trainers on pre-tokenized rows, whose losses may be weighted pair by pair.

TRL 1.16 has no weights of pairs: its losses are means over a micro batch. The weight is a column of the rows, `weight`;
`weight_scale` makes its mean over all pairs 1.
"""

from typing import Any

import torch
from trl import DPOTrainer
from trl.experimental.orpo import ORPOTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference

from ray_jobs.training.resumable import Resumable


class PairCollator(DataCollatorForPreference):
    """DPO's batches of pairs, with their weights where the rows have them."""

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        """As TRL does it, and `weight`: [pairs]."""
        batch = super().torch_call(examples)
        weights = [example["weight"] for example in examples if "weight" in example]
        return batch | {"weight": torch.tensor(weights)} if weights else batch


class TokenDPO(Resumable, DPOTrainer):
    """DPOTrainer on pre-tokenized rows; TRL 1.16 has no public way to skip its tokenizing."""

    weight_scale = 1.0

    def _prepare_dataset(self, rows: Any, *_: Any, **__: Any) -> Any:
        return rows

    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()
        if "weight" not in self._signature_columns:
            self._signature_columns.append("weight")

    def _compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool) -> Any:
        """With weights, TRL's loss of each pair alone times its weight, and then the mean."""
        weights = inputs.pop("weight", None)
        if weights is None:
            return super()._compute_loss(model, inputs, return_outputs)
        pairs = len(weights)  # the first half of a batch are the chosen sides, the second the rejected
        alone = [{name: rows[[n, pairs + n]] for name, rows in inputs.items()} for n in range(pairs)]
        losses = [super(TokenDPO, self)._compute_loss(model, pair, False) for pair in alone]
        return (self.weight_scale * weights * torch.stack(losses)).mean()


def both_sides(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """What ORPO reads of pairs, by column: ids, masks and labels of both sides, from the rows' own ids."""
    columns = {"weight": batch["weight"]} if "weight" in batch else dict[str, list[Any]]()
    for side in ("chosen", "rejected"):
        both = list(zip(batch["prompt_ids"], batch[f"{side}_ids"], strict=True))
        columns[f"{side}_input_ids"] = [prompt + completion for prompt, completion in both]
        columns[f"{side}_attention_mask"] = [[1] * len(prompt + completion) for prompt, completion in both]
        columns[f"{side}_labels"] = [[-100] * len(prompt) + completion for prompt, completion in both]
    return columns


class TokenORPO(Resumable, ORPOTrainer):
    """ORPOTrainer on pre-tokenized rows, with the SFT term on the completion only.

    TRL 1.16 takes the SFT term over prompt and completion; the ORPO paper takes it over the completion.
    """

    weight_scale = 1.0
    weights: torch.Tensor | None = None
    """Of the pairs of the micro batch; None where they are not weighted."""

    def tokenize_row(self, feature: Any, model: Any = None) -> dict[str, Any]:
        """What TRL asks of the row that it is made with; the others get their columns as they are read."""
        return {name: column[0] for name, column in both_sides({name: [feature[name]] for name in feature}).items()}

    def concatenated_forward(self, model: Any, batch: Any) -> Any:
        """As TRL does it, but for the SFT term."""
        forward: tuple[Any, ...] = super().concatenated_forward(model, batch)
        chosen, rejected, chosen_logits, rejected_logits, _, *rest = forward
        self.weights = torch.tensor(batch["weight"], device=chosen.device) if "weight" in batch else None
        return (chosen, rejected, chosen_logits, rejected_logits, -self._weighted(chosen).mean(), *rest)

    def odds_ratio_loss(self, policy_chosen_logps: Any, policy_rejected_logps: Any) -> Any:
        """As TRL does it, times the weights: [pairs]."""
        losses, *rest = super().odds_ratio_loss(policy_chosen_logps, policy_rejected_logps)
        return (self._weighted(losses), *rest)

    def _weighted(self, values: torch.Tensor) -> torch.Tensor:
        return values if self.weights is None else self.weight_scale * self.weights * values
