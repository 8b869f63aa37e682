"""README and docs: links lead somewhere, paths exist, the page of fields is the code's, the README stays short."""

import re
from pathlib import Path

import pytest

from dev import configuration
from tests.conftest import ROOT
from w2s.graph import recipes
from w2s.recipe.model import StepRecipe

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "tests").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FOLDERS = ("w2s", "ray_jobs", "dev", "docs", "docker", "tests", ".ci")
CODE_PATH = re.compile(rf"(?<![\w/.-])((?:{'|'.join(re.escape(folder) for folder in FOLDERS)})/[\w./-]+)")
ROOT_FILES = re.compile(r"`([A-Z][A-Za-z]+(?:\.md)?|cluster\.yaml|pyproject\.toml)`")


def anchors(page: Path) -> set[str]:
    """GitHub's anchors of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.relative_to(ROOT)} links to {target}"
        assert file.is_relative_to(ROOT), f"{page.relative_to(ROOT)} links out of the repository: {target}"
        assert not anchor or anchor in anchors(file), f"{page.relative_to(ROOT)} links to {target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_in_the_text_exist(page: Path) -> None:
    missing = [path for path in CODE_PATH.findall(page.read_text()) if not (ROOT / path.rstrip("./")).exists()]
    assert not missing, missing


def test_paths_in_docstrings_exist() -> None:
    """A comment that names a file is wrong as soon as the file moves."""
    files = [path for folder in ("w2s", "ray_jobs", "dev", "tests") for path in (ROOT / folder).rglob("*.py")]
    files += [ROOT / "cluster.yaml", ROOT / "Makefile", ROOT / "docker/Dockerfile", ROOT / "docker/lock.sh"]
    missing = {
        f"{file.relative_to(ROOT)}: {path}"
        for file in files
        for path in CODE_PATH.findall(file.read_text())
        if re.search(r"\.(py|md|sh|txt)$", path) and not (ROOT / path).exists()
    }
    assert not missing, "\n".join(sorted(missing))


def test_the_architecture_names_every_folder_and_step() -> None:
    """Folders below w2s/answers/ are in docs/answers.md, by what they are for."""
    page = (ROOT / "docs/architecture.md").read_text()
    files = [path.relative_to(ROOT) for package in ("w2s", "ray_jobs") for path in (ROOT / package).rglob("*.py")]
    folders = {str(path.parent) for path in files if len(path.parts) > 2 and path.parts[:2] != ("w2s", "answers")}
    assert not {folder for folder in folders if f"| `{folder}/` |" not in page}
    steps = [one.__name__ for one in vars(recipes).values() if isinstance(one, type) and issubclass(one, StepRecipe)]
    assert len(steps) > 10 and not {name for name in steps if name != "StepRecipe" and f"| {name} |" not in page}


def test_the_page_of_fields_is_the_code_s() -> None:
    assert configuration.PAGE.read_text() == configuration.page(), "run: python -m dev.configuration"


def test_every_field_says_what_it_is_or_is_plain() -> None:
    """A field without a sentence has a type whose class or a name that says it all."""
    unsaid = {
        f"{node.name}.{name}"
        for node in configuration.classes(configuration.resources)
        for name, _, _, sentence in configuration.fields(node)
        if not sentence
    }
    assert not unsaid


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= 9_000
