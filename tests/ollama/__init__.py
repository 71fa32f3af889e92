"""Ollama's registry on loopback: Debian's docker-registry, and a small one of our own with faults.

with LocalRegistry() as registry:
    push(registry.url, "library/tiny", "1b", Image(model=..., system="Be brief."))
    ... CORRAL_OLLAMA_REGISTRY=registry.url ...
"""
