"""The command line as a person or a script uses it: in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from app.core.paths import app_paths
from app.core.speeds import LEAST_TOKENS, SpeedBook
from app.core.transfer_wire import Limits
from tests.core.broken_gguf import tiny_model
from tests.core.model_stores import put, tiny
from tests.hub.faults import Allowance
from tests.hub.server import LocalHub
from tests.timing import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
STARTER = "smollm2"


def corral(*words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *words],
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
        env={**os.environ, **environment},
        timeout=100,
        check=False,
    )


def test_version() -> None:
    result = corral("--version")
    assert result.returncode == 0
    assert result.stdout.startswith("corral ")


def test_unknown_words_are_usage_errors() -> None:
    result = corral("lss")
    assert result.returncode == 2
    assert "lss" in result.stderr


def test_listing_shows_the_starter_model() -> None:
    rows = json.loads(corral("ls", "--json").stdout)
    starter = next(row for row in rows if row["source"] == "starter")
    assert starter["architecture"] == "llama"
    assert starter["quantization"] == "Q4_1"
    assert starter["read_only"] is True
    assert starter["name"] in corral("ls").stdout


def test_a_damaged_settings_file_is_told(corral_home: Path) -> None:
    file = app_paths().settings_file
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("{broken", encoding="utf-8")
    listed = corral("ls")
    assert listed.returncode == 0
    assert "Corral is offline until you switch that off" in listed.stderr
    assert corral("ls").stderr == ""


def test_a_damaged_list_of_adopted_models_is_told(corral_home: Path) -> None:
    file = app_paths().data / "library.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("{broken", encoding="utf-8")
    listed = corral("ls")
    assert listed.returncode == 0
    assert "library.json.broken-" in listed.stderr
    assert corral("ls").stderr == ""


def test_a_damaged_preset_is_told(corral_home: Path) -> None:
    file = app_paths().presets_dir / "mine.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("{broken", encoding="utf-8")
    result = corral("run", STARTER, "Hello", "--preset", "mine")
    assert result.returncode == 3
    assert "mine.json.broken-" in result.stderr
    assert "There is no preset named mine" in result.stderr


def test_listing_says_what_is_wrong_with_a_model(corral_home: Path) -> None:
    assert "PROBLEM" not in corral("ls").stdout
    folder = corral_home / "models" / "maker" / "broken"
    folder.mkdir(parents=True)
    (folder / "broken-Q4_K_M.gguf").write_bytes(b"<!doctype html>")
    head, *rows = corral("ls").stdout.splitlines()
    [row] = [row for row in rows if "maker" in row]
    assert head.endswith("PROBLEM")
    assert row[head.index("PROBLEM") :].endswith(".")
    broken = [row for row in json.loads(corral("ls", "--json").stdout) if row["problem"]]
    assert [row[head.index("PROBLEM") :]] == [each["problem"] for each in broken]


def test_commands_leave_qt_alone() -> None:
    script = (
        "import sys; from app.cli.main import main; main(['ls']); "
        "sys.exit(any(name.startswith('PySide6') for name in sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=60, check=False)
    assert result.returncode == 0


@pytest.mark.engine
def test_one_question() -> None:
    result = corral(
        "run", STARTER, "What is the capital of France?", "--temperature", "0", "--stats",
        "--max-tokens", "40",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "Paris" in result.stdout
    assert "\ufffd" not in result.stdout
    assert "tokens/s" in result.stderr
    assert "tokens/s" not in result.stdout


@pytest.mark.engine
def test_the_speed_of_an_answer_is_learned(starter_file: Path) -> None:
    words = (
        "Tell a long story about the sea.",
        "--max-tokens",
        str(LEAST_TOKENS),
        "--set",
        "ignore_eos=true",
    )
    result = corral("run", STARTER, *words)
    assert result.returncode == 0, result.stderr
    book = SpeedBook(app_paths().speeds_file)
    size = starter_file.stat().st_size
    assert any(book.expected(size, on_gpu=on_gpu) for on_gpu in (False, True))


@pytest.mark.engine
def test_a_piped_question_with_a_preset() -> None:
    result = corral(
        "run", STARTER, "--preset", "coder", "--max-tokens", "8", stdin="Say hello.\n"
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()


@pytest.mark.parametrize(
    ("words", "piped", "title"),
    [
        ([], b"", "The prompt is empty"),
        ([], b" \n\t\n", "The prompt is empty"),
        (["  "], b"", "The prompt is empty"),
        ([], "caf\u00e9".encode("latin-1"), "The prompt is not UTF-8 text"),
    ],
)
def test_a_prompt_that_cannot_be_sent_is_a_usage_error(
    words: list[str], piped: bytes, title: str
) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "app", "run", STARTER, *words],
        input=piped,
        capture_output=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert result.returncode == 2
    assert result.stdout == b""
    assert result.stderr.decode().startswith(f"corral: {title}.")


@pytest.mark.skipif(sys.platform == "win32", reason="an argument is text there")
def test_a_word_that_is_no_text_is_a_usage_error() -> None:
    result = corral("run", STARTER, os.fsdecode(b"caf\xe9"))
    assert result.returncode == 2
    assert "The prompt is not UTF-8 text" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="closes descriptors by a POSIX shell")
@pytest.mark.parametrize(
    ("command", "code", "error"),
    [
        ("run smollm2 <&-", 2, "corral: The prompt is empty."),
        ("ls >&-", 0, ""),
        ("ls <&- >&-", 0, ""),
        ("nonsense 2>&-", 2, ""),
    ],
)
def test_standard_streams_may_be_closed(command: str, code: int, error: str) -> None:
    result = subprocess.run(
        ["sh", "-c", f'exec "$0" -m app {command}', sys.executable],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert result.returncode == code
    assert result.stderr.startswith(error)
    assert "Traceback" not in result.stderr


def test_unknown_models_and_presets() -> None:
    assert corral("run", "no-such-model", "Hello").returncode == 3
    result = corral("run", STARTER, "Hello", "--preset", "no-such-preset")
    assert result.returncode == 3
    assert "coder" in result.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_behind_the_output_is_told(unbuffered: str) -> None:
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [sys.executable, "-m", "app", "ls"],
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            timeout=60,
            check=False,
        )
    assert result.returncode == 1
    assert result.stderr.startswith("corral: The system refused")
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal of POSIX")
@pytest.mark.engine
def test_an_interrupted_answer_has_an_exit_code_of_its_own() -> None:
    # So long an answer goes on when the signal comes, however late that is.
    long = ("--regex", "(one two three ){400}")
    with subprocess.Popen(
        [sys.executable, "-m", "app", "run", STARTER, *long, "Count."],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


def test_deleting_asks_first() -> None:
    result = corral("rm", "SmolLM2 135M Instruct")
    assert result.returncode == 1
    assert "--yes" in result.stderr


def test_get_that_was_killed_continues_where_it_stopped(starter_file: Path) -> None:
    name = "SmolLM2-135M-Instruct-Q4_1.gguf"
    size = starter_file.stat().st_size
    with LocalHub() as hub:
        hub.add("corral-tests/SmolLM2-GGUF", {name: starter_file})
        allowance = Allowance()
        allowance.grant(size // 2)
        hub.fault(name, origin="cdn", allowance=allowance)
        command = [sys.executable, "-m", "app", "get", "corral-tests/SmolLM2-GGUF:q4_1", "--quiet"]
        environment = {**os.environ, "HF_ENDPOINT": hub.url}
        with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
            deadline = time.monotonic() + PATIENCE
            while hub.log.sent(name) < size // 4 and time.monotonic() < deadline:
                assert process.poll() is None
                time.sleep(0.02)
            children = psutil.Process(process.pid).children(recursive=True)
            process.kill()
        assert psutil.wait_procs(children, timeout=PATIENCE)[1] == []
        before = hub.log.sent(name)
        assert size // 4 <= before < size
        rows = json.loads(corral("ls", "--json").stdout)
        assert {row["source"] for row in rows} == {"starter"}
        hub.faults.clear()
        result = corral("get", "corral-tests/SmolLM2-GGUF:q4_1", HF_ENDPOINT=hub.url)
        assert result.returncode == 0, result.stderr
        path = Path(result.stdout.strip())
        assert path.read_bytes() == starter_file.read_bytes()
        assert [each.name for each in path.parent.iterdir()] == [name]
        # At most one block of 16 MiB comes twice; starting again would send a quarter more.
        assert hub.log.sent(name) - size < min(Limits().block, before)


def test_get_that_was_interrupted_says_so_and_continues(starter_file: Path) -> None:
    name = "SmolLM2-135M-Instruct-Q4_1.gguf"
    size = starter_file.stat().st_size
    with LocalHub() as hub:
        hub.add("corral-tests/SmolLM2-GGUF", {name: starter_file})
        allowance = Allowance()
        allowance.grant(size // 2)
        hub.fault(name, origin="cdn", allowance=allowance)
        with subprocess.Popen(
            [sys.executable, "-m", "app", "get", "corral-tests/SmolLM2-GGUF:q4_1"],
            cwd=ROOT,
            env={**os.environ, "HF_ENDPOINT": hub.url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        ) as process:
            deadline = time.monotonic() + PATIENCE
            while hub.log.sent(name) < size // 4 and time.monotonic() < deadline:
                assert process.poll() is None
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            told, said = process.communicate(timeout=60)
        assert (process.returncode, told) == (130, "")
        assert "the same command continues" in said
        hub.faults.clear()
        result = corral("get", "corral-tests/SmolLM2-GGUF:q4_1", HF_ENDPOINT=hub.url)
        assert Path(result.stdout.strip()).read_bytes() == starter_file.read_bytes()


def test_a_model_in_a_format_that_cannot_be_run_is_not_fetched(corral_home: Path) -> None:
    with LocalHub() as hub:
        files = {"config.json": b'{"quantization": {"bits": 4}}', "model.safetensors": b"x" * 999}
        hub.add("corral-tests/model-4bit", files, tags=["mlx"])
        for reference in ("corral-tests/model-4bit", "corral-tests/model-4bit:4bit"):
            result = corral("get", reference, HF_ENDPOINT=hub.url, CORRAL_MLX="0")
            assert result.returncode == 3
            assert "It holds an MLX model." in result.stderr
            assert "-GGUF" in result.stderr
        assert hub.log.sent("model.safetensors") == 0
    assert not (corral_home / "models").exists()


def test_get_then_list_then_remove(starter_file: Path) -> None:
    with LocalHub() as hub:
        hub.add("corral-tests/SmolLM2-GGUF", {"SmolLM2-135M-Instruct-Q4_1.gguf": starter_file})
        reference = "corral-tests/SmolLM2-GGUF:q4_1"
        fetched = corral("get", reference, HF_ENDPOINT=hub.url)
        assert fetched.returncode == 0, fetched.stderr
        path = Path(fetched.stdout.strip())
        assert path.read_bytes() == starter_file.read_bytes()
        page = f"{hub.url}/corral-tests/SmolLM2-GGUF/blob/main/SmolLM2-135M-Instruct-Q4_1.gguf"
        again = corral("get", page, HF_ENDPOINT=hub.url)
        assert again.returncode == 0, again.stderr
        assert again.stdout == fetched.stdout
        assert "on this computer already" in again.stderr
        told = json.loads(corral("get", page, "--json", HF_ENDPOINT=hub.url).stdout)
        assert told == {
            "id": "corral-tests/SmolLM2-GGUF/SmolLM2-135M-Instruct-Q4_1",
            "path": str(path),
            "repo": "corral-tests/SmolLM2-GGUF",
            "quantization": "Q4_1",
            "size": starter_file.stat().st_size,
            "new": False,
        }
        sent = hub.log.sent(path.name)
        with path.open("r+b") as file:
            file.write(b"rubbish")
        damaged = corral("get", reference, HF_ENDPOINT=hub.url)
        assert damaged.returncode == 1
        assert damaged.stdout == ""
        assert "cannot be used" in damaged.stderr
        assert hub.log.sent(path.name) == sent
        os.truncate(path, 1_000_000)
        mended = corral("get", reference, HF_ENDPOINT=hub.url)
        assert mended.returncode == 0, mended.stderr
        assert mended.stdout == fetched.stdout
        assert path.read_bytes() == starter_file.read_bytes()
        missing = corral("get", "corral-tests/SmolLM2-GGUF:Q8_0", HF_ENDPOINT=hub.url)
        assert missing.returncode == 3
        assert "Q4_1" in missing.stderr
        assert corral("get", "corral-tests/nothing", HF_ENDPOINT=hub.url).returncode == 3
    rows = json.loads(corral("ls", "--json").stdout)
    mine = next(row for row in rows if row["source"] != "starter")
    removed = corral("rm", mine["id"], "--yes")
    assert removed.returncode == 0, removed.stderr
    assert not path.exists()
    assert len(json.loads(corral("ls", "--json").stdout)) == len(rows) - 1


@pytest.mark.engine
def test_a_model_that_is_not_here_is_fetched_where_the_person_agrees(starter_file: Path) -> None:
    words = ("corral-tests/SmolLM2-GGUF", "Hello", "--max-tokens", "2", "--context", "1024")
    with LocalHub() as hub:
        hub.add("corral-tests/SmolLM2-GGUF", {"SmolLM2-135M-Instruct-Q4_1.gguf": starter_file})
        refused = corral("run", *words, HF_ENDPOINT=hub.url)
        assert refused.returncode == 3
        assert "corral get corral-tests/SmolLM2-GGUF”, or add --yes" in refused.stderr
        assert "corral get ollama:tiny:1b" in corral("run", "tiny:1b", "Hi").stderr
        assert not hub.log.sent("SmolLM2-135M-Instruct-Q4_1.gguf")
        fetched = corral("run", *words, "--yes", HF_ENDPOINT=hub.url)
        assert fetched.returncode == 0, fetched.stderr
        assert fetched.stdout.strip()
        assert hub.log.sent("SmolLM2-135M-Instruct-Q4_1.gguf") == starter_file.stat().st_size
    assert corral("run", *words).returncode == 0  # it is here now


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
@pytest.mark.parametrize("answer", ["", "y"])
def test_in_a_terminal_the_person_is_asked_before_anything_is_fetched(answer: str) -> None:
    import pty

    with LocalHub() as hub:  # it holds nothing, which is told where it is asked
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [sys.executable, "-m", "app", "run", "someone/nothing", "Hello"],
            cwd=ROOT,
            env={**os.environ, "HF_ENDPOINT": hub.url},
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as asked:
            os.close(theirs)
            os.write(ours, f"{answer}\n".encode())
            said = asked.communicate(timeout=60)[1]
        os.close(ours)
        assert "someone/nothing is not on this computer. Download it from the hub? [y/N]" in said
        assert bool(hub.log.entries()) == (answer == "y")
    assert asked.returncode == 3, said


def test_what_comes_unencrypted_is_not_fetched() -> None:
    refused = corral("pull", "ollama:tiny:1b", "--insecure")
    assert refused.returncode == 2
    assert "only https is asked" in refused.stderr


def test_a_file_is_imported_after_a_dry_run(corral_home: Path, tmp_path: Path) -> None:
    path = put(tmp_path / "elsewhere" / "Own-Q8_0.gguf", tiny())
    target = app_paths().models / "imported" / "Own-Q8_0" / "Own-Q8_0.gguf"
    planned = corral("import", str(path), "--dry-run")
    assert planned.returncode == 0
    assert planned.stdout.endswith(f"would be linked to {target}\n")
    assert not target.exists()
    done = corral("import", str(path), "--copy", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{target}\n", "")
    assert target.read_bytes() == tiny()
    again = corral("import", str(path))
    assert again.returncode == 1
    assert "is there already" in again.stderr
    refused = corral("import", str(put(tmp_path / "evil.pkl", b"\x80\x04")))
    assert refused.returncode == 1
    assert "evil.pkl" in refused.stderr


def test_an_import_goes_to_the_folder_that_is_named(corral_home: Path, tmp_path: Path) -> None:
    path = put(tmp_path / "elsewhere" / "Own-Q8_0.gguf", tiny())
    disk = tmp_path / "Big Disk"
    disk.mkdir()
    target = disk / "imported" / "Own-Q8_0" / "Own-Q8_0.gguf"
    planned = corral("import", str(path), "--to", str(disk), "--dry-run")
    assert planned.stdout.endswith(f"would be linked to {target}\n")
    assert planned.stderr == "", "only asking makes it no models folder"
    done = corral("import", str(path), "--to", str(disk), "--quiet")
    assert (done.returncode, done.stdout) == (0, f"{target}\n"), done.stderr
    assert "is a models folder from now on" in done.stderr
    refused = corral("import", str(path), "--to", str(tmp_path / "nowhere"))
    assert "no models folder and no folder" in refused.stderr


def test_get_goes_to_the_folder_that_is_named(corral_home: Path, tmp_path: Path) -> None:
    disk = tmp_path / "Big Disk"
    with LocalHub() as hub:
        for name in ("one", "two"):
            hub.add(f"maker/{name}-GGUF", {f"{name}-Q8_0.gguf": tiny_model().data()})
        away = corral("get", "maker/one-GGUF:Q8_0", "--to", str(disk), HF_ENDPOINT=hub.url)
        assert away.returncode == 1
        assert "no models folder and no folder" in away.stderr
        disk.mkdir()
        first = corral("get", "maker/one-GGUF:Q8_0", "--to", str(disk), HF_ENDPOINT=hub.url)
        assert first.returncode == 0, first.stderr
        assert "is a models folder from now on" in first.stderr
        assert Path(first.stdout.strip()) == disk / "maker" / "one-GGUF" / "one-Q8_0.gguf"
        second = corral("get", "maker/two-GGUF:Q8_0", "--to", "big disk", HF_ENDPOINT=hub.url)
        assert second.returncode == 0, second.stderr
        assert Path(second.stdout.strip()).is_relative_to(disk)
    listed = {row["id"]: row for row in json.loads(corral("ls", "--json").stdout)}
    assert listed["maker/two-GGUF/two-Q8_0"]["read_only"] is False
