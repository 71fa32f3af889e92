"""Single settings by name."""

import pytest

from app.core.errors import NotFoundError, SettingsError
from app.core.paths import app_paths
from app.core.setting_names import change_setting, setting, settings_by_name
from app.core.settings import SettingsStore


def test_a_setting_is_changed_and_kept() -> None:
    store = SettingsStore(app_paths().settings_file)
    change_setting(store, "server.port", 4711)
    change_setting(store, "network.offline", True)
    kept = SettingsStore(app_paths().settings_file).current
    assert (kept.server.port, kept.network.offline) == (4711, True)
    assert setting(kept, "server.port").standard == 11_500


@pytest.mark.parametrize("value", [0, 70_000, "eleven", None])
def test_a_value_out_of_range_changes_nothing(value: object) -> None:
    store = SettingsStore(app_paths().settings_file)
    with pytest.raises(SettingsError, match="cannot have this value"):
        change_setting(store, "server.port", value)
    assert store.current.server.port == 11_500


@pytest.mark.parametrize("name", ["server", "server.nothing", "nothing.port", "window.page"])
def test_what_is_no_setting_is_told(name: str) -> None:
    store = SettingsStore(app_paths().settings_file)
    with pytest.raises(NotFoundError):
        change_setting(store, name, 1)


def test_every_setting_has_a_name_but_those_of_the_window() -> None:
    names = [
        each.name for each in settings_by_name(SettingsStore(app_paths().settings_file).current)
    ]
    assert "chat.context_policy" in names
    assert len(names) == len(set(names))
    assert not [name for name in names if name.startswith(("window.", "remote."))]
