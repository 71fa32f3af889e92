"""Grouping a repository's files into variants, on names seen in real repositories."""

import pytest

from app.core import quantization
from app.core.memory import Fit, FitVerdict
from app.core.variants import RepoFile, Variant, group_variants, is_companion, recommended

GB = 10**9

# (file, quantization or None when the name is silent); from public repositories
LABELS = [
    ("llama-3.2-1b-instruct-q4_k_m.gguf", "Q4_K_M"),
    ("Llama-3.2-1B-Instruct.fp16.gguf", "F16"),
    ("Llama-3.2-3B-Instruct-Q6_K_L.gguf", "Q6_K_L"),
    ("Llama-3.2-3B-Instruct-f16.gguf", "F16"),
    ("ARM_Llama-3.1-8B-ArliAI-Formax-v1.0-Q4_0_4_4-imat.gguf", "Q4_0_4_4"),
    ("EuroLLM-9B-Instruct-Q4_0_4_8.gguf", "Q4_0_4_8"),
    ("ggml-model-Q2_K.gguf", "Q2_K"),
    ("Humanish-Roleplay-Llama-3.1-8B.i1-Q4_K_M.gguf", "Q4_K_M"),
    ("DeepSeek-R1-Distill-Qwen-1.5B-UD-IQ1_M.gguf", "UD-IQ1_M"),
    ("qwen2.5-coder-1.5b-iq3_xxs-imat.gguf", "IQ3_XXS"),
    ("Qwen3-1.7B-UD-Q4_K_XL.gguf", "UD-Q4_K_XL"),
    ("Qwen3-8B-128K-IQ4_NL.gguf", "IQ4_NL"),
    ("Qwen3-14B-Q2_K_L.gguf", "Q2_K_L"),
    ("Qwen3-30B-A3B-Thinking-2507-128x1.8B-Q2_K_S.gguf", "Q2_K_S"),
    ("gemma-4-E4B_q4_0-it.gguf", "Q4_0"),
    ("devstralQ4_K_M.gguf", "Q4_K_M"),
    ("Devstral-Small-2507-UD-Q8_K_XL.gguf", "UD-Q8_K_XL"),
    ("Magistral-Small-2506_Q8_0.gguf", "Q8_0"),
    ("granite-4.0-h-tiny-UD-TQ1_0.gguf", "UD-TQ1_0"),
    ("phi-4-TQ2_0.gguf", "TQ2_0"),
    ("gpt-oss-20b-mxfp4.gguf", "MXFP4"),
    ("OpenAI-20B-NEO-MXFP4_MOE3.gguf", "MXFP4_MOE"),
    ("Qwen3.6-27B-NVFP4-MTP-GGUF.gguf", "NVFP4"),
    ("Huihui-gpt-oss-20b-BF16-abliterated.i1-Q5_K_S.gguf", "Q5_K_S"),
    ("SmallThinker-21B-A3B-Instruct.Q5_K.imatrix.gguf", "Q5_K_M"),
    ("moondream2-text-model-f16_ct-vicuna.gguf", "F16"),
    ("all-MiniLM-L6-v2.gguf2.f16.gguf", "F16"),
    ("mistral-7b-openorca.gguf2.Q4_0.gguf", "Q4_0"),
    ("Bonsai-8B-Q1_0.gguf", "Q1_0"),
    ("Muse-Glimmer-30B-KQuant-17GB-Q4_K_M.gguf", "Q4_K_M"),
    ("mmproj-model-f16-4B.gguf", "F16"),
    ("gpt-oss-120b.MXFP4-00001-of-00002.gguf", "MXFP4"),
    ("Phi-3-mini-4k-instruct-q4.gguf", None),
    ("muse-glimmer-30B-kquant-17gb.gguf", None),
    ("Qwen3.8-27B-Ridge-3.7bpw.gguf", None),
    ("gemma-2b-it.gguf", None),
    ("FinGPT-MT-Llama-3-8B-LoRA-Q6_0.gguf", None),
    ("Carnice-Qwen3.6-MoE-35B-A3B-APEX-MTP-I-Compact.gguf", None),
    ("DeepSeek-V4-Flash-IQ2XXS-w2Q2K-AProjQ8-SExpQ8-OutQ8-chat-v2.gguf", None),
]


@pytest.mark.parametrize(("name", "label"), LABELS)
def test_the_label_in_a_file_name(name: str, label: str | None) -> None:
    assert quantization.from_name(name) == label


COMPANIONS = [
    ("mmproj-BF16.gguf", True),
    ("gemma-4-E4B-it-mmproj.gguf", True),
    ("Qwen3-VL-Reranker-2B.mmproj-f16.gguf", True),
    ("moondream2-mmproj-f16-20250414.gguf", True),
    ("mtp-gemma-4-E4B-it.gguf", True),
    ("gemmable-4-12b-Q4_K_M-mtp.gguf", True),
    ("Qwen3.6-27B-NVFP4-MTP-GGUF.gguf", False),
    ("dflash-kquant.gguf", True),
    ("Qwen3.5-4B-DFlash.Q8_0.gguf", True),
    ("eagle3-llama.gguf", True),
    ("imatrix-fp16.gguf", True),
    ("Qwen_Qwen3-VL-4B-Instruct-imatrix.gguf", True),
    ("Cydonia-Redux-22B-v1.1.imatrix.gguf", True),
    ("SmallThinker-21B-A3B-Instruct.Q5_K.imatrix.gguf", False),
    ("qwen2.5-coder-1.5b-iq3_xxs-imat.gguf", False),
    ("Llama-3.2-1B-Instruct-Q4_K_M.gguf", False),
]


@pytest.mark.parametrize(("name", "companion"), COMPANIONS)
def test_what_is_no_model_of_its_own(name: str, companion: bool) -> None:
    assert is_companion(f"folder/{name}") is companion


def files(*names: str, size: int = GB) -> list[RepoFile]:
    return [RepoFile(name, size + 10 * number) for number, name in enumerate(names)]


def test_split_parts_are_one_variant_in_order() -> None:
    found = group_variants(
        "a/b",
        files(
            "Q4_K_M/X-Q4_K_M-00002-of-00002.gguf",
            "Q4_K_M/X-Q4_K_M-00001-of-00002.gguf",
            "grok-1-IQ3_XS-split-00001-of-00001.gguf",
            "README.md",
        ),
    )
    assert [variant.label for variant in found] == ["IQ3_XS", "Q4_K_M"]
    assert found[1].size == 2 * GB + 10
    assert found[1].files[0].path.endswith("00001-of-00002.gguf")


def test_a_split_model_with_a_part_missing_is_not_offered() -> None:
    names = ["X-Q8_0-00001-of-00003.gguf", "X-Q8_0-00003-of-00003.gguf", "X-Q4_0.gguf"]
    assert [variant.label for variant in group_variants("a/b", files(*names))] == ["Q4_0"]


def test_pieces_cut_byte_by_byte_are_no_models() -> None:
    assert group_variants("a/b", files("X.Q8_0.gguf.part1of2", "X.Q8_0.gguf.part2of2")) == ()


def test_the_folder_tells_the_label_where_the_file_is_silent() -> None:
    found = group_variants("a/b", files("UD-Q3_K_XL/model.gguf", "nameless.gguf"))
    assert [variant.label for variant in found] == ["UD-Q3_K_XL", "other"]
    assert found[1].quantization == ""
    assert (found[1].quality, found[1].bits) == (0, None)


def test_the_nearest_projector_goes_with_a_model() -> None:
    found = group_variants(
        "a/b",
        files("X-Q4_K_M.gguf", "X-Q8_0.gguf", "mmproj-F16.gguf", "mmproj-Q8_0.gguf", "mtp-X.gguf")
        + files("sub/X-Q6_K.gguf", "sub/mmproj-BF16.gguf"),
    )
    projectors = {variant.label: [each.path for each in variant.companions] for variant in found}
    assert projectors == {
        "Q4_K_M": ["mmproj-Q8_0.gguf"],
        "Q8_0": ["mmproj-Q8_0.gguf"],
        "Q6_K": ["sub/mmproj-BF16.gguf"],
    }


@pytest.mark.parametrize(
    ("label", "quality", "words"),
    [
        ("IQ1_S", 1, "Severe loss"),
        ("Q2_K", 1, "Large loss"),
        ("Q3_K_M", 2, "Noticeable loss"),
        ("Q4_K_M", 3, "Good balance"),
        ("UD-Q4_K_XL", 3, "Good balance"),
        ("Q5_K_M", 4, "Very close"),
        ("Q6_K", 4, "Hard to tell apart"),
        ("Q6_K_L", 4, "Hard to tell apart"),
        ("Q8_0", 5, "As the original"),
        ("Q8_K_XL", 5, "As the original"),
        ("F16", 5, "The original"),
        ("BF16", 5, "The original"),
        ("TQ1_0", 0, "Unknown"),
    ],
)
def test_quality_in_words(label: str, quality: int, words: str) -> None:
    (found,) = group_variants("a/b", files(f"X-{label}.gguf"))
    assert (found.quality, found.quality_text) == (quality, words)


def test_models_made_for_their_type_lose_nothing_by_it() -> None:
    (native,) = group_variants("ggml-org/gpt-oss-20b-GGUF", files("gpt-oss-20b-MXFP4.gguf"))
    assert native.quality_text == "The original"
    (trained,) = group_variants("a/b", files("gemma-3-4b-it-qat-Q4_0.gguf"))
    (plain,) = group_variants("a/b", files("gemma-3-4b-it-Q4_0.gguf"))
    assert trained.quality > plain.quality


MLX_FILES = [
    "config.json",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "preprocessor_config.json",
    "modeling_custom.py",
    "tokenizer_helper.py",
    "pytorch_model.bin",
    "README.md",
    "original/model.safetensors",
]


def test_an_mlx_repository_is_one_variant_without_code() -> None:
    (found,) = group_variants("mlx-community/X-4bit", files(*MLX_FILES), {})
    assert (found.format, found.label, found.bits, found.quality) == ("mlx", "4bit", 4.0, 3)
    assert [file.path for file in found.files] == MLX_FILES[:9]


@pytest.mark.parametrize(
    ("repo", "config", "label"),
    [
        ("mlx-community/Qwen3-Embedding-0.6B-4bit-DWQ", {}, "4bit-DWQ"),
        ("mlx-community/X-bf16", {}, "bf16"),
        ("mlx-community/gpt-oss-20b-MXFP4-Q8", {}, "MXFP4-Q8"),
        ("mlx-community/NVIDIA-Nemotron-Nano-9B-v2-4bits", {}, "4bit"),
        ("someone/X", {"quantization": {"bits": 6, "group_size": 64}}, "6bit"),
        ("mlx-community/X", {}, "other"),
    ],
)
def test_the_label_of_an_mlx_repository(repo: str, config: dict[str, object], label: str) -> None:
    (found,) = group_variants(repo, files("config.json", "model.safetensors"), config)
    assert found.label == label


def test_a_plain_safetensors_repository_is_no_mlx_model() -> None:
    names = files("config.json", "model.safetensors")
    assert group_variants("meta-llama/Llama-3.1-8B-Instruct", names, {"torch_dtype": "x"}) == ()
    assert group_variants("mlx-community/X-4bit", files("config.json"), {}) == ()


def _choice(free: float, *sizes: tuple[str, float], gpu: bool = True) -> str | None:
    """What is recommended of variants that need their size, with so much memory free.

    It is a graphics card's, or with `gpu` False the main memory.
    """
    variants = [
        Variant(label, label, "gguf", (RepoFile(f"{label}.gguf", 0),), int(size * GB))
        for label, size in sizes
    ]

    def verdict(variant: Variant) -> FitVerdict:
        share = variant.size / GB / free
        fit = Fit.FITS if share <= 0.85 else Fit.TIGHT if share <= 1 else Fit.TOO_LARGE
        room = int(free * GB)
        return FitVerdict(fit=fit, need=variant.size, free=room, total=room, gpu=gpu)

    chosen = recommended(variants, verdict)
    return chosen.label if chosen else None


LLAMA_8B = (
    ("Q2_K", 4.5), ("Q3_K_M", 5.6), ("IQ4_XS", 6.0), ("Q4_K_S", 6.3), ("Q4_K_M", 6.5),
    ("Q5_K_M", 7.3), ("Q6_K", 8.2), ("Q8_0", 10.1), ("F16", 17.7),
)  # fmt: skip


@pytest.mark.parametrize(
    ("free", "expected"),
    [
        (11.8, "Q4_K_M"),
        (7.5, "Q4_K_S"),
        (7.1, "IQ4_XS"),
        (6.9, "Q3_K_M"),
        (5.5, "Q2_K"),
        (4.6, "Q2_K"),
        (4.0, None),
        (22.0, "Q5_K_M"),
        (25.0, "Q6_K"),
        (64.0, "Q8_0"),
    ],
)
def test_the_recommended_variant(free: float, expected: str | None) -> None:
    assert _choice(free, *LLAMA_8B) == expected


@pytest.mark.parametrize("free", [11.8, 22.0, 64.0])
def test_ample_main_memory_makes_no_slower_variant_the_recommended_one(free: float) -> None:
    assert _choice(free, *LLAMA_8B, gpu=False) == "Q4_K_M"


def test_the_order_of_good_four_bit_types() -> None:
    assert _choice(20, ("UD-Q4_K_XL", 10), ("Q4_K_S", 9), ("Q4_0", 9)) == "UD-Q4_K_XL"
    assert _choice(20, ("MXFP4_MOE", 12), ("Q8_0", 13)) == "MXFP4_MOE"
    assert _choice(20, ("Q8_0", 3), ("F16", 6)) == "Q8_0"
    assert _choice(20, ("BF16", 6)) == "BF16"
    assert _choice(20) is None
