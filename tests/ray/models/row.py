"""One row of the table: what an architecture's way through the method left, or the line that refuses it."""

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

LN_2 = math.log(2)


@dataclass
class Row:
    """The measurements of one architecture; those that were not reached keep their defaults."""

    name: str
    refused: str = ""
    """The line of the check that refuses the whole method for it, or the model altogether."""
    failed: str = ""
    """What ended the row otherwise; a row that failed is a bug."""
    layers: int = 0
    """Layers that the adapter changes."""
    learned: int = 0
    """Adapted layers whose second matrix, which starts at zero, the training has changed: they had a gradient."""
    zero_3: float = math.nan
    """Difference of the first SFT loss under ZeRO-3 and without it."""
    base: float = math.nan
    """Largest difference in nats between engine and trainer, for the base, over the tokens of one text."""
    adapter: float = math.nan
    """The same with the adapter of the weak SFT."""
    change: float = math.nan
    """Largest change in nats that the adapter makes in the engine; 0 would mean that the engine ignores it."""
    problems: int = 0
    same_ids: int = 0
    """Problems whose prompt and completion are the same token ids in the engine's answer and in the trained row."""
    ended: int = 0
    """Completions of the trained model that end with the end token of a completion."""
    end_token: str = ""
    kept: int = 0
    """Problems that the agreement filter keeps."""
    pairs: int = 0
    dpo: float = math.nan
    """DPO's first loss."""
    orpo: float = math.nan
    """ORPO's last loss."""
    full: float = math.nan
    """As `base`, for a whole model that an SFT of all weights made, in an engine that is split over two processes; only
    of the shared row."""
    full_adapter: float = math.nan
    """As `adapter`, on that model in that engine."""
    full_change: float = math.nan
    """As `change`, from the base to that model."""
    full_dpo: float = math.nan
    """The first loss of DPO of all its weights."""
    right: dict[str, int] = field(default_factory=dict[str, int])
    """Right answers after DPO and after ORPO, by name."""

    def faults(self) -> list[str]:
        """What is wrong with the row, for a model that no check refuses."""
        wrong = {self.failed: bool(self.failed)}
        if self.layers or not self.refused:
            wrong |= {
                f"{self.learned} of {self.layers} adapted layers have a gradient": not 0 < self.learned == self.layers,
                f"ZeRO-3 starts {self.zero_3:.4f} apart": not self.zero_3 < 1e-3,
            }
        if self.refused and not math.isnan(self.base):
            wrong[f"engine and trainer are {self.base:.4f} nats apart"] = (
                self.base > 5e-3 and "nats" not in self.refused
            )
        if not self.refused:
            close, all_problems = self.base < 5e-3 and self.adapter < 5e-3, f"of {self.problems}"  # false for NaN
            wrong |= {
                f"engine and trainer are {self.base:.4f} and {self.adapter:.4f} nats apart": not close,
                f"the adapter changes {self.change:.4f} nats in the engine": not self.change > 0.1,
                f"{self.same_ids} {all_problems} rows have the engine's ids": not 0 < self.same_ids == self.problems,
                f"{self.ended} {all_problems} completions end with {self.end_token}": self.ended < self.problems,
                f"DPO starts at {self.dpo:.5f}, not at ln 2": not abs(self.dpo - LN_2) < 1e-4,
                "no pair was made": not self.pairs,
                "ORPO has no finite loss": not math.isfinite(self.orpo),
                "no answer is right": not self.right or not all(self.right.values()),
            }
        return [text for text, is_wrong in wrong.items() if is_wrong]

    def write(self, folder: Path) -> None:
        """Keep the row in `folder`, for the page and for a command that continues."""
        (folder / f"{self.name}.json").write_text(json.dumps(asdict(self)))


def read(folder: Path, name: str) -> Row | None:
    """The row that an earlier command left in `folder`."""
    file = folder / f"{name}.json"
    return Row(**json.loads(file.read_text())) if file.is_file() else None
