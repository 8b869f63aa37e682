"""The folders are the architecture: which may import which, how many files they hold, how long these are.

All imports count, also those inside functions and under TYPE_CHECKING.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT, fresh

HEAVY = ("ray", "torch", "transformers", "vllm", "trl", "peft", "deepspeed", "datasets")
MAX_LINES, MAX_ENTRIES = 300, 13

# Each line may import what stands below it. Entries of one line do not import each other.
LAYERS = {
    "": [["dev"], ["ray_jobs"], ["w2s"]],
    "ray_jobs": [
        ["run", "api"],
        ["cli"],
        ["driver"],
        ["sampling", "training", "selection", "cluster"],
        ["models", "cost", "tracking"],
        ["runtime"],
        ["resources"],
    ],
    "w2s": [
        ["experiments", "report", "store"],
        ["graph", "method", "data"],
        ["answers"],
        ["recipe", "records"],
        ["seed", "urls", "errors"],
    ],
    "w2s.answers": [
        ["classes"],
        ["grading", "paper"],
        ["reading"],
        ["equality"],
        ["forms", "second_opinion"],
        ["units"],
        ["algebra", "text"],
        ["types", "kinds"],
    ],
}  # fmt: skip
PACKAGES = ("w2s", "ray_jobs", "dev")


@cache
def modules() -> dict[str, Path]:
    """Source files by module name; a package stands for its `__init__.py`."""
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in files}


@cache
def imports() -> dict[str, set[str]]:
    """The project's modules that each module imports, wherever in it."""
    return {module: set(_imported(module, path)) for module, path in modules().items()}


def _imported(module: str, path: Path) -> Iterator[str]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{source}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            known = next((known for known in (name, name.rpartition(".")[0]) if known in modules()), None)
            if known is not None and known != module:
                yield known


def entry(module: str, parent: str) -> str | None:
    """The file or folder of `parent` that a module lies in, or None."""
    inside = module.removeprefix(f"{parent}." if parent else "")
    return None if parent and inside == module else inside.split(".")[0]


@pytest.mark.parametrize("parent", LAYERS)
def test_arrows_go_down(parent: str) -> None:
    level = {name: number for number, names in enumerate(LAYERS[parent]) for name in names}
    wrong = [
        f"{module} imports {imported}"
        for module, found in imports().items()
        for imported in found
        if (source := entry(module, parent)) in level
        and (target := entry(imported, parent)) in level
        and source != target
        and level[target] <= level[source]
    ]
    assert not wrong, "\n".join(sorted(wrong))


@pytest.mark.parametrize("parent", LAYERS)
def test_every_entry_has_its_place(parent: str) -> None:
    known = {name for names in LAYERS[parent] for name in names}
    entries = {entry(module, parent) for module in modules() if module != parent} - {None}
    assert entries == known, "LAYERS names every file and folder"


def test_no_import_goes_in_a_circle() -> None:
    seen: dict[str, int] = {}
    path: list[str] = []

    def visit(module: str) -> None:
        if seen.get(module) == 1:
            circle = [*path[path.index(module) :], module]
            raise AssertionError("imports go in a circle: " + " -> ".join(circle))
        if module in seen:
            return
        seen[module] = 1
        path.append(module)
        for imported in sorted(imports()[module]):
            visit(imported)
        path.pop()
        seen[module] = 2

    for module in modules():
        visit(module)


def test_the_library_is_pure() -> None:
    """Importing all of w2s imports nothing heavy, and nothing of it imports the jobs."""
    library = sorted(module for module in modules() if module.split(".")[0] == "w2s")
    imported = f"import importlib, sys\nfor name in {library!r}: importlib.import_module(name)\n"
    assert fresh(f"{imported}print(sorted(set({HEAVY!r}) & set(sys.modules)))") == "[]\n"


def test_files_and_folders_are_small() -> None:
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules().values()}
    assert not {path: count for path, count in lines.items() if count > MAX_LINES}
    folders = {path.parent for path in modules().values()}
    entries = {
        str(folder.relative_to(ROOT)): len(
            [one for one in folder.iterdir() if one.name not in ("__init__.py", "__pycache__")]
        )
        for folder in folders
    }
    assert not {folder: count for folder, count in entries.items() if count > MAX_ENTRIES}


def test_packages_say_what_they_are() -> None:
    """The first line of each file is its sentence in the tree of docs/architecture.md."""
    silent = [
        module
        for module, path in modules().items()
        if not (ast.get_docstring(ast.parse(path.read_text())) or "").strip()
    ]
    assert not silent
