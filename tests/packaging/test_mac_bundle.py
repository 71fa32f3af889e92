"""What can be seen of Corral.app and its disk image without a Mac."""

import importlib
import json
import plistlib
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from backends.engine_folder import INTERFACE, EngineManifest, check_files
from tests.engine_folders import write_manifest
from tests.packaging import mac_files
from tests.packaging.mac_files import mach_o
from tests.packaging.scripts import ROOT

MACOS = ROOT / "packaging" / "macos"
VERSION = "0.1.0"
STEPS = ("app_info", "bundle_check", "code_signing", "mac_build", "mach_o", "pictures")


@pytest.fixture(scope="module")
def steps() -> Iterator[dict[str, ModuleType]]:
    """The modules of packaging/macos/steps by name."""
    before = sys.path[:]
    sys.path.insert(0, str(MACOS / "steps"))
    yield {name: importlib.import_module(name) for name in (*STEPS, "trim_bundle")}
    sys.path[:] = before


MANIFEST = {
    "id": "llama.cpp-1-macos-arm64",
    "engine": "llama.cpp",
    "version": "1",
    "commit": "0123abc",
    "interface": INTERFACE,
    "system": "macos",
    "machine": "arm64",
    "variants": ["apple_m1"],
}
ENGINE = "Resources/engines/llama.cpp-1-macos-arm64"


@pytest.fixture
def bundle(steps: dict[str, ModuleType], tmp_path: Path) -> Path:
    """A small Corral.app without faults."""
    app = tmp_path / "Corral.app"
    contents = app / "Contents"
    for name in ("MacOS", "Frameworks", ENGINE):
        (contents / name).mkdir(parents=True)
    info = plistlib.dumps(steps["app_info"].info(VERSION, "arm64"))
    (contents / "Info.plist").write_bytes(info)
    program = contents / "MacOS" / "corral"
    program.write_bytes(mach_o("/usr/lib/libSystem.B.dylib", "@rpath/libpython3.11.dylib"))
    program.chmod(0o755)
    picture = ROOT / "resources" / "brand" / "app-icon.svg"
    (contents / "Resources" / "Corral.icns").write_bytes(steps["pictures"].icon_set(picture))
    for name in ("libllama.dylib", "libggml-cpu-apple_m1.so"):
        (contents / ENGINE / name).write_bytes(mach_o("/usr/lib/libSystem.B.dylib"))
    write_manifest(contents / ENGINE, MANIFEST)
    (contents / "Frameworks" / "engines").symlink_to("../Resources/engines")
    (contents / "Frameworks" / "libpython3.11.dylib").write_bytes(mach_o())
    return app


def faults(steps: dict[str, ModuleType], bundle: Path, machine: str = "arm64") -> list[str]:
    return list(steps["bundle_check"].faults(bundle, machine, VERSION))


def test_a_good_bundle_has_no_faults(steps: dict[str, ModuleType], bundle: Path) -> None:
    assert faults(steps, bundle) == []


def test_models_and_links_are_opened_with_corral(steps: dict[str, ModuleType]) -> None:
    info = plistlib.loads(plistlib.dumps(steps["app_info"].info(VERSION, "arm64")))
    (document,) = info["CFBundleDocumentTypes"]
    (kind,) = info["UTImportedTypeDeclarations"]
    assert document["LSHandlerRank"] == "Alternate", "the type is imported, not our own"
    assert document["LSItemContentTypes"] == [kind["UTTypeIdentifier"]]
    assert kind["UTTypeTagSpecification"]["public.filename-extension"] == ["gguf"]
    assert info["CFBundleURLTypes"][0]["CFBundleURLSchemes"] == ["corral"]
    assert info["LSMinimumSystemVersion"].split(".")[0].isdecimal()


def test_another_version_or_a_missing_icon_is_a_fault(
    steps: dict[str, ModuleType], bundle: Path
) -> None:
    (bundle / "Contents" / "Resources" / "Corral.icns").write_bytes(b"icns")
    found = list(steps["bundle_check"].faults(bundle, "arm64", "9.9"))
    assert any("'0.1.0' as CFBundleVersion, not '9.9'" in fault for fault in found)
    assert any("icon cannot be read" in fault for fault in found)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("/opt/somewhere/lib", "absolute path /opt/somewhere/lib"),
        ("nothing", "which is not there"),
        ("../../../other", "out of the bundle"),
    ],
)
def test_links_stay_in_the_bundle(
    steps: dict[str, ModuleType], bundle: Path, target: str, said: str
) -> None:
    (bundle.parent / "other").touch()
    (bundle / "Contents" / "Frameworks" / "link").symlink_to(target)
    assert any(said in fault for fault in faults(steps, bundle))


@pytest.mark.parametrize(
    ("library", "said"),
    [
        (mach_o("/opt/homebrew/lib/libssl.3.dylib"), "asks for /opt/homebrew/lib/libssl.3.dylib"),
        (mach_o(rpath="/opt/builder/lib"), "asks for /opt/builder/lib"),
        (mach_o(machine=0x01000007), "is not for arm64"),
        (mach_o(oldest=(99, 1)), "needs macOS 99.1"),
    ],
)
def test_libraries_need_nothing_of_the_machine_that_built_them(
    steps: dict[str, ModuleType], bundle: Path, library: bytes, said: str
) -> None:
    (bundle / "Contents" / "Frameworks" / "x.so").write_bytes(library)
    assert [said in fault for fault in faults(steps, bundle)] == [True]


def test_files_with_several_kinds_of_code_are_read(
    steps: dict[str, ModuleType], tmp_path: Path
) -> None:
    one, two = mach_o("@rpath/a.dylib"), mach_o("@rpath/b.dylib", machine=0x01000007)
    table = b"".join(
        struct.pack(">5I", part, 0, offset, len(content), 0)
        for part, offset, content in (
            (0x0100000C, 48, one),
            (0x01000007, 48 + len(one), two),
        )
    )
    file = tmp_path / "fat"
    file.write_bytes(struct.pack(">2I", 0xCAFEBABE, 2) + table + one + two)
    read = {part.machine: part.loads for part in steps["mach_o"].read(file)}
    assert read == {"arm64": ("@rpath/a.dylib",), "x86_64": ("@rpath/b.dylib",)}


@pytest.mark.parametrize(
    ("name", "oldest", "good"),
    [
        ("QtCore.abi3.so", (15, 0), True),
        ("libpyside6.abi3.6.11.dylib", (15, 0), True),
        ("libshiboken6.abi3.6.11.dylib", (15, 0), True),
        ("QtCore.abi3.so", (16, 0), False),
        ("QtCore", (15, 0), False),
        ("core.cpython-311-darwin.so", (15, 0), False),
    ],
)
def test_only_the_known_mark_of_pysides_own_files_is_passed_over(
    steps: dict[str, ModuleType], bundle: Path, name: str, oldest: tuple[int, int], good: bool
) -> None:
    (bundle / "Contents" / "Frameworks" / name).write_bytes(mach_o(oldest=oldest))
    assert (faults(steps, bundle) == []) == good


def test_an_archive_of_object_files_is_no_library(
    steps: dict[str, ModuleType], tmp_path: Path
) -> None:
    file = tmp_path / "libx.a"
    part = b"!<arch>\n" + bytes(64)
    file.write_bytes(struct.pack(">7I", 0xCAFEBABE, 1, 0x0100000C, 0, 28, len(part), 0) + part)
    assert steps["mach_o"].read(file) == []


def test_data_beside_the_program_and_mlx_on_intel_are_faults(
    steps: dict[str, ModuleType], bundle: Path
) -> None:
    (bundle / "Contents" / "MacOS" / "notes.txt").touch()
    (bundle / "Contents" / "Frameworks" / "mlx").mkdir()
    assert any("notes.txt is no code" in fault for fault in faults(steps, bundle))
    assert any(fault.startswith("mlx is in it") for fault in faults(steps, bundle, "x86_64"))


def test_the_icon_set_has_every_size_as_wide_as_its_type_says(steps: dict[str, ModuleType]) -> None:
    pictures = steps["pictures"]
    content = pictures.icon_set(ROOT / "resources" / "brand" / "app-icon.svg")
    found = pictures.entries(content)
    assert found.keys() == pictures.ICONS.keys()
    for kind, picture in found.items():
        assert picture.startswith(pictures.SIGNATURE)
        assert struct.unpack(">2I", picture[16:24]) == (pictures.ICONS[kind],) * 2


def test_what_qt_does_not_need_is_taken_out(steps: dict[str, ModuleType], bundle: Path) -> None:
    frameworks = bundle / "Contents" / "Frameworks"
    qt = frameworks / "PySide6" / "Qt"
    loads = {"QtCore": (), "QtGui": ("QtCore",), "QtQuick": ("QtQml",), "QtQml": ("QtCore",)}
    for name, needed in loads.items():
        folder = qt / "lib" / f"{name}.framework" / "Versions" / "A"
        folder.mkdir(parents=True)
        asked = [f"@rpath/{other}.framework/Versions/A/{other}" for other in (name, *needed)]
        (folder / name).write_bytes(mach_o(*asked))
    (frameworks / "QtQuick").symlink_to("PySide6/Qt/lib/QtQuick.framework/Versions/A/QtQuick")
    for name in ("platforms/libqcocoa", "platforms/libqminimal", "tls/libqopenssl"):
        plugin = qt / "plugins" / f"{name}.dylib"
        plugin.parent.mkdir(parents=True, exist_ok=True)
        plugin.write_bytes(mach_o("@rpath/QtGui.framework/Versions/A/QtGui"))
    (qt / "translations").mkdir()
    steps["trim_bundle"].trim(bundle)
    kept = sorted(path.name for path in (qt / "lib").iterdir())
    assert kept == ["QtCore.framework", "QtGui.framework"]
    assert [path.name for path in qt.rglob("*.dylib")] == ["libqcocoa.dylib"]
    assert not (qt / "translations").exists()
    assert not (frameworks / "QtQuick").is_symlink()
    assert faults(steps, bundle) == []


def test_the_innermost_code_is_signed_first_for_the_hardened_runtime(
    steps: dict[str, ModuleType], bundle: Path
) -> None:
    signing = steps["code_signing"]
    inner = bundle / "Contents/Frameworks/Qt.framework/Versions/A/Qt"
    inner.parent.mkdir(parents=True)
    inner.write_bytes(mach_o())
    order = signing.signed_parts(bundle)
    assert order.index(inner) < order.index(bundle / "Contents/Frameworks/Qt.framework")
    assert bundle / "Contents/MacOS/corral" not in order
    words = signing.sign_command(bundle, "Developer ID Application: X", entitled=True)
    assert words[words.index("--options") + 1] == "runtime"
    assert "--timestamp" in words
    entitlements = words[words.index("--entitlements") + 1]
    allowed = plistlib.loads(entitlements.read_bytes())
    assert all(allowed.values())
    assert "com.apple.security.get-task-allow" not in allowed  # Apple refuses to notarise it


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins for Apple's tools on the PATH; the file that their calls are noted in."""
    monkeypatch.setenv("PATH", mac_files.put_on_path(tmp_path / "tools"))
    monkeypatch.setenv(mac_files.LOG, str(tmp_path / "calls"))
    for name in ("IDENTITY", "PROFILE", "KEYCHAIN"):
        monkeypatch.delenv(f"CORRAL_MAC_{name}", raising=False)
        monkeypatch.delenv(f"CORRAL_NOTARY_{name}", raising=False)
    return tmp_path / "calls"


def calls(log: Path) -> list[list[str]]:
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def sign(steps: dict[str, ModuleType], bundle: Path) -> None:
    steps["code_signing"].sign_bundle(bundle, steps["mac_build"].Commands(dry_run=False))


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")
@pytest.mark.parametrize("identity", ["", "Developer ID Application: X"])
def test_the_engine_of_a_signed_bundle_is_what_its_list_says(
    steps: dict[str, ModuleType],
    bundle: Path,
    tools: Path,
    identity: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if identity:
        monkeypatch.setenv("CORRAL_MAC_IDENTITY", identity)
    engine = bundle / "Contents" / ENGINE
    before = (engine / "libllama.dylib").stat().st_size
    sign(steps, bundle)
    assert (engine / "libllama.dylib").stat().st_size > before
    manifest = msgspec.json.decode((engine / "engine.json").read_bytes(), type=EngineManifest)
    check_files(engine, manifest, contents=True)
    assert manifest.id == MANIFEST["id"]
    assert faults(steps, bundle) == []
    assert ["codesign", "--verify", "--deep", "--strict", str(bundle)] in calls(tools)
    program = (bundle / "Contents/MacOS/corral").read_bytes()
    assert b"hardened" in program, "what is tried without an identity is what will be published"
    assert ("--timestamp" in calls(tools)[0]) == bool(identity)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")
def test_signing_lists_nothing_anew_but_what_it_signed(
    steps: dict[str, ModuleType], bundle: Path, tools: Path
) -> None:
    engine = bundle / "Contents" / ENGINE
    (engine / "LICENSES.txt").write_text("all")
    write_manifest(engine, MANIFEST)
    (engine / "LICENSES.txt").write_text("one")
    (engine / "strange.so").write_bytes(mach_o())
    sign(steps, bundle)
    assert any("strange.so does not belong" in fault for fault in faults(steps, bundle))
    (engine / "strange.so").unlink()
    assert any("LICENSES.txt was changed" in fault for fault in faults(steps, bundle))


@pytest.mark.parametrize("machine", ["arm64", "x86_64"])
def test_an_engine_that_the_program_would_refuse_is_a_fault(
    steps: dict[str, ModuleType], bundle: Path, machine: str
) -> None:
    engine = bundle / "Contents" / ENGINE
    if machine == "x86_64":
        assert any("is for macos and arm64" in each for each in faults(steps, bundle, machine))
        return
    with (engine / "libllama.dylib").open("ab") as file:
        file.write(b"a signature")
    assert any("libllama.dylib is not the file" in fault for fault in faults(steps, bundle))
    (engine / "engine.json").write_text("{}")
    assert any("missing required field" in fault for fault in faults(steps, bundle))
    (engine / "engine.json").unlink()
    assert any("there is no engine" in fault for fault in faults(steps, bundle))


def test_pythons_callbacks_need_no_memory_that_the_hardened_runtime_refuses(
    steps: dict[str, ModuleType], bundle: Path
) -> None:
    module = bundle / "Contents" / "Frameworks" / "_ctypes.cpython-311-darwin.so"
    module.write_bytes(mach_o("/usr/lib/libffi.dylib", "/usr/lib/libSystem.B.dylib"))
    assert faults(steps, bundle) == []
    module.write_bytes(mach_o("@rpath/libffi.8.dylib"))
    assert any("does not use /usr/lib/libffi.dylib" in fault for fault in faults(steps, bundle))
    allowed = plistlib.loads((MACOS / "entitlements.plist").read_bytes())
    assert "com.apple.security.cs.allow-unsigned-executable-memory" not in allowed


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")
def test_apple_is_asked_with_the_keychain_that_holds_the_password(
    steps: dict[str, ModuleType], bundle: Path, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORRAL_MAC_IDENTITY", "X")
    monkeypatch.setenv("CORRAL_NOTARY_PROFILE", "corral")
    monkeypatch.setenv("CORRAL_NOTARY_KEYCHAIN", "/of/this/job")
    sign(steps, bundle)
    [asked] = [words for words in calls(tools) if "submit" in words]
    assert asked[asked.index("--keychain") + 1] == "/of/this/job"
    assert asked[-1] == str(bundle.with_suffix(".zip"))


def test_nothing_is_sent_to_apple_that_nobody_signed(
    steps: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CORRAL_MAC_IDENTITY", raising=False)
    monkeypatch.setenv("CORRAL_NOTARY_PROFILE", "a-profile")
    with pytest.raises(steps["mac_build"].Refused, match="only what CORRAL_MAC_IDENTITY signed"):
        steps["code_signing"].is_notarised(steps["mac_build"].Commands(dry_run=False))


def run_stage(stage: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(MACOS / f"{stage}.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("target", ["macos-arm64", "macos-x86_64"])
@pytest.mark.parametrize(
    ("stage", "steps_said"),
    [
        ("freeze", ("PyInstaller", "Info.plist", "notices.py", "Corral.app")),
        ("image", ("--options runtime", "notarytool", "stapler", "dmgbuild", "hdiutil verify")),
        ("sign", ("codesign", "notarytool submit --wait", "stapler staple", "spctl --assess")),
        ("verify", ("hdiutil attach", "copy Corral.app", "starter model", "hdiutil detach")),
    ],
)
def test_a_dry_run_prints_every_step_in_order(
    stage: str, steps_said: tuple[str, ...], target: str
) -> None:
    done = run_stage(stage, "--dry-run", "--target", target)
    assert done.returncode == 0, done.stderr
    places = [done.stdout.index(step) for step in steps_said]
    assert places == sorted(places)


def test_mlx_is_frozen_on_apples_own_processors_only() -> None:
    arm = run_stage("freeze", "--dry-run", "--target", "macos-arm64").stdout
    intel = run_stage("freeze", "--dry-run", "--target", "macos-x86_64").stdout
    assert "--collect-all mlx" in arm
    assert "--exclude-module mlx" not in arm
    assert "--exclude-module mlx" in intel
    assert "--collect-all mlx" not in intel


@pytest.mark.skipif(sys.platform == "darwin", reason="says what is said where it cannot work")
@pytest.mark.parametrize("stage", ["freeze", "image", "verify"])
def test_elsewhere_a_stage_says_that_it_needs_a_mac(stage: str) -> None:
    done = run_stage(stage, "--target", "macos-arm64")
    assert done.returncode == 1
    assert "needs a Mac" in done.stderr


def test_the_disk_image_shows_the_program_beside_a_link_to_applications(tmp_path: Path) -> None:
    show = (
        "import json, runpy, sys, pathlib; "
        "image = runpy.run_path(sys.argv[1]); "
        "json.dump(image['settings'](pathlib.Path('Corral.app')), sys.stdout)"
    )
    command = [sys.executable, "-c", show, str(MACOS / "image.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    program, folder = said["contents"]
    size = said["window"]["size"]
    assert folder["path"] == "/Applications"
    assert program["y"] == folder["y"]
    half = said["icon-size"] / 2
    for place in (program, folder):
        assert half <= place["x"] <= size["width"] - half
        assert half <= place["y"] <= size["height"] - half
