"""Loads the tokenizer of a model folder, and checks it against the folder's own tokenizer.json.

transformers 5 builds most tokenizers from the class that tokenizer_config.json names, and takes only the vocabulary of
tokenizer.json. Where class and file do not fit, prompts silently lose their spaces and line ends: DeepSeek's distilled
models have byte-level files under `LlamaTokenizerFast`.
"""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ray_jobs.runtime.imports import importing
from w2s.data.location import cache_folder
from w2s.errors import first_line

PROBES = (
    "Question: Léo has 12 pens.\n\nHe buys  1,234.5 more\tpens — naïve? Ça va!\r\nAnswer: x_1 = 3.14·10⁻² ≤ π",
    " a\n b\n\n  c  \n",
    "def f(x):\n    return x + 1  # 數學 математика",
)
"""Spaces, line ends, tabs, digits, accents, signs and other alphabets."""


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a model folder; the one of tokenizer.json where the class that the folder names does not fit it.

    Raises ValueError where the folder has no tokenizer that loads and fits, or the tokenizer has no end token.
    """
    return _loaded(folder)[0]


def engine_tokenizer(folder: Path) -> Path:
    """A folder from which vLLM loads the tokenizer of `load_tokenizer`: `folder` itself, or a copy in the cache."""
    tokenizer, as_named = _loaded(folder)
    if as_named:
        return folder
    content = b"".join((folder / name).read_bytes() for name in ("tokenizer.json", "tokenizer_config.json"))
    copy = cache_folder() / f"tokenizer-{hashlib.sha256(content).hexdigest()[:16]}"
    if not copy.exists():
        temporary = Path(tempfile.mkdtemp(dir=copy.parent))
        tokenizer.save_pretrained(temporary)
        try:
            temporary.rename(copy)
        except OSError:  # another process was first, and its copy is as good
            shutil.rmtree(temporary)
    return copy


def adds_bos(folder: str) -> bool | None:
    """`add_bos_token` of the tokenizer_config.json in `folder`, which transformers 5 ignores beside a tokenizer.json;
    None where the file does not say."""
    value = _config(folder).get("add_bos_token")
    return value if isinstance(value, bool) else None


def additional_special(folder: str) -> set[str]:
    """`additional_special_tokens` of the tokenizer_config.json in `folder`, which transformers 5.19 drops beside
    `extra_special_tokens` (huggingface/transformers#47838)."""
    listed = _config(folder).get("additional_special_tokens")
    entries = listed if isinstance(listed, list) else []
    tokens = [token.get("content") if isinstance(token, dict) else token for token in entries]
    return {token for token in tokens if isinstance(token, str)}


def _config(folder: str) -> dict[str, Any]:
    """tokenizer_config.json of `folder`; empty where it cannot be read."""
    try:
        config = json.loads((Path(folder) / "tokenizer_config.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def _loaded(folder: Path) -> tuple[Any, bool]:
    """The tokenizer, and whether it is the one that `AutoTokenizer` loads."""
    with importing():
        from transformers import AutoTokenizer, PreTrainedTokenizerFast

    _check_pair(folder)
    reasons: list[str] = []
    for number, kind in enumerate((AutoTokenizer, PreTrainedTokenizerFast)):
        try:
            with importing():  # of the class that the folder names
                tokenizer: Any = kind.from_pretrained(folder, trust_remote_code=False)
            if probe := _misread(tokenizer, folder / "tokenizer.json"):
                reasons.append(f"{type(tokenizer).__name__} and tokenizer.json read {probe!r} as other tokens")
                continue
            if not _reads(tokenizer):
                reasons.append(f"{type(tokenizer).__name__} has no vocabulary in this folder")
                continue
        except Exception as error:  # the tokenizers library raises plain Exceptions
            reasons.append(first_line(error))
            if not (folder / "tokenizer.json").is_file():
                break
            continue
        if tokenizer.eos_token_id is None:
            raise ValueError(f"the tokenizer in {folder} has no end token: set eos_token in its tokenizer_config.json")
        _check_end(tokenizer.eos_token, folder)
        return tokenizer, number == 0
    raise ValueError(
        f"{folder} has no tokenizer that loads ({'; '.join(reasons)}): put the model's own tokenizer.json and "
        "tokenizer_config.json there"
    )


def _check_end(token: str, folder: Path) -> None:
    """Check that the end token is one of the files' tokens; transformers gives an unknown one the next free number,
    which the model was never trained on."""
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json"
    listed = _config(str(folder)).get("added_tokens_decoder")
    entries = listed.values() if isinstance(listed, dict) else []
    if not file.is_file() or token in [entry.get("content") for entry in entries if isinstance(entry, dict)]:
        return
    if Tokenizer.from_file(str(file)).token_to_id(token) is None:
        raise ValueError(
            f"the end token {token!r} of the tokenizer in {folder} is not in its tokenizer.json, so the model never "
            "saw it: set eos_token in tokenizer_config.json to the token that ends the model's texts"
        )


def _check_pair(folder: Path) -> None:
    """Check that vocab.json and merges.txt are both there where they are all there is of a tokenizer."""
    names = {path.name for path in folder.iterdir()}
    pair = {"vocab.json", "merges.txt"}
    if len(pair & names) == 1 and not names & {"tokenizer.json", "tokenizer.model"}:
        raise ValueError(
            f"{folder} has {(pair & names).pop()} and no {(pair - names).pop()}, and a tokenizer is made of both: put "
            "the model's own file there, or its tokenizer.json in place of both"
        )


def _reads(tokenizer: Any) -> bool:
    """Whether the tokenizer has tokens for text; transformers makes some classes without any file, with a vocabulary of
    special tokens alone."""
    ids: list[int] = tokenizer(PROBES[0], add_special_tokens=False)["input_ids"]
    return bool(tokenizer.decode([number for number in ids if number != tokenizer.unk_token_id]).strip())


def _misread(tokenizer: Any, file: Path) -> str:
    """The first probe that `tokenizer` reads or writes otherwise than the tokenizer in `file`; empty if there is
    none."""
    from tokenizers import Tokenizer

    if not file.is_file():  # only a SentencePiece or tiktoken model, which transformers converts
        return ""
    raw: Any = Tokenizer.from_file(str(file))
    raw.no_truncation()
    raw.no_padding()
    for probe in PROBES:
        ids: list[int] = raw.encode(probe, add_special_tokens=False).ids
        theirs: list[int] = tokenizer(probe, add_special_tokens=False)["input_ids"]
        text = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        if theirs != ids or text != raw.decode(ids, skip_special_tokens=False):
            return probe
    return ""
