"""Checksums of a release and their signature, by a real gpg with a key of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.packaging.scripts import ROOT, load_script

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("gpg"), reason="signs with gpg, on Linux"
)
KEY, PASSPHRASE = "release@corral.example", "correct horse"


@pytest.fixture(scope="module")
def gpg_home() -> Iterator[Path]:
    """A folder of gpg's with one key, which has a passphrase."""
    # gpg-agent's socket lies in it, whose path may not be long.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        command = ["gpg", "--homedir", name, "--batch", "--quiet", "--pinentry-mode", "loopback"]
        command += ["--passphrase", PASSPHRASE, "--quick-generate-key", KEY, "ed25519", "sign"]
        subprocess.run(command, check=True, capture_output=True)
        yield Path(name)
        forget(Path(name))


def forget(gpg_home: Path) -> None:
    """Its agent remembers passphrases."""
    subprocess.run(["gpgconf", "--homedir", str(gpg_home), "--kill", "all"], check=True)


@pytest.fixture
def script() -> ModuleType:
    return load_script("checksums")


@pytest.fixture
def sums(
    script: ModuleType, gpg_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A list of one package, and what is needed to sign it."""
    forget(gpg_home)
    monkeypatch.setenv("GNUPGHOME", str(gpg_home))
    monkeypatch.setenv("CORRAL_GPG_KEY", KEY)
    monkeypatch.setenv("CORRAL_GPG_PASSPHRASE", PASSPHRASE)
    package = tmp_path / "corral_1-1_amd64.deb"
    package.write_bytes(b"package")
    script.write(tmp_path / "SHA256SUMS", [package])
    return tmp_path / "SHA256SUMS"


def asc(sums: Path) -> Path:
    return sums.with_name("SHA256SUMS.asc")


def test_a_wrong_key_is_told_and_leaves_no_signature(
    script: ModuleType,
    sums: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asc(sums).write_text("a signature of before")
    monkeypatch.setenv("CORRAL_GPG_KEY", "nobody@corral.example")
    assert script.main([str(sums)]) == 1
    assert "gpg did not sign with CORRAL_GPG_KEY=nobody" in capsys.readouterr().err
    assert not asc(sums).exists()


def test_a_wrong_passphrase_is_told(
    script: ModuleType, sums: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORRAL_GPG_PASSPHRASE", "wrong")
    assert script.main([str(sums)]) == 1
    assert not asc(sums).exists()


def test_the_list_is_signed_without_asking_anybody(script: ModuleType, sums: Path) -> None:
    assert script.main([str(sums)]) == 0
    assert "BEGIN PGP SIGNATURE" in asc(sums).read_text()
    sums.write_text(sums.read_text() + "more\n")
    command = ["gpg", "--batch", "--verify", str(asc(sums)), str(sums)]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_without_gpg_it_says_so(
    script: ModuleType,
    sums: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", str(sums.parent))
    assert script.main([str(sums)]) == 1
    assert "gpg is not installed" in capsys.readouterr().err


def test_without_a_key_no_signature_of_other_sums_stays(sums: Path) -> None:
    folder = sums.parent
    asc(sums).write_text("a signature of before")
    (folder / "corral_1-1_amd64.deb").write_bytes(b"another")
    environment = {**os.environ, "CORRAL_GPG_KEY": ""}
    command = [sys.executable, str(ROOT / "packaging/linux/sign.py"), "--out", str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "not signed" in done.stdout
    assert not asc(sums).exists()
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder, check=True)


def test_a_list_that_is_not_there_is_told(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main([str(tmp_path / "SHA256SUMS")]) == 1
    assert "No such file" in capsys.readouterr().err
