"""Signing programs with Authenticode, where there is a certificate, and checking what came out.

Said by the environment, one of:

- CORRAL_SIGN_COMMAND: a command that signs `{file}` in place, such as signtool with a certificate
  that lies in hardware or with a service; split as a POSIX shell would
- CORRAL_SIGN_PFX: a file with the certificate and its key, for osslsigncode; its password is in
  CORRAL_SIGN_PASSWORD

With CORRAL_SIGN_PFX, CORRAL_SIGN_TIMESTAMP is the address of a server that confirms the time, so
that signatures outlive the certificate. CORRAL_SIGN_CA is a file with the certificates to check
against, where those of the system are not meant.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TOOL = "osslsigncode"
NAME = "Corral"


class NotSigned(Exception):
    """A file could not be signed, or its signature is not good."""


@dataclass(frozen=True)
class Signer:
    """Signs one file after the other."""

    command: str = ""
    certificate: Path | None = None
    password: str = ""
    timestamp: str = ""
    authorities: Path | None = None
    """Certificates that signatures are checked against; None: the system's."""

    def sign(self, file: Path) -> None:
        """Sign `file` in place and check it. Raises NotSigned."""
        if self.command:
            _run([word.replace("{file}", str(file)) for word in shlex.split(self.command)])
        else:
            self._sign_with_tool(file)
        verify(file, self.authorities)

    def _sign_with_tool(self, file: Path) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            password, signed = folder / "password", folder / file.name
            password.touch(mode=0o600)
            password.write_text(self.password, encoding="utf-8")
            command = [TOOL, "sign", "-pkcs12", str(self.certificate), "-readpass", str(password)]
            command += ["-h", "sha256", "-n", NAME]
            if self.timestamp:
                command += ["-ts", self.timestamp]
            _run([*command, "-in", str(file), "-out", str(signed)])
            shutil.copyfile(signed, file)


def signer_from(environment: Mapping[str, str] = os.environ) -> Signer | None:
    """What the environment says; None where there is no certificate."""
    command = environment.get("CORRAL_SIGN_COMMAND", "")
    certificate = environment.get("CORRAL_SIGN_PFX", "")
    if not command and not certificate:
        return None
    authorities = environment.get("CORRAL_SIGN_CA", "")
    return Signer(
        command=command,
        certificate=Path(certificate) if certificate else None,
        password=environment.get("CORRAL_SIGN_PASSWORD", ""),
        timestamp=environment.get("CORRAL_SIGN_TIMESTAMP", ""),
        authorities=Path(authorities) if authorities else None,
    )


def verify(file: Path, authorities: Path | None = None) -> None:
    """Check the signature of `file`. Raises NotSigned: it has none, or a bad one."""
    if sys.platform == "win32" and authorities is None:
        question = f"(Get-AuthenticodeSignature -LiteralPath '{file}').Status"
        answer = _run(["powershell", "-NoProfile", "-Command", question])
        if answer.strip() != "Valid":
            raise NotSigned(f"{file.name}: Windows says of its signature: {answer.strip()}")
        return
    trusted = ["-CAfile", str(authorities)] if authorities else []
    _run([TOOL, "verify", *trusted, "-in", str(file)])


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    except OSError as error:
        raise NotSigned(f"{command[0]} cannot be started: {error}") from error
    if done.returncode:
        raise NotSigned(f"{command[0]} failed:\n{done.stdout.strip()}")
    return done.stdout
