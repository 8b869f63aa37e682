"""Tokenizers of a few hundred tokens, trained here, and chat templates in the forms that model folders have."""

import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

TEXT = ["Question: Léo has 12 pens.\nHe buys 7 more.\n\nAnswer: 12 + 7 = 19.\n#### 19\t naïve café  two spaces"] * 9
MARKERS = ("<|im_start|>", "<|im_end|>", "<start_of_turn>", "<end_of_turn>", "<|eot_id|>", "<|end|>", "<|user|>")


def byte_level(special: tuple[str, ...] = (), plain: tuple[str, ...] = ()) -> Tokenizer:
    """GPT-2's form: bytes as letters; `special` and `plain` are added tokens."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return _trained(made, 400, pre_tokenizers.ByteLevel.alphabet(), special, plain)


def sentence_piece(special: tuple[str, ...] = (), plain: tuple[str, ...] = ()) -> Tokenizer:
    """Llama-2's form: `▁` for a space, one before every text, and bytes for unknown letters."""
    made = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    ends = [decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), *ends])
    return _trained(made, 600, [], special, plain)


def _trained(
    made: Tokenizer, size: int, alphabet: list[str], special: tuple[str, ...], plain: tuple[str, ...]
) -> Tokenizer:
    trainer: Any = trainers.BpeTrainer
    first = ["<unk>", "<s>", "</s>", "<pad>"]
    made.train_from_iterator(TEXT, trainer(vocab_size=size, special_tokens=first, initial_alphabet=alphabet))
    if not alphabet:  # bytes are tokens of the model, for its fallback
        data = json.loads(made.to_str())
        vocabulary: dict[str, int] = data["model"]["vocab"]
        vocabulary |= {f"<0x{byte:02X}>": len(vocabulary) + byte for byte in range(256)}
        made = Tokenizer.from_str(json.dumps(data))
    made.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    made.add_tokens([AddedToken(token, normalized=False) for token in plain])
    return made


def folder(path: Path, tokenizer: Tokenizer, **config: Any) -> Path:
    """A folder with tokenizer.json and tokenizer_config.json."""
    path.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path / "tokenizer.json"))
    named = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    (path / "tokenizer_config.json").write_text(json.dumps(named | config))
    return path


_EACH = "{% for m in messages %}"
CHATML = (
    _EACH + "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WITHOUT_GENERATION_PROMPT = _EACH + "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
GEMMA = (
    "{{ bos_token }}" + _EACH + "<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n"
    "{{ m.content | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
LLAMA_2 = (
    _EACH + "{% if m.role == 'user' %}{{ bos_token + '[INST] ' + m.content.strip() + ' [/INST]' }}"
    "{% else %}{{ ' ' + m.content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
LLAMA_3 = (
    "{{ bos_token }}Today Date: {{ strftime_now('%d %b %Y') }}\n" + _EACH + "{{ m.role }}\n\n{{ m.content | trim }}"
    "<|eot_id|>{% endfor %}{% if add_generation_prompt %}assistant\n\n{% endif %}"
)
PHI_3 = (
    _EACH + "{% if m.role == 'user' %}{{ '<|user|>\n' + m.content + '<|end|>\n' }}"
    "{% else %}{{ '<|assistant|>\n' + m.content + '<|end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)
ZEPHYR = (
    _EACH + "<|user|>{{ m.content }}{{ eos_token }}\n{% if loop.last and add_generation_prompt %}<|user|>\n"
    "{% endif %}{% endfor %}"
)
VICUNA = (
    _EACH + "{{ m.role | upper }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}ASSISTANT: {% endif %}"
)
THINKING = (
    _EACH + "<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' and loop.last %}<think>\n\n</think>\n\n{% endif %}"
    "{{ m.content.split('</think>')[-1].lstrip('\n') }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
QWEN_3 = (
    _EACH + "<|im_start|>{{ m.role }}\n{{ m.content.split('</think>')[-1].lstrip('\n') }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
GRANITE = (
    "<|im_start|>system\n{% if thinking %}Think first.{% else %}Answer.{% endif %}<|im_end|>\n"
    + _EACH
    + "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ALWAYS_THINKING = (
    _EACH + "<|im_start|>{{ m.role }}\n{{ m.content.split('</think>')[-1].lstrip('\n') }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
)
PLAIN_END = (
    _EACH + "{{ m.role }}: {{ m.content }}<END>\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
)
