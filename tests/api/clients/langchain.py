"""What LangChain's client of Ollama offers, asked of a running server: ADDRESS MODEL."""

import importlib
import sys
from typing import Any

package: Any = importlib.import_module("langchain_ollama")

SCHEMA = {
    "title": "age",
    "type": "object",
    "properties": {"age": {"type": "integer"}},
    "required": ["age"],
}


def main(address: str, model: str) -> None:
    """Ask for a chat, its stream, JSON, a text and vectors."""
    chat = package.ChatOllama(
        model=model, base_url=address, temperature=0, num_predict=8, keep_alive="5m"
    )
    answer = chat.invoke("Say hi")
    assert answer.content
    assert answer.response_metadata["done_reason"] == "length"
    assert answer.usage_metadata["output_tokens"] == 8
    assert "".join(piece.content for piece in chat.stream("Say hi")) == answer.content
    strict = package.ChatOllama(model=model, base_url=address, temperature=0, num_predict=40)
    told = strict.with_structured_output(SCHEMA, method="json_schema").invoke("Ada is 36.")
    assert isinstance(told, dict)
    assert isinstance(told["age"], int)
    assert package.OllamaLLM(model=model, base_url=address, num_predict=6).invoke("Say hi")
    embeddings = package.OllamaEmbeddings(model=model, base_url=address, keep_alive=0)
    assert [len(vector) for vector in embeddings.embed_documents(["a", "b"])] == [576, 576]
    print("all is well")


if __name__ == "__main__":
    main(*sys.argv[1:])
