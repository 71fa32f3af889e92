"""The scripts of a release: keys that nobody else can use, a list that Corral believes."""

import hashlib
import json
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.core.conversation_schema import VERSION as SCHEMA
from app.core.update_manifest import Manifest, read_manifest
from app.core.update_source import load_source
from tests.packaging.scripts import ROOT, load_script

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORRAL_UPDATE_KEY_PASSWORD", PASSWORD)


@pytest.fixture
def keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with both keys, and `updates.json` as a build would have it."""
    assert load_script("updates/make_keys").main([str(tmp_path / "keys")]) == 0
    public = json.loads(capsys.readouterr().out)["keys"]
    source = {"address": "https://x.example/corral-updates.json", "keys": public}
    (tmp_path / "keys" / "updates.json").write_text(json.dumps(source), encoding="utf-8")
    return tmp_path / "keys"


def describe(folder: Path, version: str) -> Path:
    (folder / "corral.deb").write_bytes(version.encode())
    (folder / "new.md").write_text(f"- {version}", encoding="utf-8")
    package = {
        "system": "linux",
        "machine": "x86_64",
        "form": "deb",
        "file": "corral.deb",
        "url": f"https://x.example/{version}.deb",
    }
    told = {
        "version": version,
        "released": "2026-11-28",
        "page": "https://x.example",
        "notes": {"en": "new.md"},
        "packages": [package],
    }
    path = folder / "release.json"
    path.write_text(json.dumps(told), encoding="utf-8")
    return path


def sign(keys: Path, *words: object, key: str = "update-key-1.pem", over: bool = False) -> Manifest:
    out = keys / "list.json"
    arguments = [*map(str, words), "--key", str(keys / key), "--out", str(out)]
    assert load_script("updates/sign").main(arguments) == 0
    trusted = load_source(keys / "updates.json").by_id()
    now = datetime.min.replace(tzinfo=UTC) if over else datetime.now(UTC)
    return read_manifest(out.read_bytes(), trusted, now)


def test_a_list_is_signed_with_sizes_checksums_and_the_format_of_the_chats(keys: Path) -> None:
    manifest = sign(keys, "new", describe(keys, "0.2.0"))
    assert (manifest.serial, manifest.previous) == (1, None)
    release = manifest.current
    assert (release.version, release.schema, release.notes) == ("0.2.0", SCHEMA, {"en": "- 0.2.0"})
    (package,) = release.packages
    assert (package.size, package.sha256) == (5, hashlib.sha256(b"0.2.0").hexdigest())


def test_each_list_has_a_higher_number_and_knows_the_version_before(keys: Path) -> None:
    sign(keys, "new", describe(keys, "0.1.0"))
    manifest = sign(keys, "new", describe(keys, "0.2.0"), "--old", keys / "list.json")
    assert manifest.serial == 2
    assert manifest.previous is not None
    assert manifest.previous.version == "0.1.0"
    renewed = sign(keys, "renew", "--old", keys / "list.json", "--days", "200")
    assert (renewed.serial, renewed.current) == (3, manifest.current)
    assert renewed.previous == manifest.previous
    assert renewed.expires > manifest.expires


def test_an_old_list_that_a_stranger_changed_gets_no_signature(keys: Path, tmp_path: Path) -> None:
    sign(keys, "new", describe(keys, "0.1.0"))
    old = tmp_path / "old.json"
    text = (keys / "list.json").read_text(encoding="utf-8")
    old.write_text(text.replace("x.example", "evil.example"), encoding="utf-8")
    (keys / "list.json").unlink()
    with pytest.raises(SystemExit, match="not from Corral's makers"):
        sign(keys, "new", describe(keys, "0.2.0"), "--old", old)
    assert not (keys / "list.json").exists()


def test_a_list_of_the_other_trusted_key_can_be_followed_up(keys: Path) -> None:
    sign(keys, "new", describe(keys, "0.1.0"), "--days", "-1", key="update-key-2.pem", over=True)
    source = ("--source", keys / "updates.json")
    manifest = sign(keys, "new", describe(keys, "0.2.0"), "--old", keys / "list.json", *source)
    assert manifest.previous is not None
    assert manifest.previous.version == "0.1.0"


def test_the_key_that_was_put_away_signs_when_the_first_is_lost(keys: Path) -> None:
    (keys / "update-key-1.pem").unlink()
    assert sign(keys, "new", describe(keys, "0.2.0"), key="update-key-2.pem").serial == 1


def test_a_release_that_programs_would_refuse_is_not_signed(keys: Path) -> None:
    description = describe(keys, "two point nought")
    with pytest.raises(ValueError, match="version"):
        sign(keys, "new", description)
    assert not (keys / "list.json").exists()


def test_private_keys_are_encrypted_for_the_owner_alone_and_never_written_over(keys: Path) -> None:
    script = load_script("updates/make_keys")
    path = keys / "update-key-1.pem"
    before = path.read_bytes()
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in before
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert script.main([str(keys)]) == 1
    assert path.read_bytes() == before


def test_private_keys_stay_out_of_the_checkout(capsys: pytest.CaptureFixture[str]) -> None:
    script = load_script("updates/make_keys")
    assert script.main([str(ROOT / "keys")]) == 1
    assert not (ROOT / "keys").exists()
    assert "do not belong" in capsys.readouterr().err


def test_a_short_password_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORRAL_UPDATE_KEY_PASSWORD", "short")
    with pytest.raises(SystemExit, match="at least"):
        load_script("updates/make_keys").main([str(tmp_path / "keys")])


def test_a_list_is_looked_at_as_corral_does(keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verify = load_script("updates/verify").main
    sign(keys, "new", describe(keys, "0.2.0"))
    listed, source = str(keys / "list.json"), ["--source", str(keys / "updates.json")]
    assert verify([listed, str(keys / "corral.deb"), *source]) == 0
    assert "Corral 0.2.0" in capsys.readouterr().out
    (keys / "corral.deb").write_bytes(b"0.2.1")
    assert verify([listed, str(keys / "corral.deb"), *source]) == 1
    text = (keys / "list.json").read_text(encoding="utf-8")
    (keys / "list.json").write_text(text.replace("0.2.0", "0.9.0"), encoding="utf-8")
    assert verify([listed, *source]) == 1
    assert "not from Corral's makers" in capsys.readouterr().err


def test_a_list_that_no_program_looks_for_or_believes_is_refused(
    keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verify = load_script("updates/verify").main
    sign(keys, "new", describe(keys, "0.2.0"))
    words = [str(keys / "list.json"), "--source", str(keys / "updates.json")]
    assert verify(words) == 0
    source = json.loads((keys / "updates.json").read_text(encoding="utf-8"))
    for lacking in (source | {"address": ""}, source | {"keys": []}):
        (keys / "updates.json").write_text(json.dumps(lacking), encoding="utf-8")
        assert verify(words) == 1
        assert "has no address or no keys" in capsys.readouterr().err
    stranger = keys.parent / "others"
    assert load_script("updates/make_keys").main([str(stranger)]) == 0
    other = {"keys": json.loads(capsys.readouterr().out)["keys"]}
    (keys / "updates.json").write_text(json.dumps(source | other), encoding="utf-8")
    assert verify(words) == 1
    assert "not from Corral's makers" in capsys.readouterr().err


def test_every_package_of_a_list_lies_where_it_is_published_from(
    keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verify = load_script("updates/verify").main
    sign(keys, "new", describe(keys, "0.2.0"))
    out = tmp_path / "out"
    out.mkdir()
    words = [str(keys / "list.json"), "--source", str(keys / "updates.json"), "--folder", str(out)]
    assert verify(words) == 1
    assert "0.2.0.deb is not in" in capsys.readouterr().err
    (out / "0.2.0.deb").write_bytes(b"0.2.1")
    assert verify(words) == 1
    assert "0.2.0.deb is not the package" in capsys.readouterr().err
    (out / "0.2.0.deb").write_bytes(b"0.2.0")
    assert verify(words) == 0
