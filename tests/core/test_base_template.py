"""A template beside its base's: from the hub, remembered, and told apart by what changes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from app.core.base_template import (
    FRESH_SECONDS,
    BaseTemplates,
    Comparison,
    changes_between,
    fingerprint,
    known_fingerprints,
)
from app.core.catalogue import Catalogue
from app.core.errors import AccessError, HubError, OfflineError
from app.core.hub import HubClient
from app.core.library_types import LocalModel
from app.core.paths import app_paths
from app.core.seen_models import SeenModels
from app.core.settings import Network, SettingsStore
from backends.chat.template import CHATML
from tests.core.broken_gguf import STRING, tiny_model
from tests.core.model_stores import put
from tests.hub.server import LocalHub

REPO, BASE = "quantizer/Kind-1B-GGUF", "maker/Kind-1B"
ODD = CHATML.replace("message['content']", "message['content'] + '!'").replace(
    "message.content", "message.content ~ '!'"
)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1e9

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with LocalHub() as hub:
        hub.add(REPO, {"a.gguf": b"GGUF"}, tags=["gguf", f"base_model:quantized:{BASE}"])
        yield hub


@pytest.fixture
def settings(corral_home: Path) -> SettingsStore:
    return SettingsStore(app_paths().settings_file)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def templates(hub: LocalHub, settings: SettingsStore, clock: Clock) -> Iterator[BaseTemplates]:
    client = HubClient(settings, app_paths(), {"HF_ENDPOINT": hub.url})
    seen = SeenModels(app_paths().seen_models)
    yield BaseTemplates(client, seen, Catalogue(), app_paths().base_templates, clock)
    client.close()


def model(folder: Path, template: str = CHATML, repo: str | None = REPO) -> LocalModel:
    data = tiny_model().set("tokenizer.chat_template", STRING, template).data()
    path = put(folder / "Kind-1B-Q8_0.gguf", data)
    return LocalModel(id="a", name="Kind 1B", path=path, files=(path,), size=len(data), repo=repo)


def test_the_same_template_is_the_same_whatever_its_line_ends(
    hub: LocalHub, templates: BaseTemplates, tmp_path: Path
) -> None:
    dressed = CHATML.replace("\n", "\r\n") + "\n\n"
    hub.add(BASE, {"chat_template.jinja": dressed.encode()})
    found = templates.compare(model(tmp_path))
    assert found is not None
    assert (found.base, found.same, found.changes) == (BASE, True, "")


def test_another_template_is_told_with_what_it_changes(
    hub: LocalHub, templates: BaseTemplates, tmp_path: Path
) -> None:
    config = {"chat_template": CHATML, "bos_token": {"content": "<s>"}}
    hub.add(BASE, {"tokenizer_config.json": json.dumps(config).encode()})
    assert ODD != CHATML
    found = templates.compare(model(tmp_path, ODD))
    assert found is not None
    assert not found.same
    assert not found.same_sample
    assert any(line.startswith("+") and "!" in line for line in found.changes.splitlines())


def test_a_change_that_no_chat_shows_is_told_as_such(
    hub: LocalHub, templates: BaseTemplates, tmp_path: Path
) -> None:
    hub.add(BASE, {"chat_template.jinja": CHATML.encode()})
    found = templates.compare(model(tmp_path, "{# mended #}" + CHATML))
    assert found is not None
    assert not found.same
    assert found.same_sample


def test_another_system_prompt_of_its_own_is_a_change_that_shows(
    hub: LocalHub, templates: BaseTemplates, tmp_path: Path
) -> None:
    own = "{% if messages[0].role != 'system' %}Say that all is well.{% endif %}" + CHATML
    hub.add(BASE, {"chat_template.jinja": CHATML.encode()})
    found = templates.compare(model(tmp_path, own))
    assert found is not None
    assert not found.same_sample


def test_of_several_templates_the_default_is_meant(
    hub: LocalHub, templates: BaseTemplates, tmp_path: Path
) -> None:
    named = [{"name": "tool_use", "template": "x"}, {"name": "default", "template": CHATML}]
    config = json.dumps({"chat_template": named}).encode()
    hub.add(BASE, {"tokenizer_config.json": config})
    found = templates.compare(model(tmp_path))
    assert found is not None
    assert found.same


def test_a_base_without_a_template_is_told(
    hub: LocalHub, templates: BaseTemplates, tmp_path: Path
) -> None:
    hub.add(BASE, {"config.json": b"{}", "tokenizer_config.json": b"[1]"})
    found = templates.compare(model(tmp_path))
    assert found is not None
    assert found.no_template
    assert not found.same


def test_nothing_is_asked_where_no_base_is_known(
    hub: LocalHub, templates: BaseTemplates, tmp_path: Path
) -> None:
    hub.add("alone/Kind-GGUF", {"a.gguf": b"GGUF"}, tags=["gguf"])
    for repo in (None, "ollama.com/library/kind:1b", "alone/Kind-GGUF"):
        assert templates.compare(model(tmp_path, repo=repo)) is None


def test_the_list_that_ships_knows_bases_without_the_hub(
    templates: BaseTemplates, tmp_path: Path
) -> None:
    entry = next(each for each in Catalogue().entries() if each.base_repo)
    assert templates.base(model(tmp_path, repo=entry.gguf_repo)) == entry.base_repo


def test_what_the_hub_said_is_kept_and_asked_again_later(
    hub: LocalHub,
    templates: BaseTemplates,
    settings: SettingsStore,
    clock: Clock,
    tmp_path: Path,
) -> None:
    own = model(tmp_path)
    hub.add(BASE, {"chat_template.jinja": CHATML.encode()})
    assert templates.compare(own) is not None
    hub.add(BASE, {"chat_template.jinja": ODD.encode()})
    kept = templates.compare(own)
    assert kept is not None
    assert kept.same
    clock.now += FRESH_SECONDS + 1
    settings.update(network=Network(offline=True))
    kept = templates.compare(own)
    assert kept is not None
    assert kept.same, "an old answer is better than none"
    settings.update(network=Network())
    new = templates.compare(own)
    assert new is not None
    assert not new.same


def test_offline_and_never_asked_says_so(
    hub: LocalHub, templates: BaseTemplates, settings: SettingsStore, tmp_path: Path
) -> None:
    settings.update(network=replace(settings.current.network, offline=True))
    with pytest.raises(OfflineError):
        templates.compare(model(tmp_path))


def test_a_base_that_is_not_open_to_everybody_says_so(
    hub: LocalHub, templates: BaseTemplates, tmp_path: Path
) -> None:
    hub.add(BASE, {"chat_template.jinja": b"x"}, gated=True)
    with pytest.raises(AccessError, match="log in"):
        templates.compare(model(tmp_path))


def test_a_template_of_any_length_is_no_danger(
    hub: LocalHub, templates: BaseTemplates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.base_template.MOST_BYTES", 1000)
    hub.add(BASE, {"chat_template.jinja": b"x" * 5000})
    with pytest.raises(HubError, match="too large"):
        templates.compare(model(tmp_path))


def test_changes_show_what_is_around_them() -> None:
    base = "\n".join(f"line {number}" for number in range(9))
    assert changes_between(base, base + "  \n") == ""
    assert changes_between(base, base.replace("line 4", "odd")).splitlines() == [
        "@@ -3,5 +3,5 @@",
        " line 2",
        " line 3",
        "-line 4",
        "+odd",
        " line 5",
        " line 6",
    ]


# The list that ships


TEMPLATES = Path(__file__).parents[1] / "backends" / "chat" / "templates"


def test_the_list_holds_the_templates_it_was_made_from() -> None:
    for repo, prints in known_fingerprints().items():
        source = (TEMPLATES / f"{repo.replace('/', '-')}.jinja").read_text(encoding="utf-8")
        assert prints == (fingerprint(source),), repo


def test_what_the_hub_does_not_show_the_list_may_know(
    hub: LocalHub, templates: BaseTemplates, tmp_path: Path
) -> None:
    base = "meta-llama/Llama-3.1-8B-Instruct"
    hub.add(REPO, {"a.gguf": b"GGUF"}, tags=["gguf", f"base_model:quantized:{base}"])
    hub.add(base, {"chat_template.jinja": b"x"}, gated=True)
    source = (TEMPLATES / f"{base.replace('/', '-')}.jinja").read_text(encoding="utf-8")
    found = templates.compare(model(tmp_path, source.replace("\n", "\r\n")))
    assert found == Comparison(base, from_list=True)
    with pytest.raises(AccessError):
        templates.compare(model(tmp_path, source + "Buy now!"))
