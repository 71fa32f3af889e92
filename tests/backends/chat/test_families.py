"""Families of chat formats are told apart by their templates."""

import pytest

from backends.chat.families import THINK, detect
from backends.chat.reasoning import ReasoningMarkers
from backends.chat.template import CHATML
from tests.backends.chat import templates

FAMILIES = {
    "Apertus-8B-Instruct": ("apertus", "apertus", "<|inner_prefix|>"),
    "Apriel-1.6-15b-Thinker-fixed": ("apriel", "json", "Here are my reasoning steps:"),
    "Bielik-11B-v3.0-Instruct": ("qwen-3", "hermes", "<think>"),
    "ByteDance-Seed-OSS": ("seed-oss", "seed_xml", "<seed:think>"),
    "Cohere2MoE": ("cohere-2", "command_r7b", "<|START_THINKING|>"),
    "CohereForAI-c4ai-command-r-plus-tool_use": ("command-r", "command_r", None),
    "CohereForAI-c4ai-command-r7b-12-2024-tool_use": (
        "command-a",
        "command_r7b",
        "<|START_THINKING|>",
    ),
    "GLM-4.6": ("glm-4", "arg_key", "<think>"),
    "GLM-4.7-Flash": ("glm-4", "arg_key", "<think>"),
    "GigaChat3-10B-A1.8B": ("gigachat-3", "gigachat", None),
    "GigaChat3.1-10B-A1.8B": ("gigachat-3", "gigachat", None),
    "HuggingFaceTB-SmolLM3-3B": ("smollm-3", "hermes", "<think>"),
    "Kimi-K2-Instruct": ("kimi-k2", "kimi_k2", None),
    "Kimi-K2-Thinking": ("kimi-k2", "kimi_k2", "<think>"),
    "Kimi-K3": ("kimi-k3", "kimi_k3", "<|open|>think<|sep|>"),
    "LFM2-8B-A1B": ("lfm-2", "lfm2", None),
    "LFM2.5-8B-A1B": ("lfm-2", "lfm2", "<think>"),
    "LFM2.5-Instruct": ("lfm-2", "lfm2", "<think>"),
    "MiMo-VL": ("hermes", "hermes", None),
    "MiniMax-M1": ("minimax-m1", "minimax_json", None),
    "MiniMax-M2": ("minimax-m2", "minimax_xml", "<think>"),
    "MiniMax-M3": ("minimax-m3", "minimax_m3", "<mm:think>"),
    "Mistral-Small-3.2-24B-Instruct-2506": ("mistral-v13", "mistral_args", None),
    "NVIDIA-Nemotron-3-Nano-30B-A3B-BF16": ("nemotron-3", "functions_xml", "<think>"),
    "NVIDIA-Nemotron-Nano-v2": ("nemotron-2", "nemotron2", "<think>"),
    "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use": ("hermes", "hermes", None),
    "NousResearch-Hermes-3-Llama-3.1-8B-tool_use": ("hermes", "hermes", None),
    "Qwen-QwQ-32B": ("qwen-3", "hermes", "<think>"),
    "Qwen-Qwen2.5-7B-Instruct": ("hermes", "hermes", None),
    "Qwen-Qwen3-0.6B": ("qwen-3", "hermes", "<think>"),
    "Qwen3-Coder": ("qwen-coder", "functions_xml", None),
    "Qwen3.5-4B": ("qwen-3.5", "functions_xml", "<think>"),
    "Reka-Edge": ("hermes", "hermes", "<think>"),
    "Spark2.5": ("glm-like", "arg_key", "<think>"),
    "StepFun3.5-Flash": ("qwen-coder", "functions_xml", "<think>"),
    "deepseek-ai-DeepSeek-R1-Distill-Llama-8B": ("deepseek-v3", "deepseek_v3", "<think>"),
    "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B": ("deepseek-v3", "deepseek_v3", "<think>"),
    "deepseek-ai-DeepSeek-V3.1": ("deepseek-v3.1", "deepseek_v31", "<think>"),
    "deepseek-ai-DeepSeek-V3.2": ("deepseek-v3.2", "dsml", "<think>"),
    "deepseek-ai-DeepSeek-V4-Flash-0731": ("deepseek-v3.2", "dsml", "<think>"),
    "deepseek-ai-DeepSeek-V4": ("deepseek-v3.2", "dsml", "<think>"),
    "fireworks-ai-llama-3-firefunction-v2": ("firefunction", "phi_functools", None),
    "google-gemma-2-2b-it": ("gemma-2", "json", None),
    "google-gemma-4-31B-it-interleaved": ("gemma-4", "gemma4", "<|channel>thought"),
    "google-gemma-4-31B-it": ("gemma-4", "gemma4", "<|channel>thought"),
    "ibm-granite-granite-3.3-2B-Instruct": ("granite-3", "granite3", "<think>"),
    "ibm-granite-granite-4.0": ("granite-4", "hermes", None),
    "ibm-granite-granite-4.1": ("granite-4", "hermes", None),
    "inclusionai-ling-3.0-flash": ("glm-like", "arg_key", "<think>"),
    "llama-cpp-deepseek-r1": ("deepseek-v3", "deepseek_v3", "<think>"),
    "llama-cpp-rwkv-world": ("", "json", "<think>"),
    "meetkai-functionary-medium-v3.1": ("functionary-3.1", "functionary31", None),
    "meetkai-functionary-medium-v3.2": ("functionary-3.2", "functionary32", None),
    "meta-llama-Llama-3.1-8B-Instruct": ("llama-3.1", "llama3", None),
    "meta-llama-Llama-3.2-3B-Instruct": ("llama-3.1", "llama3", None),
    "meta-llama-Llama-3.3-70B-Instruct": ("llama-3.1", "llama3", None),
    "microsoft-Phi-3.5-mini-instruct": ("phi-3", "json", None),
    "mistralai-Ministral-3-14B-Reasoning-2512": ("mistral-v13", "mistral_args", "[THINK]"),
    "mistralai-Mistral-Nemo-Instruct-2407": ("mistral-v3", "mistral_json", None),
    "moonshotai-Kimi-K2": ("kimi-k2", "kimi_k2", None),
    "muse-glimmer": ("muse", "atem", " to=self<|message|>"),
    "openai-gpt-oss-120b": ("gpt-oss", "harmony", "<|channel|>analysis<|message|>"),
    "openbmb-MiniCPM5-1B": ("minicpm-5", "minicpm_xml", "<think>"),
    "poolside-Laguna-S-2.1": ("glm-like", "arg_key", "<think>"),
    "poolside-Laguna-XS-2.1": ("glm-like", "arg_key", "<think>"),
    "poolside-Laguna-XS.2": ("glm-like", "arg_key", "<think>"),
    "tencent-Hy3": ("hunyuan-3", "arg_key_hy3", "<think:opensource>"),
    "unsloth-Apriel-1.5": ("apriel", "json", None),
    "unsloth-mistral-Devstral-Small-2507": ("mistral-v13", "mistral_args", None),
    "upstage-Solar-Open-100B": ("solar", "solar", "<|think|>"),
}


def no_token(text: str) -> bool:
    return False


def test_all_templates_are_listed() -> None:
    assert sorted(FAMILIES) == templates.NAMES


@pytest.mark.parametrize("name", FAMILIES)
def test_the_family_of_a_template_is_found(name: str) -> None:
    found = detect(templates.read(name), no_token)
    opening = found.reasoning.open if found.reasoning else None
    assert (found.name, found.tool_style, opening) == FAMILIES[name]


@pytest.mark.parametrize(
    ("template", "name", "style"),
    [
        ("{{ '<|header_start|>' }}", "llama-4", "llama4"),
        ("<start_of_turn> <start_of_image>", "gemma-3", "json"),
        ("<start_of_turn> <start_function_call>call:", "functiongemma", "gemma_function"),
        ("[INST] <<SYS>>", "llama-2", "json"),
        ("[INST]", "mistral-v1", "json"),
        ("[SYSTEM_PROMPT] [INST] [TOOL_CALLS]", "mistral-v7", "mistral_json"),
        ("<|im_start|> <|im_sep|>", "phi-4", "json"),
        ("<|tool_call|>[]<|/tool_call|>", "phi-4-mini", "phi4_mini"),
        (CHATML, "chatml", "json"),
        ("{{ messages }}", "", "json"),
    ],
)
def test_families_without_a_template_at_hand_are_known(
    template: str, name: str, style: str
) -> None:
    found = detect(template, no_token)
    assert (found.name, found.tool_style) == (name, style)


def test_reasoning_markers_are_found_in_template_or_vocabulary() -> None:
    assert detect("x.split('</think>')", no_token).reasoning == THINK
    assert detect("", lambda text: text == "<think>").reasoning is None  # there is no close
    assert detect("", lambda text: "[THINK]" in text or "[/THINK]" in text).reasoning == (
        ReasoningMarkers("[THINK]", "[/THINK]")
    )
    assert detect("", no_token).reasoning is None
