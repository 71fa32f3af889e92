"""The workflows are what GitHub reads, and everything they run exists."""

import fnmatch
import os
import re
import shlex
import shutil
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
SCRIPT = re.compile(r"python3? (packaging/[\w/]+\.py)((?: [^\n]*)?)")
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


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}


def said_of_itself(script: str) -> str:
    """What a script prints when it is asked for its options."""
    done = subprocess.run(
        [sys.executable, str(ROOT / script), "--help"],
        env=ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode in (0, 2), (script, done.stderr)
    return done.stdout + done.stderr


def test_every_script_that_is_run_exists_and_knows_its_options() -> None:
    found = list(commands())
    assert len(found) > 20
    said = {script: "" for _, script, _ in found}
    for script in said:
        assert (ROOT / script).is_file(), script
        if any("--" in words for _, each, words in found if each == script):
            said[script] = said_of_itself(script)
    for job, script, words in found:
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", words):
            # bootstrap.py and others hand words on.
            assert re.search(rf"{option}\b", said[script]), f"{job}: {script} has no {option}"


def test_stages_take_the_very_words_that_they_are_given() -> None:
    tried = set()
    for job, script, words in commands():
        if script.split("/")[1] in ("linux", "macos", "windows", "engine", "freeze.py"):
            target = "macos-arm64" if "macos" in job else "linux-x86_64"
            line = shlex.split(words.replace("$TARGET", target))
            command = [sys.executable, str(ROOT / script), *line, "--dry-run"]
            if "--dry-run" in said_of_itself(script) and tuple(command) not in tried:
                tried.add(tuple(command))
                done = subprocess.run(
                    command, env=ENVIRONMENT, capture_output=True, encoding="utf-8", check=False
                )
                # What there is to do depends on what was built here.
                assert done.returncode in (0, 1), (job, script, done.stderr)
                assert "Traceback" not in done.stderr, (job, script, done.stderr)
    assert len(tried) > 8


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


MAY_KNOW_SECRETS = {
    "packaging/checksums.py",
    "packaging/macos/image.py",
    "packaging/macos/sign.py",
    "packaging/updates/sign.py",
    "packaging/updates/verify.py",
    "packaging/windows/image.py",
    "packaging/windows/sign.py",
}
"""What signs, and what checks a signature at once."""


def secret_steps() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name and content of the job, and the step, of each that has a secret in its environment."""
    for name, job in jobs():
        for step in job["steps"]:
            if "secrets." in str(step.get("env", "")):
                yield name, job, step


def test_a_secret_is_known_only_to_the_step_that_signs_with_it() -> None:
    found = list(secret_steps())
    assert len(found) >= 4
    for name, job in jobs():
        own = {key: value for key, value in job.items() if key != "steps"}
        assert "secrets." not in str(own), name
        for step in job["steps"]:
            rest = {key: value for key, value in step.items() if key != "env"}
            assert "secrets." not in str(rest), name
    for name, _, step in found:
        run = step["run"].replace("\\\n", " ")
        assert {script for script, _ in SCRIPT.findall(run)} <= MAY_KNOW_SECRETS, name
        assert "GITHUB_ENV" not in run, name
        assert "RUNNER_TEMP" not in run or "trap " in run, f"{name} leaves a file behind"


def test_jobs_with_secrets_ask_a_person_first_and_build_nothing() -> None:
    asking = {name for name, _, _ in secret_steps()}
    for name, job in jobs():
        environment = str(job.get("environment", ""))
        assert (name in asking) == bool(environment), name
        if environment and environment != "release":
            assert environment == "${{ github.ref_type == 'tag' && 'release' || 'trial' }}"
        if environment:
            ran = " ".join(str(step.get("run", "")) for step in job["steps"])
            assert "freeze.py" not in ran, name
            assert "engine/build.py" not in ran, name
            for step in job["steps"]:
                if "checkout" in step.get("uses", ""):
                    assert step["with"]["persist-credentials"] is False, name


def test_what_a_job_takes_over_was_put_there_by_one_that_it_waits_for() -> None:
    content = workflow("release.yml")["jobs"]
    uploads = {
        step["with"]["name"]: job
        for job, each in content.items()
        for step in each["steps"]
        if "upload-artifact" in step.get("uses", "")
    }
    for job, each in content.items():
        needed = [each["needs"]] if isinstance(each.get("needs"), str) else each.get("needs", [])
        for step in each["steps"]:
            if "download-artifact" in step.get("uses", ""):
                wanted = step["with"].get("name") or step["with"]["pattern"]
                makers = {by for name, by in uploads.items() if fnmatch.fnmatch(name, wanted)}
                assert makers, (job, wanted)
                assert makers <= set(needed), (job, wanted)


def test_environments_are_made_before_they_are_used_with_the_python_that_is_locked() -> None:
    locked = load_script("locked_libraries").PYTHON
    for name, job in jobs():
        made = False
        windows = "windows" in str(job["runs-on"])
        for step in job["steps"]:
            if "setup-python" in step.get("uses", "") and name.startswith("release"):
                system = "windows-x86_64" if windows else "linux-x86_64"
                assert step["with"]["python-version"] == locked[system], name
            for line in str(step.get("run", "")).splitlines():
                made |= "locked_environment.py" in line
                for place in re.findall(r"\.venv-locked/(\w+)/", line):
                    assert made, f"{name}: {line}"
                    assert place == ("Scripts" if windows else "bin"), name


def test_jobs_on_windows_speak_one_shell() -> None:
    for name, job in jobs():
        if "windows-" in str(job["runs-on"]) and name.startswith("release"):
            assert job["defaults"]["run"]["shell"] == "bash", name


def test_a_job_in_a_container_uses_what_is_there() -> None:
    """It is root, in a folder of another user; images have no sudo, and few have git."""
    found = [(name, job) for name, job in jobs() if str(job.get("container", "")) == "debian:12"]
    assert found
    for name, job in found:
        ran = "\n".join(str(step.get("run", "")) for step in job["steps"])
        assert "sudo" not in ran, name
        used = [str(step.get("uses", "")) for step in job["steps"]]
        assert not any("setup-python" in each for each in used), "it has none for Debian"
        checkout = next(place for place, each in enumerate(used) if "checkout" in each)
        before = "\n".join(str(step.get("run", "")) for step in job["steps"][:checkout])
        assert re.search(r"apt-get install [^&]*\bgit\b", before), name
        assert ran.index("safe.directory") < ran.index("packaging/"), name


def test_windows_is_compiled_for_by_a_compiler_that_knows_its_processors() -> None:
    """MinGW of Ubuntu 22.04 (gcc 10) does not know AVX-VNNI; that of Debian 12 is tried."""
    assert workflow("release.yml")["jobs"]["windows-engine"]["container"] == "debian:12"


def test_the_package_names_who_answers_for_it() -> None:
    [step] = [step for _, step in steps() if "--forms deb" in str(step.get("run", ""))]
    assert step["env"] == {"CORRAL_MAINTAINER": "${{ vars.MAINTAINER }}"}


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_every_step_is_good_shell(tmp_path: Path) -> None:
    checker = shutil.which("shellcheck")
    for name, job in jobs():
        usual = job.get("defaults", {}).get("run", {}).get("shell")
        for step in job["steps"]:
            if "run" not in step:
                continue
            # Unless said otherwise it is bash; in containers, a plain shell.
            shell = step.get("shell") or usual or ("sh" if "container" in job else "bash")
            script = tmp_path / "step.sh"
            script.write_text(step["run"], encoding="utf-8")
            commands = [[shell, "-n", str(script)]]
            if checker:
                commands.append([checker, f"--shell={shell}", str(script)])
            for command in commands:
                checked = subprocess.run(command, capture_output=True, text=True, check=False)
                assert checked.returncode == 0, (name, step, checked.stdout + checked.stderr)
