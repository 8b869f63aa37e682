"""What docker/Dockerfile says, as bash that docker/check.sh runs to build a target without Docker.

It reads only what our Dockerfile uses and refuses everything else, because a line that is misread is not checked.

    python -m dev.dockerfile TARGET [NAME=VALUE ...]     calls of check.sh's functions; NAME=VALUE are build arguments
"""

import json
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).parent.parent
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""PATH of a base image."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its word, its options (`--from=base`) and the rest, continued lines joined."""

    word: str
    options: tuple[str, ...]
    rest: str


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: the image or stage below it, and its own instructions."""

    name: str
    parent: str
    instructions: tuple[Instruction, ...] = ()


@dataclass(frozen=True, slots=True)
class Container:
    """In which surroundings a stage's commands run; a stage inherits those of its parent."""

    environment: Mapping[str, str] = field(default_factory=lambda: {"PATH": PATH})
    arguments: Mapping[str, str] = field(default_factory=dict[str, str])
    user: str = "0"
    folder: str = "/"

    def line(self, stage: str, building: bool) -> str:
        """The words of check.sh's `run`: root, user, folder, variables. Build arguments exist during the build only."""
        variables = {**self.arguments, **self.environment} if building else self.environment
        return shlex.join([stage, self.user, self.folder, *(f"{name}={value}" for name, value in variables.items())])


def instructions(text: str) -> list[Instruction]:
    """Instructions of a Dockerfile. A comment ends no continued instruction."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines)).splitlines()
    return [_instruction(line.strip()) for line in joined if line.strip()]


def _instruction(line: str) -> Instruction:
    word, _, rest = line.partition(" ")
    options: list[str] = []
    while (rest := rest.lstrip()).startswith("--"):
        option, _, rest = rest.partition(" ")
        options.append(option)
    return Instruction(word.upper(), tuple(options), rest)


def stages(text: str, arguments: Mapping[str, str] | None = None) -> dict[str, Stage]:
    """Stages by name in the order of the file; `arguments` replace the defaults of those before the first FROM."""
    found: dict[str, Stage] = {}
    values: dict[str, str] = {}
    name = ""
    for one in instructions(text):
        if one.word == "FROM":
            parent, name = re.fullmatch(r"(\S+) AS (\S+)", one.rest, re.IGNORECASE).groups()  # type: ignore[union-attr]
            found[name] = Stage(name, expanded(parent, values))
        elif name:
            found[name] = replace(found[name], instructions=(*found[name].instructions, one))
        else:
            values |= argument(one, arguments or {})
    return found


def needed(all_stages: Mapping[str, Stage], target: str) -> list[Stage]:
    """The stages that `target` is built on or copies from, and itself, in the order of the file."""
    wanted, names = [target], set[str]()
    while wanted:
        name = wanted.pop()
        if name in all_stages and name not in names:
            names.add(name)
            wanted += [all_stages[name].parent, *sources(all_stages[name])]
    return [stage for name, stage in all_stages.items() if name in names]


def sources(stage: Stage) -> list[str]:
    """The stages that `stage` copies from."""
    options = [option for one in stage.instructions if one.word == "COPY" for option in one.options]
    return [option.removeprefix("--from=") for option in options]


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """`text` with $NAME and ${NAME} replaced; an unknown name is empty, as with Docker."""
    if re.search(r"\$\{\w+[^\w}]|\\\$|'", text):
        raise ValueError(f"{text!r}: of Docker's substitutions, dev/dockerfile.py reads $NAME and ${{NAME}} only")
    return re.sub(r"\$(?:(\w+)|\{(\w+)\})", lambda found: variables.get(found[1] or found[2], ""), text)


def argument(one: Instruction, given: Mapping[str, str]) -> dict[str, str]:
    """Name and value of an ARG; `given` comes before its default."""
    name, _, default = one.rest.partition("=")
    if one.word != "ARG" or not re.fullmatch(r"\w+", name):
        raise ValueError(f"{one.word} {one.rest!r}: only ARG NAME=DEFAULT is read here")
    return {name: given.get(name, "".join(shlex.split(default)))}


def command(text: str) -> list[str]:
    """The words of a command in exec form (JSON) or shell form. As with Docker, what is no JSON is for the shell."""
    if "<<" in text:
        raise ValueError(f"{text!r}: heredocs are not read here; join commands with &&, or copy a script")
    try:
        return [str(word) for word in json.loads(text)]
    except ValueError:
        return ["/bin/sh", "-c", text]


def steps(text: str, target: str, arguments: Mapping[str, str]) -> Iterator[str]:
    """The build of `target` as lines of bash, calls of check.sh's functions; `start` and `health` come last."""
    chain = needed(stages(text, arguments), target)
    containers: dict[str, Container] = {}
    lasting = {"start": "", "health": ""}
    for position, stage in enumerate(chain):
        later = {name for other in chain[position + 1 :] for name in (other.parent, *sources(other))}
        if stage.parent in containers:
            yield shlex.join(["copy_root" if stage.parent in later else "take_root", stage.parent, stage.name])
        else:
            yield shlex.join(["base_root", stage.parent, stage.name])
        container = containers.get(stage.parent, Container())
        for one in stage.instructions:
            if one.word in ("CMD", "HEALTHCHECK"):
                words = shlex.join(command(one.rest.removeprefix("CMD ").strip()))
                lasting["start" if one.word == "CMD" else "health"] = words
                continue
            container = _changed(container, one, arguments)
            yield from _commands(stage.name, container, one)
        containers[stage.name] = container
    for name, words in lasting.items():
        yield f"{name}=({words})"
    yield f"container=({containers[target].line(target, building=False)})"


def _changed(container: Container, one: Instruction, given: Mapping[str, str]) -> Container:
    """The surroundings after an instruction."""
    variables = {**container.arguments, **container.environment}
    if one.word == "ARG":
        return replace(container, arguments={**container.arguments, **argument(one, given)})
    if one.word == "ENV":
        pairs = [pair.partition("=") for pair in shlex.split(expanded(one.rest, variables))]
        return replace(container, environment={**container.environment, **{name: value for name, _, value in pairs}})
    if one.word == "USER":
        return replace(container, user=expanded(one.rest, variables))
    if one.word == "WORKDIR":
        return replace(container, folder=expanded(one.rest, variables))
    return container


def _commands(stage: str, container: Container, one: Instruction) -> Iterator[str]:
    """What an instruction does to the root of its stage."""
    if one.word == "RUN":
        caches = [re.fullmatch(r"--mount=type=cache,target=(/[^,]+)", option) for option in one.options]
        folders = [cache[1] for cache in caches if cache]
        if len(folders) < len(one.options):
            raise ValueError(
                f"RUN {' '.join(one.options)}: of RUN's options only --mount=type=cache,target=FOLDER is read"
            )
        yield f"build {shlex.quote(' '.join(folders))} {container.line(stage, True)} {shlex.join(command(one.rest))}"
    elif one.word == "COPY":
        source, destination = shlex.split(expanded(one.rest, {**container.arguments, **container.environment}))
        if any(not option.startswith("--from=") for option in one.options):
            raise ValueError(f"COPY {' '.join(one.options)}: of COPY's options only --from=STAGE is read")
        origin = [option.removeprefix("--from=") for option in one.options]
        yield shlex.join(["copy_from" if origin else "copy", *origin, source, stage, destination])
    elif one.word not in ("ARG", "ENV", "USER", "WORKDIR"):
        raise ValueError(f"{one.word} {one.rest!r}: dev/dockerfile.py does not know this instruction; teach it")


if __name__ == "__main__":
    values = dict(value.split("=", 1) for value in sys.argv[2:])
    print("\n".join(steps((ROOT / "docker/Dockerfile").read_text(), sys.argv[1], values)))
