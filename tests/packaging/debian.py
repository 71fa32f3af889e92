"""A fresh Debian 12 in a folder: nothing but Python, make and certificates."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PACKAGES = "python3,make,ca-certificates"
PERSON = "person"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
SETTINGS = (Path("/etc/resolv.conf"), Path("/etc/hosts"), Path("/etc/pip.conf"), CERTIFICATES)
"""What a machine needs to reach packages the way this one does."""
PASSED_ON = re.compile(r"PIP_\w+|(https?|no|all)_proxy", re.IGNORECASE)
ENTER = """
mount --bind /dev "$0/dev" && mount -t proc proc "$0/proc" && exec chroot --userspec="$1" "$0" \
/usr/bin/env -i "${@:2}"
"""


def why_impossible() -> str | None:
    """What keeps this computer from making such a machine, if anything does."""
    if sys.platform != "linux":
        return "a Debian machine in a folder needs Linux"
    if os.geteuid() != 0:
        return "a Debian machine in a folder needs root"
    missing = [name for name in ("debootstrap", "git", "unshare") if shutil.which(name) is None]
    return f"not installed: {', '.join(missing)}" if missing else None


def mirror() -> str:
    """The Debian mirror that this computer uses, else the usual one."""
    sources = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in sources if file.is_file())
    found = re.search(r"^(?:URIs:|deb)\s+(?:\[.*?\]\s*)?(\S+/debian/?)\s*", text, re.MULTILINE)
    return found[1] if found else "http://deb.debian.org/debian"


class Machine:
    """The Debian in `root`. Its processes end with the command that started them."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def install(cls, root: Path) -> "Machine":
        """Download and unpack it, which takes about a minute."""
        subprocess.run(
            [
                "debootstrap",
                "--variant=minbase",
                f"--include={PACKAGES}",
                "bookworm",
                root,
                mirror(),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=900,
        )
        machine = cls(root)
        for file in SETTINGS:
            if file.exists():
                shutil.copyfile(file, machine.at(file))
        machine.run("useradd", "--create-home", PERSON).check_returncode()
        return machine

    def copy(self, root: Path) -> "Machine":
        """A second one in the same state."""
        subprocess.run(["cp", "-a", "--reflink=auto", self.root, root], check=True)
        return Machine(root)

    def remove(self) -> None:
        """Delete it all."""
        shutil.rmtree(self.root)

    def at(self, path: str | Path) -> Path:
        """Where the machine's file `path` is, seen from outside."""
        return self.root / str(path).lstrip("/")

    def run(
        self,
        *command: str | Path,
        user: str = "root",
        folder: str = "/",
        timeout: float = 60,
        variables: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside; both output streams are in `stdout`."""
        return subprocess.run(
            self.enter(*command, user=user, folder=folder, variables=variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )

    def enter(
        self,
        *command: str | Path,
        user: str = "root",
        folder: str = "/",
        variables: Mapping[str, str] | None = None,
    ) -> list[str | Path]:
        """What to start out here for a command to run inside."""
        home = "/root" if user == "root" else f"/home/{user}"
        environment = {name: v for name, v in os.environ.items() if PASSED_ON.fullmatch(name)}
        environment |= {
            "HOME": home,
            "LANG": "C.UTF-8",
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "DEBIAN_FRONTEND": "noninteractive",
            **(variables or {}),
        }
        settings = [f"{name}={value}" for name, value in environment.items()]
        # The shell stays: it is process 1, for which signals work otherwise than for others.
        inside = [*settings, "sh", "-c", 'cd "$0" && "$@"; exit $?', folder, *command]
        # In namespaces of its own: nothing stays mounted and nothing goes on running.
        unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        return [*unshare, "bash", "-c", ENTER, self.root, user, *inside]
