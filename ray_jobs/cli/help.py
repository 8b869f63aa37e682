"""`w2s fields`, `w2s init` and `w2s env`: the fields that --set changes, a first experiment, this machine."""

import argparse
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

TEMPLATE = '''"""My experiment: `w2s plan {file}:{name} --store store`, then `w2s run` with the same words."""

from w2s.recipe import SFT, Answers, DatasetProblems, Experiment, Model, Preference, Prompt, Sampling, Source


def {name}() -> Experiment:
    """Problems of my own, and two models: a weak one that teaches and a strong one that learns."""
    columns = dict(question="question", answer="answer")  # the columns of your files; docs/data.md has the others
    return Experiment(
        name="{name}",
        description="my problems, my models",
        problems=DatasetProblems(
            train_1=Source(name="train_1.jsonl", **columns),  # gold for the weak model
            train_2=Source(name="train_2.jsonl", **columns),  # gold for the ceiling and the audit only
            test=Source(name="test.jsonl", **columns),
        ),
        weak=Model(name="Qwen/Qwen2.5-0.5B", prompt=Prompt(stop=("Question:",))),  # a folder, a URL or a hub name
        strong=Model(name="Qwen/Qwen2.5-1.5B", prompt=Prompt(stop=("Question:",))),
        answers=Answers(family="gsm8k"),  # how answers are marked: gsm8k (#### x), math (\\boxed{{x}}), plain
        weak_sft=SFT(learning_rate=1e-4, epochs=2),
        sft=SFT(learning_rate=1e-4, epochs=2),
        greedy=Sampling(max_tokens=512),
        iterations=2,
        sampled=Sampling(n=10, temperature=1.0, max_tokens=512),
        dpo=Preference(loss="dpo", learning_rate=1e-5),
    )
'''


def add_commands(commands: Any) -> None:
    """Add the commands to the subparsers."""
    fields = commands.add_parser("fields", help="list the fields of a part, such as dpo or problems.test, for --set")
    fields.set_defaults(command=_fields)
    fields.add_argument("part", metavar="PART", nargs="?", default="", help="without it, the parts of an experiment")
    init = commands.add_parser("init", help="write an experiment to start from")
    init.set_defaults(command=_init)
    init.add_argument("file", metavar="FILE.py", help="a file that is not there yet, for example mine.py")
    env = commands.add_parser("env", help="print versions, devices and folders, for a bug report")
    env.set_defaults(command=_env)


def _fields(options: argparse.Namespace) -> int:
    from ray_jobs.resources.resources import Resources
    from ray_jobs.resources.weak import WeakSizes
    from w2s.experiments.described import all_fields
    from w2s.report.terminal import grid

    part: str = options.part
    options_of: dict[type[BaseModel], str] = {Resources: "--resources PRESET,", WeakSizes: "--resources PRESET,weak."}
    if part != "resources":
        options_of = dict.fromkeys(_kinds(part), f"--set {part}." if part else "--set ")
    for kind, option in options_of.items():
        print(f"{kind.__name__}: {option}FIELD=VALUE")
        rows = [
            [f"  {field.name}", field.type, field.default or "(given)", field.sentence] for field in all_fields(kind)
        ]
        print("\n".join(grid(["  field", "type", "default", "meaning"], rows, (0, 1, 2, 3))))
    if not part:
        print("`--set recipe=paper` and `--set recipe=w2s` set several at once: docs/recipes.md")
        print("`w2s fields PART` lists the fields of a part; `w2s fields resources` those of --resources")
    return 0


def _kinds(part: str) -> "list[type[BaseModel]]":
    """The recipes that `part`, such as problems.test, may be. Raises ValueError if an experiment has no such part."""
    from w2s.errors import closest
    from w2s.experiments.rules import recipes_of
    from w2s.recipe import Experiment

    kinds: list[type[BaseModel]] = [Experiment]
    for name in part.split(".") if part else ():
        there = {field: info.annotation for kind in kinds for field, info in kind.model_fields.items()}
        if name not in there:
            raise ValueError(f"no part {part!r}{closest(name, there)}: the fields there are {', '.join(there)}")
        found = [recipe for kind in kinds if name in kind.model_fields
                 for recipe in recipes_of(kind.model_fields[name].annotation)]  # fmt: skip
        if not found:
            raise ValueError(f"{part} is a field and has no parts: --set {part}=VALUE")
        kinds = list(dict.fromkeys(found))
    return kinds


def _init(options: argparse.Namespace) -> int:
    path = Path(options.file)
    if path.suffix != ".py" or not path.stem.isidentifier() or iskeyword(path.stem):
        raise ValueError(f"{path.name!r} must be a Python name and end with .py, like mine.py")
    text = TEMPLATE.format(file=options.file, name=path.stem)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ValueError(f"{path} is there already: choose another name") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be written ({error.strerror}): choose another folder") from None
    print(f"{path}: change the columns, files and models, then: w2s plan {options.file}:{path.stem} --store store")
    return 0


def _env(options: argparse.Namespace) -> int:
    import os
    import platform

    import psutil

    from ray_jobs.runtime.code_commit import code_commit
    from ray_jobs.runtime.versions import versions
    from w2s.data.location import cache_folder

    rows = dict(versions())
    rows |= {"commit": code_commit() or "-", "system": platform.platform(), "cores": str(os.cpu_count())}
    rows["memory"] = f"{psutil.virtual_memory().total / 2**30:.1f} GiB"
    rows["gpus"] = _gpus()
    rows["cache"] = str(cache_folder())
    # Names only: values may be secrets.
    given = [name for name in sorted(os.environ) if name.startswith(("W2S_", "RAY_", "HF_", "AWS_", "CUDA_", "VLLM_"))]
    rows["variables set"] = ", ".join(given) or "-"
    for name, value in rows.items():
        print(f"{name:<16} {value}")
    return 0


def _gpus() -> str:
    """Name and memory of each GPU by nvidia-smi, because torch would take seconds to load."""
    import subprocess

    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return "none that nvidia-smi shows"
    return "; ".join(line.strip() for line in said.splitlines() if line.strip()) or "none"
