"""What of an engine that somebody brings is believed, and what is refused before it is unpacked."""

import base64
import json
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.core import engine_packs
from app.core.engine_packs import read_pack
from app.core.errors import EngineError, StorageError
from backends.engine_folder import INTERFACE, this_system
from tests.engine_folders import write_engine
from tests.engine_packs import as_link, sign, tampered, trusted, write_pack

SYSTEM, MACHINE = this_system()


def refusal(path: Path) -> EngineError:
    with pytest.raises(EngineError) as raised:
        read_pack(path, {})
    assert "Nothing was added." in raised.value.message
    assert raised.value.hint
    return raised.value


def with_manifest(pack: Path, **changed: Any) -> Path:
    """The pack with another list, as somebody would write it who can do that."""

    def change(member: zipfile.ZipInfo, data: bytes) -> tuple[zipfile.ZipInfo, bytes]:
        if member.filename == "engine.json":
            data = json.dumps(json.loads(data) | changed).encode()
        return member, data

    return tampered(pack, change)


def listing(pack: Path, name: str, data: bytes, **changed: Any) -> Path:
    """The pack with one more file that is on its list."""
    with zipfile.ZipFile(pack) as archive:
        manifest = json.loads(archive.read("engine.json"))
    files = manifest["files"] | {name: "0" * 64}
    sizes = manifest["sizes"] | {name: len(data)}
    return tampered(with_manifest(pack, files=files, sizes=sizes, **changed), added={name: data})


def test_a_pack_says_what_it_is(tmp_path: Path) -> None:
    pack = read_pack(write_pack(tmp_path, "9.1", accelerator="cuda"), {})
    assert pack.manifest.id == "llama.cpp-9.1-test"
    assert pack.manifest.accelerator == "cuda"
    assert pack.size == len(b"not really") + len(pack.raw)
    assert not pack.signed


def test_a_plain_folder_is_one_too(tmp_path: Path) -> None:
    folder = write_engine(tmp_path, "9.1")
    assert read_pack(folder, {}).manifest.version == "9.1"
    (folder / "more.txt").touch()
    assert "'more.txt' does not belong to it" in refusal(folder).message
    (folder / "more.txt").unlink()
    (folder / "engine.json").unlink()
    assert "It holds no engine.json." in refusal(folder).message


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_folder_with_a_link_is_refused(tmp_path: Path) -> None:
    folder = write_engine(tmp_path, "9.1")
    library = folder / "libllama.so"
    library.rename(tmp_path / "elsewhere")
    library.symlink_to(tmp_path / "elsewhere")
    assert "libllama.so is no plain file" in refusal(folder).message


def test_another_kind_of_file_is_told_apart_from_half_a_pack(tmp_path: Path) -> None:
    pack = write_pack(tmp_path)
    whole = pack.read_bytes()
    for length in (len(whole) - 1, len(whole) // 2, 40, 4):
        pack.write_bytes(whole[:length])
        assert refusal(pack).title == f"{pack.name} is not whole"
    pack.write_bytes(b"<!doctype html>" * 100)
    assert refusal(pack).title == f"{pack.name} is no engine for Corral"
    pack.write_bytes(b"")
    assert refusal(pack).title == f"{pack.name} is no engine for Corral"


def test_an_engine_of_another_computer_or_another_corral_is_refused(tmp_path: Path) -> None:
    other = refusal(write_pack(tmp_path / "a", system="windows", machine="arm64"))
    assert other.title.endswith("is for another kind of computer")
    assert "It is made for Windows on arm64; this is" in other.message
    assert read_pack(write_pack(tmp_path / "b", system="windows"), {}, here=False)
    newer = refusal(write_pack(tmp_path / "c", interface=INTERFACE + 1))
    assert "It needs a newer Corral." in newer.message
    older = refusal(write_pack(tmp_path / "d", interface=INTERFACE - 1))
    assert "It was made for an older Corral." in older.message


@pytest.mark.parametrize(
    "name",
    [
        "../evil.so",
        "binding/../../evil.so",
        "/etc/evil.so",
        "C:/evil.so",
        "a\\..\\..\\evil.so",
        "binding//evil.so",
        "con.so",
        ".hidden",
        "a/b/c/d/e/f/g.so",
        "ENGINE.JSON",
        "LIBLLAMA.SO",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused_even_if_it_is_on_the_list(
    tmp_path: Path, name: str
) -> None:
    error = refusal(listing(write_pack(tmp_path), name, b"evil"))
    assert error.title.endswith("is damaged, or somebody has changed it")
    assert "no name for a file" in error.message or "same on some systems" in error.message


def test_what_is_not_on_the_list_is_refused(tmp_path: Path) -> None:
    evil = tampered(write_pack(tmp_path), added={"libggml-evil.so": b"evil"})
    assert "'libggml-evil.so' does not belong to it" in refusal(evil).message


def test_what_is_missing_or_longer_than_listed_is_refused(tmp_path: Path) -> None:
    pack = write_pack(tmp_path)
    gone = tampered(pack, lambda member, data: (member, data) if "lib" not in member.filename
                    else None)  # fmt: skip
    assert "libllama.so is missing" in refusal(gone).message
    longer = tampered(pack, lambda member, data: (member, data + b" "))
    assert "libllama.so is not as long as its list says" in refusal(longer).message


def test_a_link_a_folder_and_a_second_file_of_one_name_are_refused(tmp_path: Path) -> None:
    pack = write_pack(tmp_path)
    assert "'libllama.so' is no plain file" in refusal(tampered(pack, as_link)).message
    assert "'more/' is no plain file" in refusal(tampered(pack, added={"more/": b""})).message
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = tampered(pack, added={"libllama.so": b"not really"})
    assert "'libllama.so' is in it twice" in refusal(twice).message


@pytest.mark.parametrize(
    "id_", ["../up", "automatic", "package", "before-x", "a/b", "con", "", " "]
)
def test_an_engine_cannot_take_any_name(tmp_path: Path, id_: str) -> None:
    assert refusal(with_manifest(write_pack(tmp_path), id=id_)).hint


@pytest.mark.parametrize(
    "changed",
    [
        {"version": "9\x1b[31m"},
        {"accelerator": "cu da"},
        {"variants": ["x64;rm"]},
        {"files": {"libllama.so": "short"}},
        {"sizes": {}},
        {"interface": "one"},
        {"engine": "other"},
    ],
)
def test_a_list_with_odd_words_in_it_is_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    error = refusal(with_manifest(write_pack(tmp_path), **changed))
    assert error.title.endswith("is damaged, or somebody has changed it")


def test_a_list_that_is_huge_or_deep_is_refused(tmp_path: Path) -> None:
    pack = write_pack(tmp_path)
    huge = with_manifest(pack, id="x" * 2_000_000)
    assert "too large" in refusal(huge).message
    deep = tampered(
        pack,
        lambda member, data: (
            member,
            b'{"id":' + b"[" * 500_000 if member.filename == "engine.json" else data,
        ),
    )
    assert "cannot be read" in refusal(deep).message


def test_a_zip_with_many_files_is_refused_before_they_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = tampered(write_pack(tmp_path), added={f"{n}.so": b"" for n in range(600)})
    monkeypatch.setattr(zipfile.ZipFile, "__init__", None)  # would be called to list them
    assert "more than 500 files" in refusal(many).message


def test_a_zip_of_the_large_kind_is_refused(tmp_path: Path) -> None:
    pack = write_pack(tmp_path)
    data = pack.read_bytes()
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    pack.write_bytes(data[:-22] + locator + data[-22:])
    assert "far larger ones" in refusal(pack).message


def test_an_engine_that_would_be_huge_is_refused_by_its_list_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_packs, "LARGEST", 5)
    assert "It is larger than" in refusal(write_pack(tmp_path)).message


def test_a_packing_that_could_want_much_memory_is_refused(tmp_path: Path) -> None:
    pack = write_pack(tmp_path)

    def change(member: zipfile.ZipInfo, data: bytes) -> tuple[zipfile.ZipInfo, bytes]:
        member.compress_type = zipfile.ZIP_BZIP2
        return member, data

    assert "packed in a way that is not used" in refusal(tampered(pack, change)).message


def test_a_damaged_member_is_told_as_damage(tmp_path: Path) -> None:
    pack = write_pack(tmp_path)
    data = bytearray(pack.read_bytes())
    start = data.index(b"engine.json") + len(b"engine.json")
    data[start : start + 60] = bytes(60)
    pack.write_bytes(data)
    assert refusal(pack).title.endswith("is damaged, or somebody has changed it")


def test_a_signature_counts_under_a_trusted_key_and_for_exactly_this_list(tmp_path: Path) -> None:
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    pack = write_pack(tmp_path)
    sign(pack, key)
    assert read_pack(pack, trusted(key)).signed
    assert read_pack(pack, trusted(other, key)).signed
    assert not read_pack(pack, trusted(other)).signed
    assert not read_pack(pack, {}).signed
    assert not read_pack(with_manifest(pack, commit="fedcba9"), trusted(key)).signed


def without_signature(member: zipfile.ZipInfo, data: bytes) -> tuple[zipfile.ZipInfo, bytes] | None:
    return None if member.filename == "engine.sig" else (member, data)


def test_a_signature_under_something_else_is_none(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    pack = write_pack(tmp_path)
    sign(pack, key)
    [name] = trusted(key)
    raw = read_pack(pack, {}).raw
    for line in (b"", b"Corral update manifest, format 1\n"):
        text = base64.b64encode(key.sign(line + raw)).decode()
        forged = json.dumps({"signatures": {name: text}}).encode()
        unsigned = tampered(pack, without_signature)
        swapped = tampered(unsigned, added={"engine.sig": forged})
        assert not read_pack(swapped, trusted(key)).signed


@pytest.mark.parametrize("text", [b"", b"{", b'{"signatures": {"KEY": "?"}}', b"[" * 5000])
def test_a_signature_that_cannot_be_read_is_none(tmp_path: Path, text: bytes) -> None:
    key = Ed25519PrivateKey.generate()
    [name] = trusted(key)
    pack = tampered(write_pack(tmp_path), added={"engine.sig": text.replace(b"KEY", name.encode())})
    assert not read_pack(pack, trusted(key)).signed


def test_a_file_that_is_not_there_is_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="could not be read"):
        read_pack(tmp_path / "none.corral-engine", {})
