"""The recipe of a base model and of its prompts, and the base classes of all recipes."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from w2s.urls import refuse_credentials


class Recipe(BaseModel):
    """Base of all recipes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: ClassVar[int] = 1
    """Increase it by hand when a step with this recipe would write other bytes."""

    later: ClassVar[tuple[str, ...]] = ()
    """Fields added after the first release: at their default they bear no identity, so that old steps keep their
    fingerprints. Such a default must never change."""

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with fields changed, checked as in a new recipe.

        Pydantic's own copy takes whatever it is given, so a misspelt field would change nothing and say nothing.
        """
        return super().model_copy(deep=deep) if not update else type(self).model_validate({**dict(self), **update})

    def identity(self) -> dict[str, Any]:
        """The fields that bear identity, by name; all but `later` ones at their default, unless a recipe says
        otherwise."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            name: value
            for name, value in values.items()
            if name not in self.later or value != type(self).model_fields[name].default
        }


class StepRecipe(Recipe):
    """Base of the recipes of steps: two for the problems here, the others in w2s/graph/recipes.py."""

    tables: ClassVar[tuple[str, ...]] = ()
    """Names of the tables that the step writes; not hashed, so a table may be added without a new version."""
    by_content: ClassVar[tuple[str, ...]] = ()
    """Those of `tables` whose rows say what their readers compute, whichever step wrote them."""


def _without_credentials(name: str) -> str:
    refuse_credentials(name, "the location")
    return name


Location = Annotated[str, AfterValidator(_without_credentials)]
"""A hub name, path or URL; manifests, tables and logs repeat it."""


def located(identity: dict[str, Any], revision: str | None) -> dict[str, Any]:
    """`identity` without its location where the revision is a content hash."""
    if revision is not None and revision.startswith("sha256:"):
        return {key: value for key, value in identity.items() if key != "name"}
    return identity


PAPER_STOP = ("Question", "Answer")
"""The paper's stop strings: its prompts are `Question: ...` and `Answer:`, and a base model goes on with the next
one."""


class Prompt(Recipe):
    """How a question becomes a model's prompt (the paper, "Setting")."""

    style: Literal["completion", "chat"] = "completion"
    """`completion`: `template` is the whole text; `chat`: it is the user's turn in the model's own chat template."""
    template: str = "Question: {question}\nAnswer:"
    separator: str = "\n\n"
    """Between demonstrations, in the completion style."""
    stop: tuple[str, ...] | None = None
    """Strings that end a completion, without being part of it; None: `PAPER_STOP` in the completion style, none in the
    chat style, where the end of the turn ends it."""

    date: str = "2024-07-26"
    """Day (YYYY-MM-DD) that a chat template sees as today, because a prompt must not change from day to day."""
    thinking: bool | None = None
    """Whether the model thinks first, for chat templates that know `enable_thinking` or `thinking`; None: as the
    template has it. False drops what is in `<think>` from demonstrations and targets, otherwise both keep it."""

    @model_validator(mode="after")
    def _question_once(self) -> Self:
        if self.template.count("{question}") != 1:
            raise ValueError(f"template {self.template!r} must contain {{question}} exactly once")
        if self.stop and "" in self.stop:
            raise ValueError("stop contains an empty string, which would end every completion: remove it")
        if self.thinking is not None and self.style != "chat":
            raise ValueError("thinking is for chat templates: set style=chat too, or leave thinking out")
        try:
            date.fromisoformat(self.date)
        except ValueError:
            raise ValueError(f"date {self.date!r} is no day: give it as YYYY-MM-DD, like 2024-07-26") from None
        return self

    @property
    def stop_strings(self) -> tuple[str, ...]:
        """The strings that end a completion."""
        if self.stop is not None:
            return self.stop
        return PAPER_STOP if self.style == "completion" else ()

    def identity(self) -> dict[str, Any]:
        """Equal stop strings are the same, default or given; only a chat template sees the date, and `thinking` if it
        is set."""
        given = super().identity() | {"stop": self.stop_strings}
        unseen = {"date"} if self.style == "completion" else set[str]()
        return {k: v for k, v in given.items() if k not in unseen | ({"thinking"} if self.thinking is None else set())}


class Model(Recipe):
    """A base model and the form of its prompts."""

    name: Location
    """Hub name, folder, fsspec URL of a folder, or `package:MODULE/FOLDER` for weights shipped in a Python package."""
    revision: str | None = None
    """Hub commit or `sha256:...` of a folder's files; None is resolved once per store and recorded there."""
    prompt: Prompt = Prompt()

    def identity(self) -> dict[str, Any]:
        """A folder is identified by its files' hash alone, so that it may be moved."""
        return located(super().identity(), self.revision)
