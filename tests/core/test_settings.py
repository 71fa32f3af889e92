import json
import threading
from pathlib import Path

import msgspec
import pytest

from app.core import files
from app.core import settings as module
from app.core.errors import SettingsError, StorageError
from app.core.setting_names import change_setting
from app.core.settings import (
    VERSION,
    Appearance,
    Chat,
    Downloads,
    Engine,
    Models,
    Network,
    Server,
    Settings,
    SettingsStore,
    migrated,
)
from backends.types import LoadConfig


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.json"


def test_without_a_file_defaults_are_in_force_and_nothing_is_written(path: Path) -> None:
    store = SettingsStore(path)

    assert store.current == Settings()
    assert store.problem is None
    assert not path.exists()


def test_changes_survive_a_restart(path: Path) -> None:
    seen: list[Settings] = []
    store = SettingsStore(path)
    store.changed.connect(seen.append)
    store.update(
        appearance=Appearance(theme="dark", font_size=18),
        models=Models(extra_folders=("/m",), load={"a": LoadConfig(context_length=4096)}),
        engine=Engine(threads=3, default_load=LoadConfig(kv_type="q8_0")),
    )
    again = SettingsStore(path).current

    assert again == store.current == seen[-1]
    assert again.models.load["a"].context_length == 4096
    assert again.engine.default_load.kv_type == "q8_0"
    assert again.appearance.font_size == 18


@pytest.mark.parametrize("with_file", [False, True])
def test_what_holds_for_this_run_outlives_other_changes_and_stays_out_of_the_file(
    path: Path, with_file: bool
) -> None:
    if with_file:
        SettingsStore(path).update(appearance=Appearance(font_size=18))
    store = SettingsStore(path)
    store.override(server=Server(on=True, port=12_345))
    store.update(chat=Chat(terminal_history=False))
    assert (store.current.server.on, store.current.server.port) == (True, 12_345)
    assert SettingsStore(path).current.server == Server()
    store.update(server=msgspec.structs.replace(store.current.server, port=12_346))
    assert (store.current.server.on, store.current.server.port) == (True, 12_346)
    assert SettingsStore(path).current.server == Server(port=12_346)


def test_what_holds_for_this_run_is_written_where_it_is_meant(path: Path) -> None:
    store = SettingsStore(path)
    store.override(server=Server(on=True, port=12_345))
    change_setting(store, "server.queue", 7)
    assert SettingsStore(path).current.server == Server(queue=7)
    change_setting(store, "server.port", 12_345)
    assert SettingsStore(path).current.server == Server(port=12_345, queue=7)
    assert store.current.server == Server(on=True, port=12_345, queue=7)
    store.update(server=msgspec.structs.replace(store.current.server, queue=8))
    assert SettingsStore(path).current.server == Server(port=12_345, queue=8)


def test_two_programs_leave_each_others_changes_alone(path: Path) -> None:
    first, second = SettingsStore(path), SettingsStore(path)
    seen: list[Settings] = []
    second.changed.connect(seen.append)
    first.update(network=Network(offline=True), models=Models(folder="/m"))
    second.update(
        network=msgspec.structs.replace(second.current.network, endpoint="https://hub.example"),
        models=msgspec.structs.replace(second.current.models, starter_seen=True),
    )

    expected = Settings(
        network=Network(offline=True, endpoint="https://hub.example"),
        models=Models(folder="/m", starter_seen=True),
    )
    assert SettingsStore(path).current == second.current == seen[-1] == expected
    first.update(network=msgspec.structs.replace(first.current.network, offline=False))
    assert not SettingsStore(path).current.network.offline


def test_many_programs_at_once_lose_no_change(path: Path) -> None:
    sections: list[dict[str, msgspec.Struct]] = [
        {"appearance": Appearance(theme="dark")},
        {"models": Models(folder="/m")},
        {"engine": Engine(threads=3)},
        {"network": Network(offline=True)},
        {"chat": Chat(user_name="Ada")},
    ]
    stores = [SettingsStore(path) for _ in sections]
    threads = [
        threading.Thread(target=store.update, kwargs=section)
        for store, section in zip(stores, sections, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    current = SettingsStore(path).current
    assert [{name: getattr(current, name)} for [name] in sections] == sections


def test_a_file_that_another_program_spoiled_is_written_anew(path: Path) -> None:
    store = SettingsStore(path)
    store.update(chat=Chat(user_name="Ada"))
    path.write_bytes(b'{"network": 7}')
    store.update(appearance=Appearance(theme="dark"))

    again = SettingsStore(path)
    assert again.problem is None
    assert again.current == store.current
    assert again.current.chat.user_name == "Ada"


def test_a_lock_that_is_not_given_back_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_LOCK_PATIENCE", 0.05)
    store = SettingsStore(path)
    with files.locked(path), pytest.raises(StorageError, match="Another Corral"):
        store.update(chat=Chat(user_name="Ada"))
    assert store.current == Settings()


def test_setting_what_is_set_tells_nobody(path: Path) -> None:
    store = SettingsStore(path)
    seen: list[Settings] = []
    store.changed.connect(seen.append)
    store.update(chat=Chat())

    assert seen == []
    assert not path.exists()


@pytest.mark.parametrize(
    "section",
    [
        {"appearance": Appearance(font_size=99)},
        {"appearance": Appearance(theme="pink")},  # type: ignore[arg-type]  # wrong on purpose
        {"engine": Engine(threads=0)},
        {"engine": Engine(default_load=LoadConfig(context_length=1))},
        {"network": Network(endpoint=7)},  # type: ignore[arg-type]  # wrong on purpose
    ],
)
def test_a_value_out_of_range_is_refused_and_changes_nothing(
    path: Path, section: dict[str, msgspec.Struct]
) -> None:
    store = SettingsStore(path)
    store.update(appearance=Appearance(theme="light"))
    before = path.read_bytes()
    with pytest.raises(SettingsError) as caught:
        store.update(**section)  # type: ignore[arg-type]  # one of the sections

    assert next(iter(section)) in caught.value.message
    assert store.current.appearance == Appearance(theme="light")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[1, 2]",
        b"null",
        b"\xff\xfe\x00",
        b"\x00" * 100,
        b"[" * 100_000,
        b'{"version": "old"}',
        b'{"version": 0}',
        b'{"version": null}',
    ],
)
def test_a_corrupt_file_is_set_aside_and_reported(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    store = SettingsStore(path)

    assert store.current == Settings(network=Network(offline=True))
    assert isinstance(store.problem, SettingsError)
    assert "Corral is offline until you switch that off" in store.problem.message
    [aside] = path.parent.glob("settings.json.broken-*")
    assert aside.read_bytes() == data
    assert aside.name in store.problem.message

    store.update(chat=Chat(user_name="Ada"))
    again = SettingsStore(path)
    assert again.problem is None
    assert again.current.chat.user_name == "Ada"


def test_one_bad_value_costs_its_section_only(path: Path) -> None:
    path.write_text(
        json.dumps(
            {"version": 1, "appearance": {"font_size": "big"}, "chat": {"user_name": "Ada"}}
        ),
        encoding="utf-8",
    )
    store = SettingsStore(path)

    assert store.current.appearance == Appearance()
    assert store.current.chat.user_name == "Ada"
    assert store.problem is not None
    assert "appearance" in store.problem.message
    assert "font_size" in store.problem.detail


@pytest.mark.parametrize("offline", [True, False])
def test_whole_sections_of_a_damaged_file_stay_in_force(path: Path, offline: bool) -> None:
    whole = Settings(network=Network(offline=offline), chat=Chat(user_name="Ada"))
    text = json.dumps(msgspec.to_builtins(whole))
    path.write_text(text[: text.index('"draft"')], encoding="utf-8")
    store = SettingsStore(path)

    assert store.current == whole
    assert isinstance(store.problem, SettingsError)
    assert ("stays offline" in store.problem.message) == offline
    assert SettingsStore(path).current == whole


def test_without_a_whole_network_section_nothing_leaves_this_computer(path: Path) -> None:
    path.write_text('{"version": 1, "network": {"offline": fal', encoding="utf-8")
    assert SettingsStore(path).current.network.offline
    again = SettingsStore(path)
    assert again.problem is None
    assert again.current.network.offline


def test_an_invalid_network_section_switches_offline_on(path: Path) -> None:
    path.write_text('{"version": 1, "network": {"offline": "no"}}', encoding="utf-8")
    assert SettingsStore(path).current.network.offline


def test_unknown_keys_are_kept(path: Path) -> None:
    path.write_text(
        json.dumps({"version": 1, "future": [1], "chat": {"user_name": "Ada", "mood": "good"}}),
        encoding="utf-8",
    )
    store = SettingsStore(path)
    store.update(chat=Chat(user_name="Grace"))
    raw = json.loads(path.read_text(encoding="utf-8"))

    assert store.problem is None
    assert raw["future"] == [1]
    assert raw["chat"]["mood"] == "good"
    assert raw["chat"]["user_name"] == "Grace"


def test_load_settings_that_were_removed_stay_removed(path: Path) -> None:
    store = SettingsStore(path)
    store.update(models=Models(load={"a": LoadConfig(threads=1), "b": LoadConfig(threads=2)}))
    store.update(models=Models(load={"b": LoadConfig(threads=2)}))

    assert set(SettingsStore(path).current.models.load) == {"b"}


def test_a_file_of_a_newer_version_is_read_as_far_as_it_goes(path: Path) -> None:
    path.write_text(
        json.dumps({"version": VERSION + 5, "chat": {"user_name": "Ada"}}), encoding="utf-8"
    )
    store = SettingsStore(path)
    store.update(appearance=Appearance(theme="dark"))

    assert store.problem is None
    assert SettingsStore(path).current.chat.user_name == "Ada"
    assert json.loads(path.read_text(encoding="utf-8"))["version"] == VERSION + 5


def test_migrations_run_in_order_from_the_files_version() -> None:
    def to_2(raw: module.Raw) -> module.Raw:
        return {**raw, "chat": {"user_name": raw["name"]}}

    def to_3(raw: module.Raw) -> module.Raw:
        return {**raw, "chat": {**raw["chat"], "enter_sends": False}}

    steps = {1: to_2, 2: to_3}

    old = migrated({"name": "Ada"}, steps, version=3)
    assert old["chat"] == {"user_name": "Ada", "enter_sends": False}
    assert old["version"] == 3
    assert migrated({"version": 3, "chat": {}}, steps, version=3)["chat"] == {}


def test_there_is_a_migration_for_every_older_version() -> None:
    assert set(module.MIGRATIONS) == set(range(1, VERSION))


def test_a_file_that_cannot_be_written_changes_nothing(path: Path) -> None:
    store = SettingsStore(path)
    path.mkdir()
    with pytest.raises(StorageError):
        store.update(appearance=Appearance(theme="dark"))

    assert store.current == Settings()


def test_a_file_that_cannot_be_read_is_not_written_over(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SettingsStore(path).update(appearance=Appearance(theme="dark"))
    real = Path.read_bytes

    def refuse(self: Path) -> bytes:
        if self == path:
            raise PermissionError(13, "The process cannot access the file", str(self))
        return real(self)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    store = SettingsStore(path)
    with pytest.raises(StorageError, match="not written"):
        store.update(downloads=Downloads(speed_limit=7))
    monkeypatch.undo()
    store.update(downloads=Downloads(speed_limit=7))
    kept = SettingsStore(path).current
    assert (kept.appearance.theme, kept.downloads.speed_limit) == ("dark", 7)


def test_a_file_that_cannot_be_read_is_reported(path: Path) -> None:
    path.mkdir()

    assert isinstance(SettingsStore(path).problem, StorageError)


def test_updates_from_many_threads_are_all_kept(path: Path) -> None:
    store = SettingsStore(path)
    threads = [
        threading.Thread(target=lambda: store.update(chat=Chat(user_name="Ada"))),
        threading.Thread(target=lambda: store.update(engine=Engine(threads=2))),
        threading.Thread(target=lambda: store.update(network=Network(offline=True))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    current = SettingsStore(path).current

    assert (current.chat.user_name, current.engine.threads, current.network.offline) == (
        "Ada",
        2,
        True,
    )
