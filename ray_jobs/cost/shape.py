"""The sizes of a dense decoder, from its configuration alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

WAY = "leave --resources out, and the plan has no memory, hours and money"


@dataclass(frozen=True)
class Shape:
    """Sizes of a decoder with gated MLPs; no biases and norms beyond two a layer, which are less than 0.1 %."""

    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head: int
    """Width of one attention head."""
    vocabulary: int
    tied: bool
    """Whether input and output embeddings are one matrix."""

    @classmethod
    def of(cls, config: Any, name: str) -> Self:
        """The shape of a `transformers` configuration of a language model called `name`.

        Raises ValueError for a mixture of experts and for configurations without these sizes.
        """
        experts = next(
            (key for key in ("num_experts", "num_local_experts", "n_routed_experts") if get(config, key)), ""
        )
        if experts:
            raise ValueError(f"{name} has {experts}={get(config, experts)}: the plan counts dense models only: {WAY}")
        needed = ("num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads", "vocab_size")
        if missing := [key for key in needed if not isinstance(get(config, key), int)]:
            raise ValueError(f"{name}: its config.json has no {', '.join(missing)}, from which the plan counts: {WAY}")
        layers, hidden, intermediate, heads, vocabulary = (int(get(config, key)) for key in needed)
        return cls(
            layers,
            hidden,
            intermediate,
            heads,
            int(get(config, "num_key_value_heads") or heads),
            int(get(config, "head_dim") or hidden // heads),
            vocabulary,
            bool(get(config, "tie_word_embeddings")),
        )

    @property
    def linears(self) -> dict[str, tuple[int, int]]:
        """(input, output) width of each linear layer of one decoder layer."""
        query, key = self.heads * self.head, self.kv_heads * self.head
        return {
            "q_proj": (self.hidden, query),
            "k_proj": (self.hidden, key),
            "v_proj": (self.hidden, key),
            "o_proj": (query, self.hidden),
            "gate_proj": (self.hidden, self.intermediate),
            "up_proj": (self.hidden, self.intermediate),
            "down_proj": (self.intermediate, self.hidden),
        }

    @property
    def layer(self) -> int:
        """Parameters of one decoder layer."""
        return sum(width * height for width, height in self.linears.values()) + 2 * self.hidden

    @property
    def embedding(self) -> int:
        """Parameters of the largest single matrix outside the layers."""
        return self.vocabulary * self.hidden

    @property
    def parameters(self) -> int:
        """All parameters."""
        return self.layers * self.layer + self.embedding * (1 if self.tied else 2) + self.hidden

    def adapter(self, rank: int, targets: Iterable[str]) -> int:
        """Parameters of a LoRA adapter; targets that this decoder does not have count nothing."""
        widths = [sum(self.linears[target]) for target in targets if target in self.linears]
        return self.layers * rank * sum(widths)

    def kv_bytes(self, tensor_parallel: int, bytes_per_value: int) -> int:
        """Bytes of one token's keys and values on each GPU; key-value heads fewer than GPUs are copied."""
        heads = max(1, self.kv_heads // tensor_parallel)
        return 2 * self.layers * heads * self.head * bytes_per_value


def get(config: Any, key: str) -> Any:
    """A value of a configuration, or None."""
    return getattr(config, key, None)
