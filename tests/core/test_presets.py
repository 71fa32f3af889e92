import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import SettingsError, StorageError
from app.core.paths import resource
from app.core.presets import BUILT_IN, VARIABLES, PresetStore, fill_variables
from backends.types import SamplingParams
from tests.sampling_samples import EVERYTHING


@pytest.fixture
def store(tmp_path: Path) -> PresetStore:
    return PresetStore(tmp_path / "presets")


def again(store: PresetStore, tmp_path: Path) -> PresetStore:
    return PresetStore(tmp_path / "presets")


def test_the_built_in_ones_are_all_there_in_order(store: PresetStore) -> None:
    presets = store.list()

    assert tuple(preset.id for preset in presets) == BUILT_IN
    assert store.problems == ()
    assert all(preset.built_in and preset.description for preset in presets)
    assert len({preset.name for preset in presets}) == len({p.icon for p in presets}) == 10


@pytest.mark.parametrize("preset_id", BUILT_IN)
def test_a_built_in_one_is_sound(store: PresetStore, preset_id: str) -> None:
    preset = store.get(preset_id)
    filled = fill_variables(
        preset.system_prompt, user="Ada", language="English", today=date(2026, 1, 2)
    )

    assert (resource("icons/lucide") / f"{preset.icon}.svg").is_file()
    assert "{{" not in filled
    assert (preset.system_prompt == "") == (preset_id == "blank")
    assert len(filled.split()) <= 300, "a small model has no room for more"
    assert preset.description.endswith(".")


def test_strict_json_is_deterministic_and_does_not_punish_brackets(store: PresetStore) -> None:
    sampling = store.get("strict-json").sampling

    assert sampling.temperature == 0
    assert sampling.repeat_penalty == 1


def test_own_presets_survive_a_restart(store: PresetStore, tmp_path: Path) -> None:
    calls: list[int] = []
    store.changed.connect(lambda: calls.append(1))
    zebra = store.create("zebra", sampling=SamplingParams(temperature=0.1, stop=("###",)))
    apple = store.create("Apple", system_prompt="Hi {{user}}", icon="code", model="m")
    stored = PresetStore(tmp_path / "presets")

    assert stored.list()[-2:] == (apple, zebra)
    assert stored.get(apple.id).model == "m"
    assert stored.get(zebra.id).sampling.stop == ("###",)
    assert not apple.built_in
    assert len(calls) == 2


def test_a_built_in_one_can_be_changed_and_restored(store: PresetStore, tmp_path: Path) -> None:
    shipped = store.get("coder")
    changed = msgspec.structs.replace(shipped, system_prompt="Shout.", built_in=False)
    saved = store.save(changed)

    assert saved.built_in
    assert store.is_changed("coder")
    assert [preset.id for preset in store.list()] == list(BUILT_IN)
    assert again(store, tmp_path).get("coder").system_prompt == "Shout."
    assert again(store, tmp_path).is_changed("coder")

    assert store.restore("coder") == shipped == store.get("coder")
    assert not store.is_changed("coder")
    assert again(store, tmp_path).get("coder") == shipped


def test_saving_a_built_in_one_as_shipped_is_no_change(store: PresetStore) -> None:
    store.save(msgspec.structs.replace(store.get("coder"), name="Mine"))
    store.save(msgspec.structs.replace(store.get("coder"), name="Coder"))

    assert not store.is_changed("coder")


def test_copies_get_names_of_their_own(store: PresetStore) -> None:
    first, second = store.duplicate("coder"), store.duplicate("coder")

    assert (first.name, second.name) == ("Coder 2", "Coder 3")
    assert first.system_prompt == store.get("coder").system_prompt
    assert not first.built_in
    assert len({first.id, second.id, "coder"}) == 3


def test_delete_can_be_undone(store: PresetStore, tmp_path: Path) -> None:
    mine = store.create("Mine", system_prompt="x")
    deleted = store.delete(mine.id)
    assert store.find(mine.id) is None
    assert again(store, tmp_path).find(mine.id) is None

    store.save(deleted)
    assert again(store, tmp_path).get(mine.id) == mine


def test_what_cannot_be_done_says_so(store: PresetStore) -> None:
    mine = store.create("Mine")
    attempts: tuple[Callable[[], object], ...] = (
        lambda: store.delete("general"),
        lambda: store.restore(mine.id),
        lambda: store.get("nothing"),
        lambda: store.delete("nothing"),
        lambda: store.save(msgspec.structs.replace(mine, id="../../etc/passwd")),
        lambda: store.save(msgspec.structs.replace(mine, id="")),
        lambda: store.save(msgspec.structs.replace(mine, name="")),
        lambda: store.save(msgspec.structs.replace(mine, icon="../x")),
        lambda: store.save(msgspec.structs.replace(mine, sampling=SamplingParams(temperature=9.0))),
        lambda: store.create("   "),
    )
    for attempt in attempts:
        with pytest.raises(SettingsError):
            attempt()
    assert store.get(mine.id) == mine


@pytest.mark.parametrize("name", ["con", "日本語", "../../up", "a" * 80, "NUL.", "É à ç", "x/y\\z"])
def test_any_name_makes_a_safe_file(store: PresetStore, tmp_path: Path, name: str) -> None:
    preset = store.create(name)

    assert preset.name == name[:76]
    assert (tmp_path / "presets" / f"{preset.id}.json").is_file()
    assert again(store, tmp_path).get(preset.id) == preset


def test_export_and_import_give_the_same_preset(store: PresetStore, tmp_path: Path) -> None:
    mine = store.create(
        "Mine",
        icon="braces",
        description="d",
        system_prompt="«{{date}}» 日本",
        sampling=SamplingParams(temperature=0.3, seed=7, max_tokens=99, stop=("a", "b")),
        model="m",
    )
    file = tmp_path / "out" / "mine.json"
    store.export_json(mine.id, file)
    other = PresetStore(tmp_path / "other")
    got = other.import_json(file)

    assert msgspec.structs.replace(got, id=mine.id) == mine
    assert other.list()[-1] == got
    assert "日本" in file.read_text(encoding="utf-8")
    assert store.import_json(file).name == "Mine 2"


def test_an_exported_built_in_one_comes_back_as_ones_own(
    store: PresetStore, tmp_path: Path
) -> None:
    store.export_json("coder", tmp_path / "c.json")
    got = store.import_json(tmp_path / "c.json")

    assert not got.built_in
    assert got.name == "Coder 2"


GOOD = {"corral_preset": 1, "name": "n"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[1]", "not JSON"),
        (b"[" * 50_000, "not JSON"),
        (b"{}", "corral_preset"),
        (json.dumps({**GOOD, "corral_preset": "1"}), "corral_preset"),
        (json.dumps({**GOOD, "corral_preset": 2}), "newer Corral"),
        (json.dumps({"corral_preset": 1}), "name"),
        (json.dumps({**GOOD, "name": ""}), "name"),
        (json.dumps({**GOOD, "name": "n" * 81}), "name"),
        (json.dumps({**GOOD, "icon": "../../x"}), "icon"),
        (json.dumps({**GOOD, "system_prompt": 3}), "system_prompt"),
        (json.dumps({**GOOD, "sampling": {"temperature": 9}}), "sampling.temperature"),
        (json.dumps({**GOOD, "sampling": {"stop": [""]}}), "sampling.stop"),
        (json.dumps({**GOOD, "sampling": {"seed": -1}}), "sampling.seed"),
        (json.dumps({**GOOD, "x": "y" * 1_000_000}), "larger than 1 MB"),
    ],
)
def test_a_bad_import_says_what_is_wrong_and_adds_nothing(
    store: PresetStore, tmp_path: Path, data: str | bytes, words: str
) -> None:
    file = tmp_path / "import.json"
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    before = store.list()
    with pytest.raises(SettingsError) as caught:
        store.import_json(file)

    assert words in f"{caught.value}"
    assert "import.json" in caught.value.title
    assert store.list() == before
    assert file.exists()


def test_importing_nothing_is_a_storage_error(store: PresetStore, tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        store.import_json(tmp_path / "missing.json")


def test_unknown_keys_of_an_import_are_ignored(store: PresetStore, tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    file.write_text(json.dumps({**GOOD, "later": {"x": 1}, "id": "coder"}), encoding="utf-8")

    assert store.import_json(file).name == "n"
    assert not store.is_changed("coder")


def test_corrupt_stored_presets_are_set_aside_and_the_rest_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "presets"
    mine = PresetStore(folder).create("Mine")
    (folder / "coder.json").write_bytes(b"{broken")
    (folder / "other-1.json").write_bytes(b"")
    store = PresetStore(folder)

    assert len(store.problems) == 2
    assert all(isinstance(problem, SettingsError) for problem in store.problems)
    assert store.get(mine.id) == mine
    assert not store.is_changed("coder")
    assert len(list(folder.glob("*.broken-*"))) == 2
    assert PresetStore(folder).problems == ()


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{{user}}, {{date}}, {{language}}", "Ada, 3 November 2026, English"),
        ("{{ user }}", "Ada"),
        ("{{unknown}} {user} {{user} {{}} {{USER}}", "{{unknown}} {user} {{user} {{}} {{USER}}"),
        ("{{{user}}}", "{Ada}"),
        ("", ""),
    ],
)
def test_variables(text: str, filled: str) -> None:
    got = fill_variables(text, user="Ada", language="English", today=date(2026, 11, 3))

    assert got == filled


def test_a_value_is_not_filled_again() -> None:
    got = fill_variables("{{user}}", user=r"{{date}} \1", language="", today=date(2026, 1, 1))

    assert got == r"{{date}} \1"


def test_without_a_name_the_user_is_the_user() -> None:
    assert fill_variables("{{user}}", user=" ", language="", today=date(2026, 1, 1)) == "the user"


@given(st.text())
def test_text_without_variables_is_left_alone(text: str) -> None:
    filled = fill_variables(text, user="u", language="l", today=date(2026, 1, 1))

    assert filled == text or any(name in text for name in VARIABLES)


def test_every_sampling_value_survives_a_restart_and_an_exchange(
    store: PresetStore, tmp_path: Path
) -> None:
    fields = [field.name for field in msgspec.structs.fields(SamplingParams)]
    standard = SamplingParams()
    assert all(getattr(EVERYTHING, name) != getattr(standard, name) for name in fields)

    mine = store.create("Mine", sampling=EVERYTHING)
    assert again(store, tmp_path).get(mine.id).sampling == EVERYTHING

    store.export_json(mine.id, tmp_path / "mine.json")
    other = PresetStore(tmp_path / "elsewhere")
    assert other.import_json(tmp_path / "mine.json").sampling == EVERYTHING


def test_a_preset_from_before_the_further_samplers_is_read(tmp_path: Path) -> None:
    old = {"temperature": 0.4, "top_p": 0.9, "top_k": 20, "min_p": 0.1, "repeat_penalty": 1.2}
    file = tmp_path / "presets" / "old.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"corral_preset": 1, "name": "Old", "sampling": old}))

    assert PresetStore(file.parent).get("old").sampling == msgspec.convert(old, SamplingParams)
