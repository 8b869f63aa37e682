"""w2s imports nothing heavy, whatever of it is imported; and dependencies point one way."""

import ast

from tests.conftest import ROOT, fresh

HEAVY = ("ray", "torch", "transformers", "vllm", "trl", "peft", "deepspeed", "datasets")


def test_importing_all_of_w2s_imports_nothing_heavy() -> None:
    modules = sorted(
        ".".join(p.relative_to(ROOT).with_suffix("").parts)
        for p in (ROOT / "w2s").rglob("*.py")
        if p.name != "__init__.py"
    )
    code = f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)\nprint(sorted(set({HEAVY!r}) & set(sys.modules)))"
    assert fresh(code) == "[]\n"


def test_w2s_never_imports_the_jobs() -> None:
    for path in (ROOT / "w2s").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            named = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            assert not any(name.split(".")[0] == "ray_jobs" for name in named), path


def test_no_source_file_is_above_300_lines() -> None:
    long = {
        str(p): n
        for d in ("w2s", "ray_jobs", "dev")
        for p in (ROOT / d).rglob("*.py")
        if (n := len(p.read_text().splitlines())) > 300
    }
    assert not long
