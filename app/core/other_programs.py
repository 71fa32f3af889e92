"""Where other programs on this computer keep their models."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

_SETTINGS_BYTES = 1024**2
LM_STUDIO, OLLAMA, JAN, GPT4ALL = "LM Studio", "Ollama", "Jan", "GPT4All"
HUGGING_FACE, LLAMA_CPP, MLX = "Hugging Face", "llama.cpp", "MLX"


@dataclass(frozen=True)
class ProgramFolder:
    """A folder in which a program keeps its models; it need not be there."""

    program: str
    """For people: "Ollama"."""
    path: Path


def home_folder() -> Path:
    """The person's home folder."""
    return Path.home()


def program_folders(
    env: Mapping[str, str] | None = None, home: Path | None = None, platform: str = sys.platform
) -> tuple[ProgramFolder, ...]:
    """The places where known programs keep models on a system, the likelier first.

    `env` and `home` are this process's own where they are not given. Reads small settings files of
    LM Studio, nothing else.
    """
    env = os.environ if env is None else env
    home = home_folder() if home is None else home
    places = [
        *((LM_STUDIO, path) for path in _lm_studio(home)),
        *((OLLAMA, path) for path in _ollama(env, home, platform)),
        (HUGGING_FACE, _hub_cache(env, home)),
        *((LLAMA_CPP, path) for path in _llama_cpp(env, home, platform)),
        *((JAN, path) for path in _jan(env, home, platform)),
        *((GPT4ALL, path) for path in _gpt4all(env, home, platform)),
        (MLX, home / ".cache" / "mlx"),
        (MLX, home / "mlx_models"),
    ]
    unique = dict.fromkeys(ProgramFolder(program, path) for program, path in places)
    return tuple(unique)


def program_of(path: Path, folders: Iterable[ProgramFolder]) -> str:
    """The program whose folder `path` lies in; empty if none of `folders` holds it."""
    return next((each.program for each in folders if path.is_relative_to(each.path)), "")


def program_holding(path: Path, folders: Iterable[ProgramFolder]) -> str:
    """Like `program_of`, but wherever links and other spellings of a path lead.

    Folders are known by device and inode. Touches the disk.
    """
    programs = {identity: each.program for each in folders if (identity := _identity(each.path))}
    above = map(_identity, Path(os.path.realpath(path)).parents)
    return next((programs[each] for each in above if each in programs), "")


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        stat = folder.stat()
    except OSError:
        return None
    return (stat.st_dev, stat.st_ino) if stat.st_ino else None


def _lm_studio(home: Path) -> Iterator[Path]:
    """Its home is told by a pointer file, its models folder by its settings."""
    told = _text(home / ".lmstudio-home-pointer").strip()
    homes = [Path(told)] if told and Path(told).is_absolute() else []
    for own in (*homes, home / ".lmstudio", home / ".cache" / "lm-studio"):
        try:
            settings = msgspec.json.decode(_text(own / "settings.json"))
        except (msgspec.DecodeError, RecursionError):
            settings = None
        chosen = settings.get("downloadsFolder") if isinstance(settings, dict) else None
        if isinstance(chosen, str) and chosen and Path(chosen).is_absolute():
            yield Path(chosen)
        yield own / "models"


def _ollama(env: Mapping[str, str], home: Path, platform: str) -> Iterator[Path]:
    if chosen := _absolute(env, "OLLAMA_MODELS"):
        yield chosen
    yield home / ".ollama" / "models"
    if platform.startswith("linux"):  # the service has a user of its own
        yield Path("/usr/share/ollama/.ollama/models")
        yield Path("/var/lib/ollama/models")


def _hub_cache(env: Mapping[str, str], home: Path) -> Path:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if chosen := _absolute(env, name):
            return chosen
    if own := _absolute(env, "HF_HOME"):
        return own / "hub"
    return (_absolute(env, "XDG_CACHE_HOME") or home / ".cache") / "huggingface" / "hub"


def _llama_cpp(env: Mapping[str, str], home: Path, platform: str) -> Iterator[Path]:
    if chosen := _absolute(env, "LLAMA_CACHE"):
        yield chosen
    if platform == "darwin":
        yield home / "Library" / "Caches" / "llama.cpp"
    elif platform == "win32":
        yield (_absolute(env, "LOCALAPPDATA") or home / "AppData" / "Local") / "llama.cpp"
    else:
        yield (_absolute(env, "XDG_CACHE_HOME") or home / ".cache") / "llama.cpp"


def _jan(env: Mapping[str, str], home: Path, platform: str) -> Iterator[Path]:
    if platform == "win32":
        base = _absolute(env, "APPDATA") or home / "AppData" / "Roaming"
    else:
        base = _user_data(env, home, platform)
    yield base / "Jan" / "data" / "llamacpp" / "models"
    yield home / "jan" / "models"


def _gpt4all(env: Mapping[str, str], home: Path, platform: str) -> Iterator[Path]:
    if platform == "win32":
        base = _absolute(env, "LOCALAPPDATA") or home / "AppData" / "Local"
    else:
        base = _user_data(env, home, platform)
    yield base / "nomic.ai" / "GPT4All"
    yield home / ".cache" / "gpt4all"


def _user_data(env: Mapping[str, str], home: Path, platform: str) -> Path:
    if platform == "darwin":
        return home / "Library" / "Application Support"
    return _absolute(env, "XDG_DATA_HOME") or home / ".local" / "share"


def _absolute(env: Mapping[str, str], name: str) -> Path | None:
    path = Path(env.get(name, ""))
    return path if path.is_absolute() else None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_SETTINGS_BYTES).decode(errors="replace")
    except OSError:
        return ""
