"""The licences and the parts list of an installed form are complete."""

import json
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.packaging.scripts import load_script


@pytest.fixture(scope="module")
def notices() -> Iterator[ModuleType]:
    before = sys.path[:]
    yield load_script("notices")
    sys.path[:] = before


@pytest.fixture(scope="module")
def form(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installed form with an engine; what is frozen is that of this environment."""
    folder = tmp_path_factory.mktemp("form")
    engine = folder / "engines" / "an-engine"
    engine.mkdir(parents=True)
    manifest = {"engine": "llama.cpp", "version": "0.3.36", "commit": "0c1e57098"}
    (engine / "engine.json").write_text(json.dumps(manifest))
    (engine / "LICENSES.txt").write_text("MIT License")
    (engine / "libgomp.so.1").touch()
    return folder


@pytest.fixture(scope="module")
def written(notices: ModuleType, form: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("notices")
    assert notices.main([str(form), str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def bill(written: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((written / "corral.cdx.json").read_text(encoding="utf-8"))
    return content


def test_every_library_is_listed_with_its_licence_and_a_text_of_it(
    notices: ModuleType, written: Path, bill: dict[str, Any]
) -> None:
    needed = load_script("pin").versions("corral", without={"llama-cpp-python"})
    del needed["hf-xet"]  # not frozen
    listed = {part["name"]: part for part in bill["components"]}
    assert needed.keys() <= listed.keys()
    assert "llama-cpp-python" not in listed, "the form has an engine of its own"
    lines = (written / "NOTICES.txt").read_text(encoding="utf-8").splitlines()
    for name, part in listed.items():
        assert part["licenses"][0], name
        texts = list((written / "licences" / name).iterdir())
        assert any(text.stat().st_size for text in texts), name
        assert any(line.startswith(name) for line in lines), name


def test_what_is_no_python_library_is_listed_too(bill: dict[str, Any]) -> None:
    names = {part["name"]: part for part in bill["components"]}
    assert names["llama.cpp"]["version"] == "0.3.36+0c1e57098"
    assert "GCC-exception-3.1" in names["llama.cpp"]["licenses"][0]["expression"]
    assert {"python", "Inter", "JetBrainsMono", "Lucide", "markdown-it"} <= names.keys()


def test_the_duties_of_qts_licence_are_met(written: Path) -> None:
    folder = written / "licences" / "pyside6-essentials"
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in (folder / "LGPL-3.0.txt").read_text()
    assert "GNU GENERAL PUBLIC LICENSE" in (folder / "GPL-3.0.txt").read_text()
    duties = (folder / "pyside6.txt").read_text(encoding="utf-8")
    assert "replace them" in duties
    assert "three years" in duties


def test_the_parts_list_is_valid_by_cyclonedxs_own_schema(written: Path) -> None:
    validation = pytest.importorskip("cyclonedx.validation.json")
    schema = pytest.importorskip("cyclonedx.schema")
    pytest.importorskip("jsonschema")
    validator = validation.JsonStrictValidator(schema.SchemaVersion.V1_6)
    text = (written / "corral.cdx.json").read_text(encoding="utf-8")
    assert validator.validate_str(text) is None
    wrong = json.loads(text)
    del wrong["components"][0]["type"]
    assert validator.validate_str(json.dumps(wrong)) is not None


def test_references_in_the_parts_list_are_unique_and_lead_somewhere(bill: dict[str, Any]) -> None:
    references = [part["bom-ref"] for part in bill["components"]]
    assert len(set(references)) == len(references)
    assert bill["dependencies"][0]["dependsOn"] == references


def test_the_same_parts_give_the_same_files(
    notices: ModuleType, form: Path, written: Path, tmp_path: Path
) -> None:
    assert notices.main([str(form), str(tmp_path)]) == 0
    for path in written.rglob("*"):
        other = tmp_path / path.relative_to(written)
        assert path.is_dir() or path.read_bytes() == other.read_bytes()


def test_a_library_without_a_licence_stops_the_build(
    notices: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    information = tmp_path / "lib" / "nameless-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: nameless\nVersion: 1.0\n")
    (information / "RECORD").write_text("nameless-1.0.dist-info/METADATA,,\n")
    assert notices.main([str(tmp_path), str(tmp_path / "out")]) == 1
    assert "nameless carries no licence text" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="asks Debian's list of packages")
def test_a_library_that_nobody_owns_is_told_of_and_stops_a_release(
    notices: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "_internal").mkdir()
    (tmp_path / "_internal" / "libnobodys.so.1").touch()
    assert notices.main([str(tmp_path), str(tmp_path / "out")]) == 0
    assert "no Debian package owns libnobodys.so.1" in capsys.readouterr().err
    assert notices.main(["--strict", str(tmp_path), str(tmp_path / "out")]) == 1


def test_libraries_that_were_unpacked_without_a_list_of_files_keep_their_texts(
    notices: ModuleType, tmp_path: Path
) -> None:
    information = tmp_path / "lib" / "Some_Thing-1.0.dist-info"
    (information / "licenses").mkdir(parents=True)
    (information / "METADATA").write_text("Name: Some.Thing\nVersion: 1.0\nLicense: MIT\n")
    (information / "licenses" / "LICENSE").write_text("Do as you like.")
    assert notices.main([str(tmp_path), str(tmp_path / "out")]) == 0
    text = tmp_path / "out" / "licences" / "some-thing" / "LICENSE"
    assert text.read_text() == "Do as you like."


def test_licences_are_read_from_old_and_new_metadata(notices: ModuleType, tmp_path: Path) -> None:
    installed_parts = sys.modules[notices.NoLicence.__module__]

    def described(text: str) -> metadata.PackageMetadata:
        information = tmp_path / "x-1.dist-info"
        information.mkdir(exist_ok=True)
        (information / "METADATA").write_text(f"Name: x\n{text}\n")
        return metadata.PathDistribution(information).metadata

    for text, licence in (
        ("License-Expression: MIT", "MIT"),
        ("License: Apache-2.0", "Apache-2.0"),
        ("License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License", "MIT"),
    ):
        assert installed_parts.licence_of("x", described(text)) == licence
    with pytest.raises(installed_parts.NoLicence):
        installed_parts.licence_of("x", described("License: Do what is right"))
