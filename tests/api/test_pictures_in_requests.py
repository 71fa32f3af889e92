"""Pictures in each dialect, as each official client sends them, before a model that can see."""

import base64
from collections.abc import Iterator

import anthropic
import openai
import pytest
from openai.types.chat import ChatCompletionContentPartParam

from app.core.paths import app_paths
from tests.api.serving import Serving, serving, starter_file
from tests.backends.llamacpp import tiny_projector
from tests.backends.llamacpp.pictures import png

DATA = base64.b64encode(png(0)).decode()
URL = f"data:image/png;base64,{DATA}"


@pytest.fixture(scope="module")
def sighted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    paths = app_paths({"CORRAL_HOME": str(tmp_path_factory.mktemp("sighted"))})
    folder = paths.models / "someone" / "SmolSees-GGUF"
    folder.mkdir(parents=True)
    (folder / "SmolSees-Q4_1.gguf").symlink_to(starter_file())
    tiny_projector.write(folder / "mmproj-f16.gguf")
    with serving(paths) as running:
        running.warm(seeing(running))
        yield running


def seeing(server: Serving) -> str:
    """Id of the model that sees."""
    return next(m.id for m in server.parts.library.models() if "SmolSees" in m.id)


def test_openai_s_chat_shows_pictures(sighted: Serving) -> None:
    client = openai.OpenAI(base_url=f"{sighted.url}/v1", api_key="any", max_retries=0)

    def tokens(*, picture: bool) -> int:
        content: list[ChatCompletionContentPartParam] = [{"type": "text", "text": "What is this?"}]
        if picture:
            content.append({"type": "image_url", "image_url": {"url": URL, "detail": "low"}})
        answer = client.chat.completions.create(
            model=seeing(sighted),
            max_tokens=1,
            messages=[{"role": "user", "content": content}],
        )
        assert answer.usage is not None
        return answer.usage.prompt_tokens

    assert tokens(picture=True) == tokens(picture=False) + tiny_projector.TOKENS


def test_responses_show_pictures_and_keep_them(sighted: Serving) -> None:
    client = openai.OpenAI(base_url=f"{sighted.url}/v1", api_key="any", max_retries=0)
    first = client.responses.create(
        model=seeing(sighted),
        max_output_tokens=16,
        input=[
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "What is this?"},
                    {"type": "input_image", "image_url": URL, "detail": "auto"},
                ],
            }
        ],
    )
    plain = client.responses.create(
        model=seeing(sighted), max_output_tokens=16, input="What is this?"
    )
    assert first.usage is not None
    assert plain.usage is not None
    assert first.usage.input_tokens == plain.usage.input_tokens + tiny_projector.TOKENS
    again = client.responses.create(
        model=seeing(sighted),
        max_output_tokens=16,
        input="Sure?",
        previous_response_id=first.id,
    )
    assert again.usage is not None
    assert again.usage.input_tokens > first.usage.input_tokens


def test_anthropic_s_messages_show_pictures_and_count_them(sighted: Serving) -> None:
    client = anthropic.Anthropic(base_url=sighted.url, api_key="any", max_retries=0)
    picture: anthropic.types.ImageBlockParam = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": DATA},
    }
    words: anthropic.types.TextBlockParam = {"type": "text", "text": "What is this?"}

    def count(*blocks: anthropic.types.ImageBlockParam | anthropic.types.TextBlockParam) -> int:
        return client.messages.count_tokens(
            model=seeing(sighted), messages=[{"role": "user", "content": blocks}]
        ).input_tokens

    assert count(picture, words) == count(words) + tiny_projector.TOKENS
    answer = client.messages.create(
        model=seeing(sighted),
        max_tokens=1,
        messages=[
            {"role": "user", "content": "Look"},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "t1", "name": "shot", "input": {}}],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [picture]}],
            },
        ],
        tools=[{"name": "shot", "input_schema": {"type": "object"}}],
    )
    assert answer.usage.input_tokens > tiny_projector.TOKENS


def test_what_is_no_picture_is_refused(sighted: Serving) -> None:
    client = openai.OpenAI(base_url=f"{sighted.url}/v1", api_key="any", max_retries=0)
    for url in ("data:image/png;base64,AAAA", "data:image/png;base64,***", "http://x/y.png"):
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(
                model=seeing(sighted),
                messages=[
                    {
                        "role": "user",
                        "content": [{"type": "image_url", "image_url": {"url": url}}],
                    }
                ],
            )
