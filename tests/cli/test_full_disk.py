"""A disk that is full to the last byte is emptied with Corral's own commands."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.paths import app_paths
from tests.cli.test_commands import ROOT, corral
from tests.core.model_stores import put, tiny

SMALL_DISK = """
mount -t tmpfs -o size=2m none "$DISK" || exit 99
mkdir -p "$DISK/models/maker/big" && cp "$MODEL" "$DISK/models/maker/big/big-Q4_1.gguf" || exit 98
corral() { "$PYTHON" -m app "$@"; echo "rc=$?"; }
corral cp big mario
cat /dev/zero >"$DISK/rest" 2>/dev/null
corral rm big -y
find "$DISK" -name "*.trashinfo"
corral rm big -y --for-good
find "$DISK" -name "*.gguf"
corral ls --ids
"""


@pytest.mark.skipif(sys.platform != "linux", reason="makes a small file system of its own")
def test_what_the_trash_cannot_take_is_deleted_for_good(tmp_path: Path) -> None:
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        pytest.skip("no tools for a file system of one's own")
    disk = tmp_path / "disk"
    disk.mkdir()
    model = put(tmp_path / "big.gguf", tiny("Big", padding=100_000))
    told = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", SMALL_DISK],
        env={
            **os.environ,
            "DISK": str(disk),
            "CORRAL_HOME": str(disk),
            "MODEL": str(model),
            "PYTHON": sys.executable,
        },
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )
    if told.returncode in (1, 99):
        pytest.skip("no file system of one's own may be mounted here")
    assert told.stdout.splitlines() == [
        "maker/big/big-Q4_1+mario",
        "rc=0",
        "rc=1",  # the trash has no room to note down what it takes
        "Deleted: maker/big/big-Q4_1",
        "Deleted, as it was made of it: maker/big/big-Q4_1+mario",
        "rc=0",
        "starter/SmolLM2-135M-Instruct.Q4_1",
        "rc=0",
    ]
    assert "Nothing was deleted" in told.stderr
    assert "corral rm --for-good maker/big/big-Q4_1" in told.stderr


def test_deleting_says_whether_the_disk_has_its_space_back() -> None:
    for name in ("one", "two"):
        put(app_paths().models / f"{name}.gguf", tiny(name, padding=100_000))
    to_trash = corral("rm", "one", "-y")
    assert to_trash.returncode == 0, to_trash.stderr
    assert "The trash holds its 1" in to_trash.stderr
    for_good = corral("rm", "two", "-y", "--for-good")
    assert for_good.returncode == 0, for_good.stderr
    assert for_good.stderr == ""
    assert not list(app_paths().models.rglob("*.gguf"))
