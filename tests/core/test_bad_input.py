"""Files, templates and names that lie or attack: each meets a clear sentence, and all goes on.

The parts are tested one by one elsewhere; here they come the way a person would bring them in.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.core.chat import ChatService
from app.core.conversation_store import ConversationStore
from app.core.download_state import DownloadRequest
from app.core.downloads import DownloadManager
from app.core.engine_errors import refusal
from app.core.errors import AppError, DownloadError, ModelError
from app.core.hub import HubClient
from app.core.library import ModelLibrary
from app.core.library_types import LocalModel
from app.core.paths import app_paths
from app.core.presets import PresetStore
from app.core.runtime import ModelRuntime
from app.core.settings import SettingsStore
from backends.errors import BackendError
from backends.types import Delta, LoadConfig
from tests.backends.llamacpp import tiny_gguf
from tests.backends.scripts import ask
from tests.core.broken_gguf import BROKEN, Broken, tiny_model
from tests.hub.server import LocalHub
from tests.timing import PATIENCE

SMALL = LoadConfig(context_length=512, threads=1)
SOON = PATIENCE
"""Seconds until a refusal, on a busy machine."""


def local(path: Path) -> LocalModel:
    size = path.stat().st_size
    return LocalModel(id=path.stem, name=path.stem, path=path, files=(path,), size=size)


def check_words(error: AppError) -> None:
    """A title without full stop, a sentence, and something that the person can do."""
    assert error.title
    assert not error.title.endswith(".")
    assert error.message.endswith((".", "”"))
    assert error.hint.endswith(".")
    for text in (error.title, error.message, error.hint):
        assert "Traceback" not in text
        assert all(character.isprintable() for character in text)


def engines() -> list[psutil.Process]:
    """Engine children of this process; other tests may have servers of their own."""
    children = psutil.Process().children()
    return [child for child in children if "--engine-host" in child.cmdline()]


@pytest.fixture
def settings() -> SettingsStore:
    return SettingsStore(app_paths().settings_file)


@pytest.fixture
def runtime(settings: SettingsStore) -> Iterator[ModelRuntime]:
    runtime = ModelRuntime(settings)
    yield runtime
    runtime.close()


# Broken model files


@pytest.fixture(scope="module")
def shared_runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelRuntime]:
    """One runtime for all broken files: each must leave it as good as it was."""
    folder = tmp_path_factory.mktemp("runtime")
    runtime = ModelRuntime(SettingsStore(folder / "settings.json"))
    yield runtime
    runtime.close()


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_a_broken_file_is_refused_in_words_before_an_engine_starts(
    shared_runtime: ModelRuntime, broken: Broken, tmp_path: Path
) -> None:
    began: list[str] = []
    stop = shared_runtime.changed.connect(began.append)
    with pytest.raises(ModelError) as caught:
        shared_runtime.load(local(broken.write(tmp_path)), SMALL)
    stop()
    assert isinstance(caught.value, broken.error)
    assert broken.words in f"{caught.value.title} {caught.value.message}"
    check_words(caught.value)
    assert began == []
    assert shared_runtime.loaded() == ()
    assert engines() == []


@pytest.mark.engine
def test_after_all_of_them_a_good_model_loads_and_answers(
    shared_runtime: ModelRuntime, tmp_path: Path
) -> None:
    for broken in BROKEN:
        with pytest.raises(ModelError):
            shared_runtime.load(local(broken.write(tmp_path)), SMALL)
    path = tmp_path / "good.gguf"
    path.write_bytes(tiny_model().data())
    loaded = shared_runtime.load(local(path), SMALL)
    events = list(loaded.engine.generate(ask("Hello", max_tokens=5)))
    assert any(isinstance(event, Delta) for event in events)
    shared_runtime.eject(loaded.model.id)
    assert engines() == []


@pytest.mark.engine
def test_forcing_does_not_get_a_broken_file_past_the_check(
    runtime: ModelRuntime, tmp_path: Path
) -> None:
    for broken in BROKEN[::8]:
        with pytest.raises(broken.error):
            runtime.load(local(broken.write(tmp_path)), SMALL, force=True)
    assert engines() == []


@pytest.mark.engine
def test_a_header_that_is_fine_over_weights_that_are_not(
    runtime: ModelRuntime, starter_file: Path, tmp_path: Path
) -> None:
    """Nothing but the numbers are wrong: it must load and speak nonsense, or fail in words."""
    data = bytearray(starter_file.read_bytes())
    for place in range(len(data) - 60_000_000, len(data), 1000):
        data[place : place + 4] = b"\xff\xff\xff\xff"
    path = tmp_path / "noise.gguf"
    path.write_bytes(data)
    try:
        loaded = runtime.load(local(path), SMALL)
        list(loaded.engine.generate(ask("Hello", max_tokens=5)))
    except AppError as error:
        check_words(error)
    except BackendError as error:  # what the chat puts into words by `refusal`
        check_words(refusal(error))
    runtime.eject("noise")
    assert engines() == []


# Hostile chat templates

LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}"
HOSTILE_TEMPLATES = {
    "nested loops": f"{LOOP}{{% endfor %}}{{% endfor %}}{{% endfor %}}",
    "printing loops": f"{LOOP}x{{% endfor %}}{{% endfor %}}{{% endfor %}}",
    "a huge string": "{{ 'x' * 10**11 }}",
    "a string that doubles": "{% set n = namespace(s='x') %}{% for i in range(60) %}"
    "{% set n.s = n.s ~ n.s %}{% endfor %}{{ n.s }}",
    "a wide format": "{{ '%10000000000d' % 1 }}",
    "a huge number": "{{ 9 ** (9 ** 9) }}",
    "a list without end": "{{ range(10**10) | list | length }}",
    "a way out by attributes": "{{ ().__class__.__base__.__subclasses__() }}",
    "a way out by a filter": "{{ ''|attr('__class__')|attr('mro') }}",
    "a way out by globals": "{{ raise_exception.__globals__['os'].system('true') }}",
    "a way out by format": "{{ '{0.__class__.__mro__}'.format('') }}",
    "recursion": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "an exception of its own": "{{ raise_exception('Pay me first') }}",
    "a file": "{% include '/etc/passwd' %}",
}


@pytest.mark.engine
@pytest.mark.parametrize("template", HOSTILE_TEMPLATES.values(), ids=HOSTILE_TEMPLATES)
def test_a_hostile_template_is_stopped_and_the_program_goes_on(
    runtime: ModelRuntime, settings: SettingsStore, template: str, tmp_path: Path
) -> None:
    bad = local(tiny_gguf.write(tmp_path / "bad.gguf", template))
    store = ConversationStore(app_paths().conversations)
    presets = PresetStore(app_paths().presets_dir)
    chat = ChatService(store, runtime, presets, settings)
    began = time.monotonic()
    try:
        conversation = store.create(preset_id="blank", model_id=bad.id)
        runtime.load(bad, SMALL)
        run = chat.send(conversation.id, "Hello")
        with pytest.raises(ModelError) as caught:
            list(run.events())
        assert time.monotonic() - began < SOON
        check_words(caught.value)
        assert "template" in f"{caught.value.title} {caught.value.message}"
        check_alive(runtime, bad)
    finally:
        store.close()
    good = local(tiny_gguf.write(tmp_path / "good.gguf", "{{ messages[-1].content }}"))
    loaded = runtime.load(good, SMALL)
    assert list(loaded.engine.generate(ask("Hello", max_tokens=3)))


def check_alive(runtime: ModelRuntime, model: LocalModel) -> None:
    """The engine that met the template was not brought down by it."""
    loaded = runtime.get(model.id)
    if loaded is not None:
        assert loaded.state == "ready"
        stats = loaded.engine.stats()
        assert stats.resident_bytes < 1_500_000_000


@pytest.mark.engine
def test_a_template_that_cannot_be_read_gives_way_to_a_standard_form(
    runtime: ModelRuntime, tmp_path: Path
) -> None:
    model = local(tiny_gguf.write(tmp_path / "bad.gguf", "{% for message in messages %}"))
    loaded = runtime.load(model, SMALL)
    assert any(isinstance(each, Delta) for each in loaded.engine.generate(ask("Hi", max_tokens=3)))


# Hostile names from the hub

HOSTILE_NAMES = (
    "../outside.gguf",
    "../../../../outside.gguf",
    "..\\outside.gguf",
    "/outside.gguf",
    "C:\\outside.gguf",
    "C:outside.gguf",
    "model\0.gguf",
    "model\n.gguf",
    "model\u202efugg.gguf",
    "CON.gguf",
    "nul.gguf",
    "folder/aux.gguf",
    "COM1.gguf",
    "model.gguf ",
    "model.gguf.",
    "model.gguf:stream",
    ".hidden.gguf",
    "x" * 300 + ".gguf",
    "model.gguf.part.json",
    "model.gguf/../../outside.gguf",
)


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_a_hostile_name_from_the_hub_is_never_written(
    name: str, settings: SettingsStore, tmp_path: Path
) -> None:
    paths = app_paths()
    library = ModelLibrary(paths, settings)
    with LocalHub() as hub:
        hub.add("owner/name", {name: tiny_model().data(), "README.md": b"# Hello"})
        env = {"HF_ENDPOINT": hub.url}
        client = HubClient(settings, paths, env)
        manager = DownloadManager(paths, settings, library, env=env)
        manager.start()
        try:
            detail = client.detail("owner/name")
            everything = [variant.files for variant in detail.variants] + [detail.files]
            for files in everything:
                request = DownloadRequest("owner/name", detail.model.sha or "main", "x", "", files)
                with pytest.raises(DownloadError) as caught:
                    manager.add(request)
                check_words(caught.value)
            assert manager.items() == ()
        finally:
            manager.close()
            client.close()
    assert not [path for path in tmp_path.rglob("*") if "outside" in path.name]
    assert not paths.models.exists() or not list(paths.models.rglob("*"))
    assert library.scan() == () or all(model.source == "starter" for model in library.models())
