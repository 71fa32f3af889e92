"""A model that Ollama's interface made with a system prompt has it in the other dialects too."""

import anthropic
import openai

from tests.api.serving import STARTER, Serving

SYSTEM = "You are Mario from a game about mushrooms, princesses and very large turtles. " * 4


def test_its_system_prompt_is_told_whoever_asks(alone: Serving) -> None:
    with alone.client() as http:
        made = http.post(
            "/api/create",
            json={"model": "mario", "from": STARTER, "system": SYSTEM, "stream": False},
        )
    assert made.status_code == 200, made.text
    chat = openai.OpenAI(base_url=f"{alone.url}/v1", api_key="any", max_retries=0)
    messages = anthropic.Anthropic(base_url=alone.url, api_key="any", max_retries=0)

    def tokens(model: str) -> list[int]:
        answer = chat.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "Hi"}], max_tokens=1
        )
        assert answer.usage is not None
        response = chat.responses.input_tokens.count(model=model, input="Hi")
        counted = messages.messages.count_tokens(
            model=model, messages=[{"role": "user", "content": "Hi"}]
        )
        return [answer.usage.prompt_tokens, response.input_tokens, counted.input_tokens]

    own, plain = tokens("mario"), tokens(STARTER)
    assert len(set(own)) == 1
    assert own[0] > plain[0] + 30
