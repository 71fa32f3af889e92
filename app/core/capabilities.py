"""What a model can do, as far as tags, names and chat templates tell."""

import re

from app.core.hub import HubModel

CAPABILITIES = ("reasoning", "tools", "vision", "languages", "code", "safety", "embeddings")
"""All there are, in the order in which lists show them."""

_PIPELINES = {
    "image-text-to-text": "vision",
    "any-to-any": "vision",
    "feature-extraction": "embeddings",
    "sentence-similarity": "embeddings",
}
_TAGS = {
    "function-calling": "tools",
    "function calling": "tools",
    "tool-use": "tools",
    "tool-calling": "tools",
    "tools": "tools",
    "reasoning": "reasoning",
    "thinking": "reasoning",
    "code": "code",
    "coding": "code",
    "vision": "vision",
    "multimodal": "vision",
    "embedding": "embeddings",
    "embeddings": "embeddings",
    "moderation": "safety",
    "guardrails": "safety",
}
_NAMES = (
    (re.compile(r"coder|codestral|devstral"), "code"),
    (re.compile(r"(^|[-_])(guard|shieldgemma|safeguard)([-_]|$)|llama-?guard"), "safety"),
    (re.compile(r"embed"), "embeddings"),
    (re.compile(r"(^|[-_.])(vl|vision)([-_.]|$)"), "vision"),
    (re.compile(r"(^|[-_])(thinking|reasoning|r1)([-_]|$)"), "reasoning"),
)
_CODES = (
    "aa ab af ak am ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cv cy da de dv "
    "dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia "
    "id ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo "
    "lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi "
    "pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th "
    "ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
_LANGUAGES = frozenset(_CODES.split())
"""ISO 639-1, which the hub uses as tags."""


def capabilities_of(model: HubModel, chat_template: str = "") -> frozenset[str]:
    """What a repository's tags and name, and its template if it is known, say that it can do."""
    tags = {tag.lower() for tag in model.tags}
    found = {_TAGS[tag] for tag in tags if tag in _TAGS}
    if model.pipeline in _PIPELINES:
        found.add(_PIPELINES[model.pipeline])
    name = model.repo.partition("/")[2].lower()
    found |= {capability for pattern, capability in _NAMES if pattern.search(name)}
    found |= in_template(chat_template)
    if "multilingual" in tags or len(languages_of(model)) > 1:
        found.add("languages")
    return frozenset(found)


def in_template(chat_template: str) -> frozenset[str]:
    """What a chat template provides for: "tools", "reasoning"."""
    can = {
        "tools": re.search(r"\btools\b", chat_template) is not None,
        "reasoning": "<think>" in chat_template or "enable_thinking" in chat_template,
    }
    return frozenset(name for name, known in can.items() if known)


def languages_of(model: HubModel) -> tuple[str, ...]:
    """The languages of a repository's tags, as ISO 639-1 codes."""
    return tuple(dict.fromkeys(tag for tag in model.tags if tag in _LANGUAGES))
