from pathlib import Path

import platformdirs

from app.core.paths import AppPaths, app_paths, resource


def every_path(paths: AppPaths) -> list[Path]:
    return [
        paths.data,
        paths.cache,
        paths.logs,
        paths.models,
        paths.conversations,
        paths.settings_file,
        paths.presets_dir,
        paths.preset_drafts_dir,
        paths.downloads_file,
    ]


def test_corral_home_moves_everything(tmp_path: Path) -> None:
    paths = app_paths({"CORRAL_HOME": str(tmp_path)})

    assert all(path.is_relative_to(tmp_path) for path in every_path(paths))
    assert len(set(every_path(paths))) == len(every_path(paths))


def test_corral_home_of_the_process_counts(corral_home: Path) -> None:
    assert app_paths().data == corral_home / "data"


def test_a_relative_home_becomes_absolute() -> None:
    assert app_paths({"CORRAL_HOME": "here"}).data.is_absolute()


def test_without_corral_home_the_systems_places_are_used() -> None:
    paths = app_paths({"CORRAL_HOME": ""})

    assert paths.data == Path(platformdirs.user_data_dir("Corral", appauthor=False))
    assert paths.cache == Path(platformdirs.user_cache_dir("Corral", appauthor=False))
    assert paths.models == paths.data / "models"


def test_naming_the_folders_makes_none(tmp_path: Path) -> None:
    home = tmp_path / "nowhere"
    app_paths({"CORRAL_HOME": str(home)})

    assert not home.exists()


def test_resources_are_found() -> None:
    assert (resource("presets") / "general.json").is_file()
