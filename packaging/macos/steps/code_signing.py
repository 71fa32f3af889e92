"""Signing and notarising for macOS, by what the environment says:

- CORRAL_MAC_IDENTITY: name of a “Developer ID Application” certificate in the keychain. Without it
  programs are signed ad hoc: they run, but other computers warn of them.
- CORRAL_NOTARY_PROFILE: name of what `xcrun notarytool store-credentials` stored in the keychain.
  Without it nothing is sent to Apple.
"""

import os
from pathlib import Path

import bundle_check
import mach_o
from mac_build import ENTITLEMENTS, Commands, Refused

IDENTITY, PROFILE = "CORRAL_MAC_IDENTITY", "CORRAL_NOTARY_PROFILE"
AD_HOC = "-"
BUNDLES = (".framework", ".app")


def identity(commands: Commands) -> str:
    """Who signs; `AD_HOC` is nobody. A dry run shows what is done with an identity."""
    return os.environ.get(IDENTITY) or (f"${IDENTITY}" if commands.dry_run else AD_HOC)


def sign_command(target: Path, who: str, *, entitled: bool = False) -> list[str | Path]:
    """Signs a file or bundle in place; with an identity for the hardened runtime."""
    words: list[str | Path] = ["codesign", "--force", "--sign", who]
    if who != AD_HOC:
        words += ["--options", "runtime", "--timestamp"]
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


def sign_bundle(bundle: Path, commands: Commands) -> None:
    """Sign all code in the bundle and the bundle, then notarise and staple it where that is set up.

    Raises CalledProcessError and Refused.
    """
    who = identity(commands)
    parts = signed_parts(bundle) if bundle.is_dir() else []
    if commands.dry_run and not parts:
        parts = [bundle / "Contents" / "EACH-LIBRARY", bundle / "Contents" / "EACH.framework"]
    for part in parts:
        commands.run(*sign_command(part, who))
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
    commands.run(*submit, sent)
    commands.run("xcrun", "stapler", "staple", stapled)
    commands.run("xcrun", "stapler", "validate", stapled)
