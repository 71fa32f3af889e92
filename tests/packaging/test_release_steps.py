"""The steps of a release that know a secret, run as GitHub would run them.

What is not here (Apple's keychain, Windows' signing tools, the scripts for those systems) is a
stand-in that notes how it was called.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.scripts import ROOT, load_script
from tests.packaging.test_updates import describe

yaml = pytest.importorskip("yaml")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")

WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"
NOTES_CALLS = """\
#!{python}
import json, os, sys
told = {{name: value for name, value in os.environ.items() if name in {names!r}}}
for place in filter(None, map(os.environ.get, ("CORRAL_SIGN_PFX",))):
    told["pfx"] = open(place).read() if os.path.exists(place) else ""
with open({log!r}, "a") as file:
    file.write(json.dumps([os.path.basename(sys.argv[0]), sys.argv[1:], told]) + "\\n")
sys.exit({fails!r} in " ".join(sys.argv) if {fails!r} else 0)
"""


def step(job: str, name: str) -> dict[str, Any]:
    content = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"][job]
    [found] = [each for each in content["steps"] if each.get("name") == name]
    return dict(found)


class Runner:
    """A folder of a job, with stand-ins on its PATH."""

    def __init__(self, folder: Path) -> None:
        self.work, self.temporary, self.tools = (folder / each for each in ("work", "temp", "bin"))
        for each in (self.work, self.temporary, self.tools):
            each.mkdir(parents=True)
        self.log = folder / "calls"

    def stand_in(self, path: Path, *names: str, fails: str = "") -> None:
        """A program that notes its words, and of its environment the variables `names`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            NOTES_CALLS.format(
                python=sys.executable, names=[*names], log=str(self.log), fails=fails
            )
        )
        path.chmod(0o755)

    def run(self, found: dict[str, Any], **given: str) -> subprocess.CompletedProcess[str]:
        """The step, with `given` for what it takes from secrets and variables; others are empty."""
        environment = {
            "PATH": f"{self.tools}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.work),
            "RUNNER_TEMP": str(self.temporary),
            "TARGET": "macos-arm64",
        }
        for name, value in found["env"].items():
            environment[name] = given.get(name, "" if "${{" in value else value)
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", found["run"]]
        return subprocess.run(
            command, cwd=self.work, env=environment, capture_output=True, text=True, check=False
        )

    def calls(self) -> list[tuple[str, list[str], Mapping[str, str]]]:
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        return [tuple(json.loads(line)) for line in lines]

    def left(self) -> list[str]:
        """What lies in the job's folder for passing files."""
        return sorted(path.name for path in self.temporary.iterdir())


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path / "runner")


CERTIFICATE = {
    "CERTIFICATE": base64.b64encode(b"certificate").decode(),
    "CERTIFICATE_PASSWORD": "secret",
    "IDENTITY": "Developer ID Application: X",
    "APPLE_ID": "x@corral.example",
    "TEAM": "X",
    "NOTARY_PASSWORD": "secret",
}
FOR_SCRIPTS = (
    *("CERTIFICATE", "CERTIFICATE_PASSWORD", "NOTARY_PASSWORD"),
    *("CORRAL_MAC_IDENTITY", "CORRAL_NOTARY_PROFILE", "CORRAL_NOTARY_KEYCHAIN"),
)


def on_a_mac(runner: Runner, fails: str = "") -> None:
    for tool in ("security", "xcrun", "uuidgen"):
        runner.stand_in(runner.tools / tool)
    runner.stand_in(runner.work / ".venv-locked/bin/python", *FOR_SCRIPTS, fails=fails)


def test_a_mac_signs_with_a_keychain_that_is_gone_afterwards(runner: Runner) -> None:
    on_a_mac(runner)
    done = runner.run(step("macos", "image, signed"), **CERTIFICATE)
    assert done.returncode == 0, done.stderr
    said = runner.calls()
    scripts = [(words[0], told) for tool, words, told in said if tool == "python"]
    assert [script for script, _ in scripts] == [
        "packaging/macos/image.py",
        "packaging/macos/sign.py",
    ]
    keychain = str(runner.temporary / "corral.keychain-db")
    for _, told in scripts:
        assert told == {
            "CORRAL_MAC_IDENTITY": "Developer ID Application: X",
            "CORRAL_NOTARY_PROFILE": "corral",
            "CORRAL_NOTARY_KEYCHAIN": keychain,
        }
    assert said[-1][:2] == ("security", ["delete-keychain", keychain])
    assert runner.left() == []


def test_a_mac_that_cannot_sign_fails_and_forgets_the_certificate(runner: Runner) -> None:
    on_a_mac(runner, fails="image.py")
    done = runner.run(step("macos", "image, signed"), **CERTIFICATE)
    assert done.returncode != 0
    assert runner.calls()[-1][1][0] == "delete-keychain"
    assert runner.left() == []
    assert "sign.py" not in str(runner.calls())


def test_a_mac_without_a_certificate_asks_for_no_keychain(runner: Runner) -> None:
    on_a_mac(runner)
    assert runner.run(step("macos", "image, signed")).returncode == 0
    assert {tool for tool, _, _ in runner.calls()} == {"python"}
    assert all(not told.get("CORRAL_MAC_IDENTITY") for _, _, told in runner.calls())


@pytest.mark.parametrize("fails", ["", "image.py"])
def test_the_certificate_for_windows_is_there_while_it_signs(runner: Runner, fails: str) -> None:
    python = runner.work / ".venv-locked/Scripts/python"
    runner.stand_in(python, "CERTIFICATE", "CORRAL_SIGN_PASSWORD", fails=fails)
    secrets = {"CERTIFICATE": CERTIFICATE["CERTIFICATE"], "CORRAL_SIGN_PASSWORD": "secret"}
    done = runner.run(step("windows", "installer, signed"), **secrets)
    assert (done.returncode != 0) == bool(fails)
    assert len(runner.calls()) == (1 if fails else 2)
    for _, _, told in runner.calls():
        assert told == {"CORRAL_SIGN_PASSWORD": "secret", "pfx": "certificate"}
    assert runner.left() == []


def test_without_a_certificate_nothing_is_said_to_be_one(runner: Runner) -> None:
    runner.stand_in(runner.work / ".venv-locked/Scripts/python", "CORRAL_SIGN_PFX")
    assert runner.run(step("windows", "installer, signed")).returncode == 0
    assert [told for _, _, told in runner.calls()] == [{}, {}]


PASSWORD = "correct horse battery"


@pytest.fixture
def published(runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a release to publish, and the folder of its private keys."""
    for name in ("app", "backends", "packaging", "resources"):
        shutil.copytree(ROOT / name, runner.work / name, ignore=shutil.ignore_patterns("__pyc*"))
    python = runner.work / ".venv-locked" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    out = runner.work / "out"
    out.mkdir()
    described = describe(out, "0.2.0").rename(out / "RELEASE.json")
    told = json.loads(described.read_text(encoding="utf-8"))
    told["packages"][0]["url"] = "https://x.example/corral.deb"
    described.write_text(json.dumps(told), encoding="utf-8")
    monkeypatch.setenv("CORRAL_UPDATE_KEY_PASSWORD", PASSWORD)
    return tmp_path / "keys"


LIST = "sign the list of versions"


def make_keys(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Make private keys; what a build has to know to believe them."""
    assert load_script("updates/make_keys").main([str(folder)]) == 0
    public = json.loads(capsys.readouterr().out)["keys"]
    return {"address": "https://x.example/corral-updates.json", "keys": public}


def test_a_list_that_the_built_programs_do_not_believe_stops_the_release(
    runner: Runner, published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    believed = make_keys(published, capsys)
    secrets = {
        "UPDATE_KEY": (published / "update-key-1.pem").read_text(),
        "CORRAL_UPDATE_KEY_PASSWORD": PASSWORD,
    }
    source = runner.work / "resources" / "updates.json"
    source.write_text('{"address": "", "keys": []}')
    done = runner.run(step("publish", LIST), **secrets)
    assert done.returncode != 0
    assert "has no address or no keys" in done.stderr
    assert runner.left() == []
    source.write_text(json.dumps(make_keys(published.with_name("others"), capsys)))
    done = runner.run(step("publish", LIST), **secrets)
    assert done.returncode != 0
    assert "not from Corral's makers" in done.stderr
    source.write_text(json.dumps(believed))
    done = runner.run(step("publish", LIST), **secrets)
    assert done.returncode == 0, done.stderr
    assert "Corral 0.2.0" in done.stdout
    assert runner.left() == []
    out = sorted(path.name for path in (runner.work / "out").iterdir())
    assert out == ["corral.deb", "new.md", "updates-list.json"]


def test_without_a_key_there_is_no_list_and_the_release_goes_on(
    runner: Runner, published: Path
) -> None:
    done = runner.run(step("publish", LIST))
    assert done.returncode == 0, done.stderr
    assert not (runner.work / "out" / "updates-list.json").exists()
    assert not (runner.work / "out" / "RELEASE.json").exists()


@pytest.mark.skipif(not shutil.which("gpg"), reason="signs with gpg")
@pytest.mark.parametrize("with_a_key", [True, False])
def test_checksums_are_signed_by_the_key_of_the_secret_which_is_forgotten(
    runner: Runner, published: Path, with_a_key: bool
) -> None:
    sums = runner.work / "out" / "SHA256SUMS"
    sums.write_text("a list\n")
    secrets = {}
    if with_a_key:
        home = ["gpg", "--homedir", str(published.parent / "g"), "--batch", "--quiet"]
        Path(home[2]).mkdir(mode=0o700)
        told = ["--pinentry-mode", "loopback", "--passphrase", PASSWORD]
        name = "release@corral.example"
        made = [*home, *told, "--quick-generate-key", name, "ed25519", "sign"]
        subprocess.run(made, check=True, capture_output=True)
        exported = [*home, *told, "--armor", "--export-secret-keys", name]
        key = subprocess.run(exported, check=True, capture_output=True, text=True).stdout
        subprocess.run(["gpgconf", "--homedir", home[2], "--kill", "all"], check=True)
        secrets = {"GPG_KEY": key, "CORRAL_GPG_KEY": name, "CORRAL_GPG_PASSPHRASE": PASSWORD}
    done = runner.run(step("publish", "sign the checksums"), **secrets)
    assert done.returncode == 0, done.stderr
    assert sums.with_name("SHA256SUMS.asc").exists() == with_a_key
    assert ("not signed" in done.stdout) != with_a_key
    assert runner.left() == []
