"""Signing and notarising for macOS, by what the environment says:

- CORRAL_MAC_IDENTITY: name of a “Developer ID Application” certificate in the keychain. Without it
  programs are signed ad hoc: they run, but other computers warn of them.
- CORRAL_NOTARY_PROFILE: name of what `xcrun notarytool store-credentials` stored in the keychain.
  Without it nothing is sent to Apple.
- CORRAL_NOTARY_KEYCHAIN: file of that keychain, where it is not the usual one.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

import bundle_check
import mach_o
from mac_build import ENTITLEMENTS, Commands, Refused

IDENTITY, PROFILE = "CORRAL_MAC_IDENTITY", "CORRAL_NOTARY_PROFILE"
KEYCHAIN = "CORRAL_NOTARY_KEYCHAIN"
AD_HOC = "-"
BUNDLES = (".framework", ".app")


def identity(commands: Commands) -> str:
    """Who signs; `AD_HOC` is nobody. A dry run shows what is done with an identity."""
    return os.environ.get(IDENTITY) or (f"${IDENTITY}" if commands.dry_run else AD_HOC)


def sign_command(target: Path, who: str, *, entitled: bool = False) -> list[str | Path]:
    """Signs a file or bundle in place for the hardened runtime.

    Ad hoc, too, so that a build without an identity is tried under the same restrictions.
    """
    words: list[str | Path] = ["codesign", "--force", "--options", "runtime", "--sign", who]
    if who != AD_HOC:
        words.append("--timestamp")
    if entitled:
        words += ["--entitlements", ENTITLEMENTS]
    return [*words, target]


def signed_parts(bundle: Path) -> list[Path]:
    """What is signed before the bundle itself, the innermost first.

    A signature seals what lies below it, so nothing below may change afterwards. The main program
    is signed with the bundle.
    """
    main = bundle / "Contents" / "MacOS"
    code = [
        path
        for path in bundle_check.files(bundle)
        if not path.is_relative_to(main) and mach_o.read(path)
    ]
    frameworks = [
        path
        for path in bundle.rglob("*")
        if path.suffix in BUNDLES and path.is_dir() and not path.is_symlink()
    ]
    return sorted([*code, *frameworks], key=lambda path: (-len(path.parts), path))


def list_anew(engine: Path, parts: Iterable[Path]) -> None:
    """Write sizes and checksums of the libraries that were signed into the engine's own list.

    A signature changes a library, and an engine with a file that is not as listed is not used.
    """
    path = engine / "engine.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    for part in parts:
        name = part.relative_to(engine).as_posix() if part.is_relative_to(engine) else ""
        if name in manifest["files"]:  # what is not there does not get there by a signature
            content = part.read_bytes()
            manifest["files"][name] = hashlib.sha256(content).hexdigest()
            manifest["sizes"][name] = len(content)
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")


def sign_bundle(bundle: Path, commands: Commands) -> None:
    """Sign all code in the bundle and the bundle, then notarise and staple it where that is set up.

    The engine's list is written anew between the two: its libraries are signed then, and the
    bundle's signature seals the list. Raises CalledProcessError and Refused.
    """
    who = identity(commands)
    parts = signed_parts(bundle) if bundle.is_dir() else []
    if commands.dry_run and not parts:
        parts = [bundle / "Contents" / "EACH-LIBRARY", bundle / "Contents" / "EACH.framework"]
    for part in parts:
        commands.run(*sign_command(part, who))
    commands.say("list the engine's libraries anew, as they are now")
    if not commands.dry_run:
        for manifest in (bundle / bundle_check.ENGINES).glob("*/engine.json"):
            list_anew(manifest.parent, parts)
    commands.run(*sign_command(bundle, who, entitled=True))
    commands.run("codesign", "--verify", "--deep", "--strict", bundle)
    if is_notarised(commands):
        archive = bundle.with_suffix(".zip")
        commands.run("ditto", "-c", "-k", "--keepParent", bundle, archive)
        notarise(archive, bundle, commands)
        if not commands.dry_run:
            archive.unlink()


def is_notarised(commands: Commands) -> bool:
    """Whether Apple is asked; a dry run shows it in any case. Raises Refused."""
    if os.environ.get(PROFILE) and identity(commands) == AD_HOC:
        raise Refused(f"{PROFILE} is set, but Apple takes only what {IDENTITY} signed")
    return bool(os.environ.get(PROFILE)) or commands.dry_run


def notarise(sent: Path, stapled: Path, commands: Commands) -> None:
    """Have Apple look at `sent`, then put its ticket on `stapled`. Raises CalledProcessError."""
    profile = os.environ.get(PROFILE) or f"${PROFILE}"
    submit = ["xcrun", "notarytool", "submit", "--wait", "--keychain-profile", profile]
    if keychain := os.environ.get(KEYCHAIN):
        submit += ["--keychain", keychain]
    commands.run(*submit, sent)
    commands.run("xcrun", "stapler", "staple", stapled)
    commands.run("xcrun", "stapler", "validate", stapled)
