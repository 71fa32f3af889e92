"""What becomes of a download when things go wrong: one fault after the other, by the real program.

python packaging/bench_faults.py            one JSON line for `make bench`
python packaging/bench_faults.py --table    every fault, its outcome and its message (`make faults`)

A download either finishes with the right bytes, or stops in time with a sentence that names what is
wrong. The hub, its storage and the proxy are the tests' own, on loopback; the manager, the transfer
child and the library are the program's.
"""

import hashlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the local hub is one of the tests' own

from app.core import download_space  # noqa: E402
from app.core.download_state import DownloadItem, DownloadRequest  # noqa: E402
from app.core.downloads import DownloadManager  # noqa: E402
from app.core.errors import AppError  # noqa: E402
from app.core.hub import HubClient  # noqa: E402
from app.core.hub_gate import HubGate  # noqa: E402
from app.core.keys import KeyStore  # noqa: E402
from app.core.library import ModelLibrary  # noqa: E402
from app.core.paths import app_paths  # noqa: E402
from app.core.settings import Proxy, SettingsStore  # noqa: E402
from app.core.transfer_wire import Limits  # noqa: E402
from app.core.variants import RepoFile  # noqa: E402
from tests.core.broken_gguf import tiny_model  # noqa: E402
from tests.hub.proxy import LocalProxy  # noqa: E402
from tests.hub.server import LocalHub  # noqa: E402

REPO, NAME = "bench/model", "model-Q4_0.gguf"
MEGABYTE = 1 << 20
PATIENCE = 120.0
"""Seconds after which a download counts as hanging."""
HASTY = Limits(read_timeout=2.0, tries=2, first_wait=0.1)
"""For what never ends well: the standard would try for minutes, and say the same."""
NOT_TRIED = "not tried"
TMPFS = "CORRAL_BENCH_TMPFS"
"""Set in the process that has a small file system of its own."""


def model_bytes(seed: int, size: int = 24 * MEGABYTE) -> bytes:
    """A valid little model with random bytes behind it."""
    data = tiny_model().data()
    return data + random.Random(seed).randbytes(size - len(data))


CONTENT = model_bytes(1)


@dataclass
class Outcome:
    """How it ended."""

    ended: str
    """ "finished", "stopped", "refused" (before the first byte) or "hung"."""
    message: str = ""
    seconds: float = 0.0
    identical: bool = True
    extra: str = ""


@dataclass(frozen=True)
class Row:
    """One fault, and what is to become of it."""

    fault: str
    run: Callable[[], Outcome]
    wanted: str
    says: str = ""
    """Words that the message has to hold."""

    def passed(self, outcome: Outcome) -> bool:
        said = self.says.casefold() in outcome.message.casefold()
        return outcome.ended == self.wanted and outcome.identical and said


# -- a program and a hub for each fault


class Bench:
    """A home, a hub, and a manager to download with."""

    def __init__(self, hub: LocalHub, home: Path) -> None:
        self.hub = hub
        self.paths = app_paths({"CORRAL_HOME": str(home)})
        self.settings = SettingsStore(self.paths.settings_file)
        self.library = ModelLibrary(self.paths, self.settings, program_folders=lambda: ())
        self.env = {"HF_ENDPOINT": hub.url}
        self.repository = hub.add(REPO, {NAME: CONTENT})

    def request(self) -> DownloadRequest:
        file = self.repository.files[NAME]
        files = (RepoFile(NAME, file.size, sha256=file.sha256),)
        return DownloadRequest(REPO, self.repository.sha, "A model", "Q4_0", files)

    @contextmanager
    def manager(self, limits: Limits | None = None) -> Iterator[DownloadManager]:
        gate = HubGate(self.settings, KeyStore(self.paths), self.env)
        manager = DownloadManager(
            self.paths,
            self.settings,
            self.library,
            env=self.env,
            limits=limits,
            keep_list=False,
            gate=gate,
        )
        manager.start()
        with closing(manager):
            yield manager

    def download(
        self,
        limits: Limits | None = None,
        meanwhile: Callable[[DownloadItem], bool] = lambda _: False,
        request: DownloadRequest | None = None,
    ) -> Outcome:
        """Download to the end; `meanwhile` hears of progress until it answers True."""
        started = time.monotonic()
        request = request or self.request()
        with self.manager(limits) as manager:
            try:
                item = manager.add(request)
            except AppError as error:
                return Outcome("refused", str(error), time.monotonic() - started)
            item = self._wait(manager, item, meanwhile)
        seconds = time.monotonic() - started
        if item.state == "failed" and item.error is not None:
            words = f"{item.error.title}. {item.error.message}"
            return Outcome("stopped", words, seconds, extra=self._fetched())
        if item.state != "done":
            return Outcome("hung", f"it is {item.state}", seconds)
        found = hashlib.sha256((item.target / NAME).read_bytes()).hexdigest()
        identical = found == request.files[0].sha256
        return Outcome("finished", "", seconds, identical, self._fetched())

    @staticmethod
    def _wait(
        manager: DownloadManager, item: DownloadItem, meanwhile: Callable[[DownloadItem], bool]
    ) -> DownloadItem:
        news, told = threading.Event(), False
        disconnect = manager.changed.connect(lambda _: news.set())
        deadline = time.monotonic() + PATIENCE
        try:
            while time.monotonic() < deadline:
                news.clear()
                item = next(each for each in manager.items() if each.id == item.id)
                if item.state in ("done", "failed"):
                    break
                told = told or meanwhile(item)
                news.wait(0.2)
        finally:
            disconnect()
        return item

    def _fetched(self) -> str:
        """How much more than the file came."""
        sent = self.hub.log.sent(NAME)
        return f"{sent / len(CONTENT):.2f} × the file sent"


@contextmanager
def bench(**hub: object) -> Iterator[Bench]:
    where = os.environ.get(TMPFS)
    with tempfile.TemporaryDirectory() as home, LocalHub(**hub) as local:  # type: ignore[arg-type]  # by name
        made = Bench(local, Path(where or home))
        yield made


def with_fault(limits: Limits | None = None, **kind: object) -> Callable[[], Outcome]:
    """A download while the storage, or `origin`, misbehaves."""

    def run() -> Outcome:
        with bench() as made:
            made.hub.fault(NAME, **{"origin": "cdn", **kind})
            return made.download(limits)

    return run


# -- faults that need more than a word


def expiring() -> Outcome:
    with bench() as made:
        made.hub.url_life = 1.0
        made.hub.fault(NAME, origin="cdn", rate=4 * MEGABYTE)
        return made.download(Limits(block=2 * MEGABYTE))


def changed() -> Outcome:
    """Half of it is here when the file becomes another one, of the same size and name."""
    with bench() as made:
        made.hub.fault(NAME, origin="cdn", rate=4 * MEGABYTE)
        before = made.request()

        def replace(item: DownloadItem) -> bool:
            if item.done < len(CONTENT) // 4:
                return False
            made.repository.add(NAME, model_bytes(2))
            made.hub.expire_urls()
            made.hub.cut()
            return True

        return made.download(HASTY, replace, before)


def garbage() -> Outcome:
    return ask_hub(body=b'{"id": [[[{"')


def enormous() -> Outcome:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = ask_hub(huge=200 * MEGABYTE)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    outcome.extra = f"{max(0, grown):.0f} MB more memory"
    if grown > 100:
        outcome.ended = "read whole"
    return outcome


def ask_hub(**kind: object) -> Outcome:
    """Ask for the files of a model, as every download begins."""
    started = time.monotonic()
    with bench() as made:
        made.hub.fault(f"/api/models/{REPO}/revision/main", **kind)
        with closing(HubClient(made.settings, made.paths, env=made.env)) as client:
            try:
                client.detail(REPO)
            except AppError as error:
                return Outcome("stopped", str(error), time.monotonic() - started)
    return Outcome("finished", "", time.monotonic() - started)


def unknown_authority() -> Outcome:
    with bench(tls=True) as made:
        return made.download(HASTY)


def through_proxy(password: str) -> Callable[[], Outcome]:
    def run() -> Outcome:
        with bench() as made, LocalProxy("ada", "right") as proxy:
            chosen = Proxy("manual", host=proxy.host, port=proxy.port, user="ada", no_proxy=())
            HubGate(made.settings, KeyStore(made.paths), made.env).use_proxy(
                chosen, password, "file"
            )
            outcome = made.download(HASTY)
            outcome.extra = f"{len(proxy.served)} requests through it"
            return outcome

    return run


# -- a small disk


def on_small_disk(which: str) -> Callable[[], Outcome]:
    """The same in a process with a file system of 60 MB of its own."""

    def run() -> Outcome:
        tools = all(shutil.which(each) for each in ("unshare", "mount"))
        if not sys.platform.startswith("linux") or not tools:
            return Outcome(NOT_TRIED, "needs Linux with unshare and mount")
        with tempfile.TemporaryDirectory() as folder:
            mount = f"mount -t tmpfs -o size=60m none {folder}"
            script = f'{mount} && exec "$@"'
            again = [sys.executable, __file__, "--on-disk", which]
            command = ["unshare", "-Urm", "sh", "-c", script, "sh", *again]
            environment = {**os.environ, TMPFS: folder}
            told = subprocess.run(command, env=environment, capture_output=True, text=True)
        if told.returncode:
            return Outcome(NOT_TRIED, f"no file system of one's own here: {told.stderr[-80:]}")
        return Outcome(**json.loads(told.stdout))

    return run


def too_small() -> Outcome:
    with bench() as made:
        return made.download()


def fills_up() -> Outcome:
    """Another program takes what is free, quicker than anybody looks."""
    download_space.RESERVE = 0
    with bench() as made:
        made.hub.fault(NAME, origin="cdn", rate=2 * MEGABYTE)

        def fill(item: DownloadItem) -> bool:
            if item.done < MEGABYTE:
                return False
            with (Path(os.environ[TMPFS]) / "filler").open("wb") as filler:
                try:
                    while True:
                        filler.write(bytes(MEGABYTE))
                        filler.flush()
                except OSError:
                    return True

        return made.download(meanwhile=fill)


ON_DISK = {"small": too_small, "fills": fills_up}

WAIT = {"Retry-After": "2"}
ROWS = (
    Row("connection dropped every 3 MiB", with_fault(drop_after=3 * MEGABYTE), "finished"),
    Row("429 twice, Retry-After 2", with_fault(status=429, times=2, headers=WAIT), "finished"),
    Row("503 twice, Retry-After 2", with_fault(status=503, times=2, headers=WAIT), "finished"),
    Row("503 for ever", with_fault(HASTY, status=503), "stopped", "status 503"),
    Row("signed addresses expire after 1 s", expiring, "finished"),
    Row("one byte flipped, once", with_fault(corrupt_at=1000, times=1), "finished"),
    Row("one byte flipped, each time", with_fault(corrupt_at=1000), "stopped", "damaged"),
    Row("the file becomes another one", changed, "stopped", "changed"),
    Row("ranges ignored", with_fault(ignore_range=True), "finished"),
    Row("disk too small", on_small_disk("small"), "refused", "not enough space"),
    Row("disk fills up meanwhile", on_small_disk("fills"), "stopped", "space"),
    Row("garbage instead of JSON", garbage, "stopped", "cannot be read"),
    Row("an answer of 200 MB", enormous, "stopped", "large"),
    Row("silent for 60 s", with_fault(stall_after=2 * MEGABYTE, times=4), "finished"),
    Row("silent for ever", with_fault(HASTY, delay=60), "stopped"),
    Row("certificate of an unknown authority", unknown_authority, "stopped", "certificate"),
    Row("proxy with the right password", through_proxy("right"), "finished"),
    Row("proxy with a wrong password", through_proxy("wrong"), "stopped", "proxy"),
)


def table() -> int:
    """Every fault as a row of a Markdown table; 1 if one was not met as it should be."""
    print("| fault | | outcome | message | seconds | |")
    print("|---|---|---|---|---|---|")
    failed = 0
    for row in ROWS:
        outcome = row.run()
        passed = row.passed(outcome)
        tried = outcome.ended != NOT_TRIED
        failed += tried and not passed
        verdict = ("PASS" if passed else "FAIL") if tried else ""
        cells = (row.fault, verdict, outcome.ended, outcome.message, f"{outcome.seconds:.1f}")
        print(f"| {' | '.join((*cells, outcome.extra))} |", flush=True)
    return 1 if failed else 0


def main() -> int:
    if sys.argv[1:2] == ["--on-disk"]:
        print(json.dumps(vars(ON_DISK[sys.argv[2]]())))
        return 0
    if sys.argv[1:2] == ["--table"]:
        return table()
    outcomes = {row: row.run() for row in ROWS}
    tried = {row: each for row, each in outcomes.items() if each.ended != NOT_TRIED}
    wrong = [row.fault for row, outcome in tried.items() if not row.passed(outcome)]
    detail = f"not met: {', '.join(wrong)}" if wrong else "each finishes, or stops and says why"
    met, of = len(tried) - len(wrong), len(tried)
    value = {"figure": "faults of a download handled", "value": met, "goal": str(of)}
    print(json.dumps({**value, "met": not wrong, "detail": detail}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
