import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core import logs as module
from app.core.logs import Logs, redact, setup
from app.core.paths import app_paths

TOKEN = "hf_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"


@pytest.fixture
def logs() -> Iterator[Logs]:
    logs = setup(app_paths())
    yield logs
    logs.close()


def test_entries_reach_the_file_and_the_ring(logs: Logs, corral_home: Path) -> None:
    logging.getLogger("app.core.something").info("loaded %s in %d s", "a model", 3)
    [line] = logs.ring.lines()

    assert logs.file == corral_home / "logs" / "corral.log"
    assert "loaded a model in 3 s" in logs.file.read_text(encoding="utf-8")
    assert (line.level, line.name, line.text) == (
        "INFO",
        "app.core.something",
        "loaded a model in 3 s",
    )


def test_detail_is_kept_only_when_asked_for(logs: Logs) -> None:
    logging.getLogger("app").debug("detail")
    assert logs.ring.lines() == ()

    verbose = setup(app_paths(), verbose=True)
    logging.getLogger("app").debug("detail")
    verbose.close()
    assert [line.text for line in verbose.ring.lines()] == ["detail"]


def test_other_libraries_are_heard_from_warnings_on(logs: Logs) -> None:
    logging.getLogger("somelib").info("chatter")
    logging.getLogger("somelib").warning("trouble")

    assert [line.text for line in logs.ring.lines()] == ["trouble"]


def test_close_leaves_logging_as_it_was() -> None:
    root = logging.getLogger()
    before = (list(root.handlers), logging.getLogger("app").level)
    setup(app_paths(), verbose=True).close()

    assert (list(root.handlers), logging.getLogger("app").level) == before


def test_secrets_reach_neither_file_nor_ring(logs: Logs) -> None:
    try:
        raise ValueError(f"refused: Authorization: Bearer {TOKEN}")
    except ValueError:
        logging.getLogger("app").exception("asked with %s", {"token": TOKEN})
    text = logs.file.read_text(encoding="utf-8") + logs.ring.lines()[0].text

    assert TOKEN[3:] not in text
    assert "Traceback" in text
    assert "asked with" in text


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (f"token={TOKEN}", f"token={'hf_***'}"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("{'authorization': 'bearer abc'}", "{'authorization': 'bearer ***'}"),
        ("proxy http://ada:secret@proxy:8080/", "proxy http://***@proxy:8080/"),
        (
            "GET https://cdn.example/file.gguf?X-Amz-Date=1&X-Amz-Signature=abc done",
            "GET https://cdn.example/file.gguf?*** done",
        ),
        ("https://h/x?Expires=1&Policy=abc&Key-Pair-Id=K", "https://h/x?***"),
        ("https://h/x?search=llama&limit=3", "https://h/x?search=llama&limit=3"),
        ("'Authorization': 'Basic QWRhOnNlY3JldA=='", "'Authorization': 'Basic ***'"),
        ("a basic model", "a basic model"),
        ("nothing to hide, hf_hub or bearer", "nothing to hide, hf_hub or bearer"),
        ("mail ada@example.org", "mail ada@example.org"),
    ],
)
def test_redaction(text: str, hidden: str) -> None:
    assert redact(text) == hidden


def test_the_ring_forgets_the_oldest() -> None:
    ring = module.RingBuffer(3)
    for number in range(5):
        ring.handle(logging.LogRecord("app", logging.INFO, "", 0, str(number), (), None))

    assert [line.text for line in ring.lines()] == ["2", "3", "4"]


def test_the_file_turns_over(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.close()
    monkeypatch.setattr(module, "FILE_BYTES", 2000)
    small = setup(app_paths())
    for number in range(200):
        logging.getLogger("app").info("a line of some length, number %d", number)
    small.close()
    files = list(small.file.parent.iterdir())

    assert len(files) == 1 + module.FILE_COUNT
    assert all(file.stat().st_size <= 2000 for file in files)


def test_without_a_file_the_ring_goes_on(corral_home: Path) -> None:
    (corral_home / "logs").write_text("in the way", encoding="utf-8")
    logs = setup(app_paths())
    logging.getLogger("app").info("still here")
    logs.close()

    assert logs.problem is not None
    assert [line.text for line in logs.ring.lines()] == ["still here"]


def test_many_threads_may_log_while_the_ring_is_read(logs: Logs) -> None:
    def write() -> None:
        for number in range(200):
            logging.getLogger("app").info("%d", number)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        logs.ring.lines()
    for thread in threads:
        thread.join()

    assert len(logs.ring.lines()) == 800


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_costs_only_the_entries(
    corral_home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = corral_home / "logs"
    folder.mkdir(parents=True)
    (folder / module.FILE_NAME).symlink_to("/dev/full")
    logs = setup(app_paths())
    logging.getLogger("app").info("loaded")
    logs.close()
    assert [line.text for line in logs.ring.lines()] == ["loaded"]
    assert capfd.readouterr().err == ""
