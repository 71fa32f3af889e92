"""A list of versions is believed only if one who is trusted signed exactly that, lately."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.core.errors import UpdateError
from app.core.update_manifest import (
    Envelope,
    Manifest,
    Release,
    key_id,
    numbers,
    package_for,
    read_manifest,
    verifies,
)
from app.core.update_source import load_source
from tests.updates.update_server import public_of, sign

NOW = datetime(2026, 11, 28, tzinfo=UTC)
KEY, NEXT = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
TRUSTED = {key_id(public_of(key)): public_of(key) for key in (KEY, NEXT)}


def manifest(**changes: object) -> Manifest:
    release = Release("0.2.0", "2026-11-28", 3, notes={"en": "New"})
    return msgspec.structs.replace(Manifest(7, NOW + timedelta(days=30), release), **changes)


def test_what_is_signed_is_read() -> None:
    assert read_manifest(sign.signed(manifest(), [KEY]), TRUSTED, NOW) == manifest()


def test_the_next_key_signs_as_well_as_the_present_one() -> None:
    assert read_manifest(sign.signed(manifest(), [NEXT]), TRUSTED, NOW).serial == 7


def test_one_trusted_signature_beside_another_is_enough() -> None:
    data = sign.signed(manifest(), [Ed25519PrivateKey.generate(), NEXT])
    assert read_manifest(data, TRUSTED, NOW).serial == 7


def test_another_text_under_the_signature_is_refused() -> None:
    envelope = msgspec.json.decode(sign.signed(manifest(), [KEY]), type=Envelope)
    changed = msgspec.structs.replace(envelope, manifest=envelope.manifest.replace("0.2", "0.3"))
    with pytest.raises(UpdateError, match="not from Corral's makers"):
        read_manifest(msgspec.json.encode(changed), TRUSTED, NOW)


def test_a_stranger_is_refused_under_his_own_name_and_under_a_trusted_one() -> None:
    data = sign.signed(manifest(), [Ed25519PrivateKey.generate()])
    with pytest.raises(UpdateError, match="not from Corral's makers"):
        read_manifest(data, TRUSTED, NOW)
    envelope = json.loads(data)
    envelope["signatures"] = dict.fromkeys(TRUSTED, *envelope["signatures"].values())
    with pytest.raises(UpdateError, match="not from Corral's makers"):
        read_manifest(json.dumps(envelope).encode(), TRUSTED, NOW)


@pytest.mark.parametrize("signature", ["", "no base64", "AAAA", "é"])
def test_what_is_no_signature_is_none(signature: str) -> None:
    text = msgspec.json.encode(manifest()).decode()
    data = msgspec.json.encode(Envelope(text, dict.fromkeys(TRUSTED, signature)))
    with pytest.raises(UpdateError, match="not from Corral's makers"):
        read_manifest(data, TRUSTED, NOW)


def test_a_signature_under_the_bare_text_is_none_under_a_manifest() -> None:
    text = msgspec.json.encode(manifest())
    signature = base64.b64encode(KEY.sign(text)).decode()
    envelope = Envelope(text.decode(), {key_id(public_of(KEY)): signature})
    with pytest.raises(UpdateError, match="not from Corral's makers"):
        read_manifest(msgspec.json.encode(envelope), TRUSTED, NOW)


def test_a_list_whose_time_is_over_is_refused_with_both_dates() -> None:
    data = sign.signed(manifest(), [KEY])
    with pytest.raises(UpdateError, match=r"2026-12-28.*2026-12-29"):
        read_manifest(data, TRUSTED, NOW + timedelta(days=31))


@pytest.mark.parametrize("data", [b"", b"<html>log in</html>", b"{}", b"[" * 100_000, b"\xff"])
def test_whatever_else_comes_is_told_in_words(data: bytes) -> None:
    with pytest.raises(UpdateError, match="cannot be read"):
        read_manifest(data, TRUSTED, NOW)


def test_a_form_of_later_days_is_told_apart_from_a_forgery() -> None:
    text = msgspec.json.encode({**msgspec.to_builtins(manifest()), "format": 2})
    signature = base64.b64encode(KEY.sign(b"Corral update manifest, format 1\n" + text)).decode()
    envelope = Envelope(text.decode(), {key_id(public_of(KEY)): signature})
    with pytest.raises(UpdateError, match="does not know"):
        read_manifest(msgspec.json.encode(envelope), TRUSTED, NOW)


def test_versions_are_compared_by_their_numbers() -> None:
    assert numbers("0.10") > numbers("0.9.9")
    assert numbers("1.0") == numbers("1")
    assert sorted(["0.10.0", "0.2.0", "0.9"], key=numbers) == ["0.2.0", "0.9", "0.10.0"]


def test_a_package_is_for_one_system_machine_and_form() -> None:
    told = {"url": "https://x.example/a", "size": 1, "sha256": "0" * 64}
    package = {"system": "linux", "machine": "x86_64", "form": "deb", **told}
    release = msgspec.convert(
        {"version": "1.0", "released": "2026-01-01", "schema": 3, "packages": [package]}, Release
    )
    assert package_for(release, "linux", "x86_64", "deb") is release.packages[0]
    assert package_for(release, "linux", "arm64", "deb") is None
    assert package_for(release, "linux", "x86_64", "tar") is None


def test_this_checkout_trusts_nobody_and_asks_nobody() -> None:
    assert not load_source().is_set_up


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"address": "http://updates.example/l", "keys": []}', "no https"),
        ('{"address": "", "keys": ["AAAA"]}', "32 bytes"),
        ('{"address": ""}', "keys"),
        ("", "source.json"),
    ],
)
def test_a_build_with_a_bad_source_says_so(text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "source.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=why):
        load_source(path)


def test_the_signatures_of_the_standard_verify() -> None:
    """RFC 8032, 7.1, test 2."""
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert verifies(public, signature, b"\x72")
    assert not verifies(public, signature, b"\x73")
    assert not verifies(public[:-1], signature, b"\x72")
