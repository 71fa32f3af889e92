"""The script of Corral-Setup.exe, its compilation, and signatures."""

import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from app.core.installed_engines import KEPT
from tests.packaging.scripts import ROOT, load_script

WINDOWS = ROOT / "packaging" / "windows"
SECONDS = "1700000000"


@pytest.fixture
def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(WINDOWS / "steps"))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", SECONDS)
    for name in ("COMMAND", "PFX", "PASSWORD", "TIMESTAMP", "CA"):
        monkeypatch.delenv(f"CORRAL_SIGN_{name}", raising=False)


@pytest.fixture
def image(on_path: None) -> ModuleType:
    return load_script("windows/image")


@pytest.fixture
def sign(on_path: None) -> ModuleType:
    return load_script("windows/sign")


@pytest.fixture
def script() -> str:
    """The installer's script, without comments."""
    text = (WINDOWS / "corral.nsi").read_text(encoding="utf-8")
    return re.sub(r"^\s*;.*$|(?<= );.*$", "", text, flags=re.MULTILINE)


@pytest.fixture
def small_folder(tmp_path: Path) -> Path:
    """A stand-in for the installed form."""
    folder = tmp_path / "Corral"
    (folder / "lib" / "$cache").mkdir(parents=True)
    (folder / "lib" / "corral_start.py").write_text("print()")
    (folder / "lib" / "$cache" / "ä.txt").write_text("ä")
    (folder / "engines" / "one").mkdir(parents=True)
    (folder / "engines" / "one" / "engine.json").write_text('{"id": "one"}')
    for name in ("corral.exe", "corralw.exe"):
        (folder / name).write_bytes(b"MZ" + name.encode())
    return folder


def test_it_installs_for_one_person_without_an_administrator(script: str) -> None:
    assert "RequestExecutionLevel user" in script
    assert "Target amd64-unicode" in script
    assert "HKLM" not in script.replace(
        r'HKLM "SOFTWARE\Microsoft\Windows NT\CurrentVersion" "CurrentBuildNumber"', ""
    )


def test_without_a_window_nothing_waits_for_an_answer(script: str) -> None:
    boxes = [line for line in script.splitlines() if "MessageBox" in line]
    assert len(boxes) >= 3
    assert [line for line in boxes if "/SD ID" not in line] == []


def test_data_is_deleted_only_after_a_yes_that_is_not_the_usual_answer(script: str) -> None:
    deletions = re.findall(r"!insertmacro DeleteData all", script)
    assert len(deletions) == 1
    question = script.partition(deletions[0])[0].splitlines()[-2]
    assert "MB_DEFBUTTON2" in question
    assert question.rstrip().endswith("/SD IDNO IDYES`")


def test_what_lies_in_a_persons_folders_is_not_deleted_by_what_follows_links(script: str) -> None:
    assert re.findall(r"^ +(?:RMDir|Delete) .*APPDATA.*", script, re.MULTILINE) == []


def test_data_is_deleted_while_the_program_is_there_to_do_it(script: str) -> None:
    """And a file of it that is in use keeps everything where it is."""
    _, _, uninstall = script.partition('Section "Uninstall"')
    deleted = [match.start() for match in re.finditer("!insertmacro DeleteData", uninstall)]
    assert len(deleted) == 2
    first = min(uninstall.index(word) for word in ("corral_user_path", "RMDir", "DeleteReg"))
    assert uninstall.index("!insertmacro RefuseWhileRunning") < deleted[0] < deleted[1] < first
    codes = load_script("windows/program/corral_delete_data")
    assert f"!define DATA_IN_USE {codes.IN_USE}" in script
    assert f"!define DATA_LEFT {codes.PARTLY}" in script
    assert "${If} $0 == ${DATA_IN_USE}\n    !insertmacro Stop ${FAILED}" in script


def test_the_engine_that_is_kept_comes_after_the_one_of_this_version(script: str) -> None:
    assert f'Rename "$INSTDIR\\engines\\$3" "$INSTDIR\\engines\\{KEPT}$3"' in script
    assert f'${{AndIf}} $1 != "{KEPT}$3"' in script


def test_a_gguf_is_taken_only_where_no_program_of_anybody_opens_it(script: str) -> None:
    taken = script.index(r'WriteRegStr HKCU "${CLASSES}\.gguf" "" "Corral.gguf"')
    asked = [line.strip() for line in script[:taken].splitlines()[-4:-1]]
    assert asked == [
        r'ReadRegStr $0 HKCU "${CLASSES}\.gguf" ""',
        'ReadRegStr $1 HKCR ".gguf" ""',
        '${If} $0$1 == ""',
    ]


def test_everything_that_is_written_to_the_registry_is_deleted(script: str) -> None:
    install, _, uninstall = script.partition('Section "Uninstall"')
    written = set(re.findall(r'WriteReg\w+ HKCU "([^"]+)" "([^"]*)"', install))
    assert len(written) > 15
    deleted_keys = re.findall(r'DeleteRegKey HKCU "([^"]+)"', uninstall)
    deleted_values = set(re.findall(r'DeleteRegValue HKCU "([^"]+)" "([^"]*)"', uninstall))
    left = {
        (key, name)
        for key, name in written - deleted_values
        if not any(key == gone or key.startswith(gone + "\\") for gone in deleted_keys)
    }
    assert left == set()


def test_everything_that_is_installed_is_uninstalled(
    image: ModuleType, small_folder: Path, tmp_path: Path
) -> None:
    freeze = load_script("windows/freeze")
    for name in (freeze.PYTHON, freeze.LICENCES):
        (small_folder / name).mkdir()
    (small_folder / "LICENSE.txt").touch()
    assert image.left_behind(small_folder) == []
    (small_folder / "more").mkdir()
    with pytest.raises(image.Unfinished, match="does not uninstall more"):
        image.make(small_folder, tmp_path / "setup.exe", "1.2.3", quick=True)


def test_an_installation_that_broke_off_can_be_done_again(script: str) -> None:
    """What marks the folder as Corral's comes before what fills the disk, and is not taken out."""
    install, _, _ = script.partition('Section "Uninstall"')
    marked = install.index('WriteUninstaller "$INSTDIR\\uninstall-corral.exe"')
    assert marked < install.index('RMDir /r "$INSTDIR\\lib"') < install.index('!include "${FILES}"')
    assert install.index("!insertmacro RefuseWhileRunning") < marked
    assert "uninstall-corral.exe" in install[: install.index('FOREIGN_FOLDER} "')]


def test_every_file_is_named_once_and_in_order(on_path: None, small_folder: Path) -> None:
    lines = list(load_script("windows/steps/nsis_files").file_lines(small_folder))
    files = [line for line in lines if line.startswith("File ")]
    assert len(files) == 5
    assert [line for line in lines if line.startswith("SetOutPath")] == [
        'SetOutPath "$INSTDIR"',
        'SetOutPath "$INSTDIR\\engines\\one"',
        'SetOutPath "$INSTDIR\\lib"',
        'SetOutPath "$INSTDIR\\lib\\$$cache"',
    ]


@pytest.mark.skipif(shutil.which("makensis") is None, reason="makensis is not here")
def test_the_script_compiles_and_gives_the_same_file_each_time(
    image: ModuleType, small_folder: Path, tmp_path: Path
) -> None:
    contents = []
    for name in ("first.exe", "second.exe"):
        image.make(small_folder, tmp_path / name, "1.2.3", quick=True)
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]
    assert b'requestedExecutionLevel level="asInvoker"' in contents[0]
    assert "1.2.3".encode("utf-16-le") in contents[0]
    header = contents[0].index(b"PE\0\0")
    assert contents[0][header + 4 : header + 6] == b"\x64\x86"  # for 64 bits


def test_without_a_folder_it_says_what_makes_it(
    image: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert image.main(["--folder", str(tmp_path), "--output", str(tmp_path / "a.exe")]) == 1
    assert "packaging/windows/freeze.py makes it" in capsys.readouterr().err


def test_without_a_certificate_nothing_is_signed_and_that_is_said(
    sign: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "Corral-Setup.exe"
    file.write_bytes(b"MZ")
    assert sign.main([str(file)]) == 0
    assert "is not signed, as there is no certificate" in capsys.readouterr().out
    assert file.read_bytes() == b"MZ"


@pytest.mark.skipif(
    shutil.which("osslsigncode") is None or shutil.which("openssl") is None,
    reason="osslsigncode or openssl is not here",
)
class TestSigning:
    @pytest.fixture
    def program(self, tmp_path: Path) -> Path:
        """A real program without a signature."""
        from importlib.util import find_spec

        spec = find_spec("pip")
        if spec is None or spec.origin is None:
            pytest.skip("pip is not here")
        vendored = Path(spec.origin).parent / "_vendor" / "distlib" / "t64.exe"
        return Path(shutil.copy(vendored, tmp_path / "corral.exe"))

    @pytest.fixture
    def certificate(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A certificate for signing code, trusted for this test."""
        key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
        subject = "/CN=Corral test"
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-days", "2",
                "-addext", "extendedKeyUsage=codeSigning",
                "-keyout", str(key), "-out", str(certificate))  # fmt: skip
        packed = tmp_path / "certificate.pfx"
        openssl("pkcs12", "-export", "-inkey", str(key), "-in", str(certificate),
                "-passout", "pass:a secret", "-out", str(packed))  # fmt: skip
        monkeypatch.setenv("CORRAL_SIGN_PFX", str(packed))
        monkeypatch.setenv("CORRAL_SIGN_PASSWORD", "a secret")
        monkeypatch.setenv("CORRAL_SIGN_CA", str(certificate))
        return certificate

    def test_a_signature_is_made_and_holds(
        self, sign: ModuleType, on_path: None, program: Path, certificate: Path
    ) -> None:
        assert sign.main(["--check", str(program)]) == 1
        assert sign.main([str(program)]) == 0
        assert sign.main(["--check", str(program)]) == 0

    def test_a_changed_program_is_found_out(
        self,
        sign: ModuleType,
        program: Path,
        certificate: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        assert sign.main([str(program)]) == 0
        content = bytearray(program.read_bytes())
        content[2000] ^= 1
        program.write_bytes(content)
        assert sign.main(["--check", str(program)]) == 1
        assert "osslsigncode failed" in capsys.readouterr().err

    def test_a_wrong_password_is_told_and_the_program_stays_as_it_was(
        self,
        sign: ModuleType,
        program: Path,
        certificate: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        before = program.read_bytes()
        monkeypatch.setenv("CORRAL_SIGN_PASSWORD", "another")
        assert sign.main([str(program)]) == 1
        assert program.read_bytes() == before

    def test_a_command_of_ones_own_signs(
        self,
        sign: ModuleType,
        program: Path,
        certificate: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        signed = Path(shutil.copy(program, tmp_path / "signed.exe"))
        assert sign.main([str(signed)]) == 0
        monkeypatch.delenv("CORRAL_SIGN_PFX")
        monkeypatch.setenv("CORRAL_SIGN_COMMAND", f"cp '{signed}' '{{file}}'")
        assert sign.main([str(program)]) == 0
        assert program.read_bytes() == signed.read_bytes()

    @pytest.mark.skipif(shutil.which("makensis") is None, reason="makensis is not here")
    def test_launchers_and_uninstaller_inside_are_signed(
        self,
        image: ModuleType,
        sign: ModuleType,
        small_folder: Path,
        program: Path,
        certificate: Path,
        tmp_path: Path,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        for name in ("corral.exe", "corralw.exe"):
            shutil.copy(program, small_folder / name)
        image.make(small_folder, tmp_path / "Corral-Setup.exe", "1.2.3", quick=True)
        assert "is signed, and the signature is good" in capfd.readouterr().out  # the uninstaller
        assert sign.main(["--check", str(small_folder / "corralw.exe")]) == 0

    @pytest.mark.skipif(shutil.which("makensis") is None, reason="makensis is not here")
    def test_there_is_no_installer_if_its_uninstaller_cannot_be_signed(
        self,
        image: ModuleType,
        small_folder: Path,
        certificate: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(image.signing.Signer, "sign", lambda _signer, _file: None)
        monkeypatch.setenv("CORRAL_SIGN_PASSWORD", "another")
        output = tmp_path / "Corral-Setup.exe"
        with pytest.raises(subprocess.CalledProcessError):
            image.make(small_folder, output, "1.2.3", quick=True)
        assert not output.exists()


def openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)
