"""`/metrics`, and what the request log keeps of prompts."""

from tests.api.serving import Serving

ASKED = {"messages": [{"role": "user", "content": "a secret question"}]}


def ask(serving: Serving, model: str) -> None:
    with serving.client() as client:
        answer = client.post("/v1/chat/completions", json={"model": model, **ASKED})
        assert answer.status_code == 200


def figures(serving: Serving) -> dict[str, float]:
    with serving.client() as client:
        answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_figures_are_off_until_somebody_wants_them(alone: Serving) -> None:
    with alone.client() as client:
        assert client.get("/metrics").status_code == 404
        alone.change(metrics=True)
        assert client.get("/metrics").status_code == 200
        alone.change(require_token=True)
        assert client.get("/metrics").status_code == 401


def test_figures_add_up(alone: Serving) -> None:
    alone.change(metrics=True)
    model = alone.scripted(text="four words of text", tokens=4)
    for _ in range(2):
        ask(alone, model)
    with alone.client() as client:
        client.post("/v1/chat/completions", json={"model": "none", **ASKED})
    alone.ended(lambda record: record.status == 404)
    found = figures(alone)
    assert found['corral_requests_total{dialect="openai",status="200"}'] == 2
    assert found['corral_requests_total{dialect="openai",status="404"}'] == 1
    assert found['corral_tokens_total{dialect="openai",kind="completion"}'] == 8
    assert found['corral_tokens_total{dialect="openai",kind="prompt"}'] > 0
    assert found['corral_request_seconds_total{dialect="openai"}'] > 0
    assert found[f'corral_requests_running{{model="{model}"}}'] == 0
    assert found[f'corral_requests_waiting{{model="{model}"}}'] == 0
    assert found["corral_models_loaded"] == 1


def test_an_answer_that_goes_on_without_its_client_is_one_request(alone: Serving) -> None:
    alone.change(metrics=True)
    model = alone.scripted(tokens=40, tokens_per_second=40)
    with alone.client() as client:
        chat = client.post("/corral/v1/chats", json={"model": model}).json()["id"]
        url = f"/corral/v1/chats/{chat}"
        with client.stream("POST", f"{url}/messages", json={"text": "a b c"}) as answer:
            next(line for line in answer.iter_lines() if '"text"' in line)
        alone.ended(lambda record: record.status == 499)
        with client.stream("GET", f"{url}/answer") as answer:
            list(answer.iter_lines())
    found = figures(alone)
    assert found['corral_requests_total{dialect="corral",status="499"}'] == 1
    assert found['corral_tokens_total{dialect="corral",kind="completion"}'] == 40
    assert found['corral_request_seconds_total{dialect="corral"}'] < 30


def test_the_log_keeps_what_was_asked_only_where_that_is_wanted(alone: Serving) -> None:
    model = alone.scripted(text="a secret answer")
    ask(alone, model)
    record = alone.ended(lambda each: each.status == 200)
    assert (record.asked, record.answered) == ("", "")
    assert "secret" not in repr(alone.parts.log.records())
    alone.change(log_prompts=True)
    ask(alone, model)
    record = alone.ended(lambda each: each.number > record.number and each.status == 200)
    assert record.asked == "user: a secret question"
    assert record.answered == "a secret answer"


def test_tokens_of_several_answers_are_counted_together(alone: Serving) -> None:
    model = alone.scripted(text="four words of text", tokens=4)
    with alone.client() as client:
        body = {"model": model, "n": 3, **ASKED}
        assert client.post("/v1/chat/completions", json=body).status_code == 200
    assert alone.ended(lambda each: each.status == 200).completion_tokens == 12
