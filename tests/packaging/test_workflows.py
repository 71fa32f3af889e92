"""The workflows are what GitHub reads, and everything they run exists."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.scripts import ROOT, load_script

yaml = pytest.importorskip("yaml")

FOLDER = ROOT / ".github" / "workflows"
NAMES = ("ci.yml", "release.yml")
SYSTEMS = {"ubuntu", "windows", "macos"}
SCRIPT = re.compile(r"(?:python|/python) (packaging/[\w/]+\.py)((?: [^\n]*)?)")
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}")


def workflow(name: str) -> dict[Any, Any]:
    content: dict[Any, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return content


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for name in NAMES:
        for job, content in workflow(name)["jobs"].items():
            yield f"{name}: {job}", content


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for job, content in jobs():
        for step in content["steps"]:
            yield job, step


def commands() -> Iterator[tuple[str, str, str]]:
    """Job, script and words of each script of ours that a workflow runs."""
    for job, step in steps():
        # Lines that a shell joins are one command.
        text = str(step.get("run", "")).replace("\\\n", " ")
        for script, words in SCRIPT.findall(text):
            yield job, script, words


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_has_what_github_asks_for(name: str) -> None:
    content = workflow(name)
    assert content["name"]
    assert content[True], "YAML 1.1 reads the key “on” as true"
    assert content["permissions"] == {"contents": "read"}
    for job in content["jobs"].values():
        assert job["runs-on"]
        assert job["timeout-minutes"] <= 120
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
        for needed in [job.get("needs", [])]:
            names = [needed] if isinstance(needed, str) else needed
            assert set(names) <= content["jobs"].keys()


def test_actions_are_pinned_by_commit_with_their_version_beside() -> None:
    for job, step in steps():
        assert PINNED.fullmatch(step.get("uses", "a/b@" + "0" * 40)), (job, step)
    for name in NAMES:
        for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
            assert "uses:" not in line or re.search(r"# v\d+\.\d+\.\d+$", line), line


def test_an_action_has_one_version_in_all_workflows() -> None:
    pins = {step["uses"] for _, step in steps() if "uses" in step}
    assert len(pins) == len({pin.split("@")[0] for pin in pins})


def test_every_script_that_is_run_exists_and_knows_its_options() -> None:
    found = list(commands())
    assert len(found) > 20
    for job, script, words in found:
        file = ROOT / script
        assert file.is_file(), f"{job} runs {script}"
        text = file.read_text(encoding="utf-8")
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", words):
            assert f'"{option}"' in text, f"{job}: {script} has no {option}"


def test_targets_of_make_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = [
        target
        for _, step in steps()
        for target in re.findall(r"\bmake ([a-z-]+)", str(step.get("run", "")))
    ]
    assert found
    for target in found:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_both_workflows_run_on_the_three_systems() -> None:
    for name in NAMES:
        runners = " ".join(str(job) for job in workflow(name)["jobs"].values())
        assert {system for system in SYSTEMS if system in runners} == SYSTEMS


def test_tests_of_ci_are_those_of_make_test() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "$(PYTHON) packaging/bootstrap.py test" in makefile
    assert any(step.get("run") == "python packaging/bootstrap.py test" for _, step in steps())


@pytest.mark.parametrize("job", ["linux", "windows", "macos"])
def test_what_is_built_is_tried_before_it_is_published(job: str) -> None:
    content = workflow("release.yml")
    names = [step.get("uses", step.get("name", "")) for step in content["jobs"][job]["steps"]]
    tried = [place for place, name in enumerate(names) if name.startswith("install, start, chat")]
    (uploaded,) = [place for place, name in enumerate(names) if "upload-artifact" in name]
    assert tried
    assert max(tried) < uploaded
    assert job in content["jobs"]["publish"]["needs"]


def test_only_a_tag_publishes_and_only_that_job_may_write() -> None:
    content = workflow("release.yml")
    for name, job in content["jobs"].items():
        assert ("permissions" in job) == (name == "publish")
    publish = content["jobs"]["publish"]
    conditions = {each.strip() for each in publish["if"].split("&&")}
    assert conditions == {"!cancelled()", "github.ref_type == 'tag'"} | {
        f"needs.{job}.result == 'success'" for job in ("linux", "windows", "macos")
    }
    assert publish["permissions"] == {"contents": "write"}
    assert publish["environment"] == "release"


def test_a_release_does_without_engines_for_graphics_cards_and_signs_those_it_has() -> None:
    content = workflow("release.yml")
    for name in ("vulkan-engine", "cuda-engine"):
        job = content["jobs"][name]
        assert job["continue-on-error"] is True
        assert job["env"]["TARGET"] in load_script("engine/engine_targets").TARGETS
        names = [step.get("uses", step.get("name", "")) for step in job["steps"]]
        (uploaded,) = [place for place, each in enumerate(names) if "upload-artifact" in each]
        assert names.index("add, answer on the processor, remove") < uploaded
        assert name in content["jobs"]["publish"]["needs"]
    steps_of = [step.get("name", "") for step in content["jobs"]["publish"]["steps"]]
    assert steps_of.index("sign the engines") < steps_of.index("checksums and description")


def test_secrets_are_named_at_the_head_and_get_to_shells_by_the_environment_only() -> None:
    text = (FOLDER / "release.yml").read_text(encoding="utf-8")
    head = text[: text.index("\nname:")]
    for secret in re.findall(r"secrets\.(\w+)", text):
        assert secret in head, secret
    for job, step in steps():
        assert "${{" not in str(step.get("run", "")), job


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_every_step_is_good_shell(tmp_path: Path) -> None:
    for job, step in steps():
        if "run" in step:
            script = tmp_path / "step.sh"
            script.write_text(step["run"], encoding="utf-8")
            checked = subprocess.run(
                ["bash", "-n", str(script)], capture_output=True, text=True, check=False
            )
            assert checked.returncode == 0, (job, step, checked.stderr)
