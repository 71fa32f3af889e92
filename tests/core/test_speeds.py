"""How fast a model will be, from the answers there were."""

from pathlib import Path

import pytest
from msgspec import structs

from app.core.gguf import read_header
from app.core.library_types import LocalModel
from app.core.speeds import MOST_MODELS, SpeedBook, read_of, read_per_token, rounded
from backends.types import Usage

GB = 10**9


def model(name: str, size: float) -> LocalModel:
    """One that cannot be read, so that it counts as a whole."""
    path = Path("/nowhere") / f"{name}.gguf"
    return LocalModel(id=name, name=name, path=path, files=(path,), size=round(size))


def answer(speed: float | None, tokens: int = 100, drafted: int = 0) -> Usage:
    return Usage(completion_tokens=tokens, tokens_per_second=speed, draft_tokens=drafted)


def test_a_model_twice_as_large_is_expected_to_be_half_as_fast(tmp_path: Path) -> None:
    book = SpeedBook(tmp_path / "speeds.json")
    assert book.expected(4 * GB, on_gpu=False) is None
    for speed in (8.0, 10.0, 50.0):  # one answer while nothing else ran
        book.learn(model("a", 4 * GB), answer(speed), on_gpu=False)
    assert book.expected(8 * GB, on_gpu=False) == pytest.approx(5.0)
    assert book.expected(4 * GB, on_gpu=True) is None
    again = SpeedBook(tmp_path / "speeds.json")
    assert again.expected(8 * GB, on_gpu=False) == pytest.approx(5.0)


def test_the_most_similar_model_counts() -> None:
    book = SpeedBook()
    book.learn(
        model("tiny", 0.1 * GB), answer(100.0), on_gpu=False
    )  # 10 GB/s: other work dominates
    book.learn(model("large", 5 * GB), answer(4.0), on_gpu=False)  # 20 GB/s
    assert book.expected(4 * GB, on_gpu=False) == pytest.approx(5.0)
    assert book.expected(0.2 * GB, on_gpu=False) == pytest.approx(50.0)
    assert book.expected(200 * GB, on_gpu=False) is None


def test_answers_that_say_little_are_left_out() -> None:
    book = SpeedBook()
    book.learn(model("a", GB), answer(None), on_gpu=False)
    book.learn(model("a", GB), answer(10.0, tokens=5), on_gpu=False)
    book.learn(model("a", GB), answer(10.0, drafted=40), on_gpu=False)
    on_server = structs.replace(model("a", GB), source="remote")
    book.learn(on_server, answer(10.0), on_gpu=False)
    assert book.expected(GB, on_gpu=False) is None


def test_two_programs_learn_into_one_book(tmp_path: Path) -> None:
    path = tmp_path / "speeds.json"
    window, terminal = SpeedBook(path), SpeedBook(path)
    window.learn(model("a", GB), answer(10.0), on_gpu=False)
    terminal.learn(model("b", 5 * GB), answer(4.0), on_gpu=False)
    window.learn(model("a", GB), answer(10.0), on_gpu=False)
    for book in (window, SpeedBook(path)):
        assert book.expected(5 * GB, on_gpu=False) == pytest.approx(4.0)
        assert book.expected(GB, on_gpu=False) == pytest.approx(10.0)


def test_the_book_stays_small_and_outlives_damage(tmp_path: Path) -> None:
    path = tmp_path / "speeds.json"
    book = SpeedBook(path)
    for number in range(MOST_MODELS + 20):
        for _ in range(3):
            book.learn(model(f"model {number}", (number + 1) * GB), answer(5.0), on_gpu=False)
    assert path.stat().st_size < 10_000
    path.write_bytes(b'{"a": {"read": -1}}')
    assert SpeedBook(path).expected(GB, on_gpu=False) is None


def test_of_a_mixture_only_the_active_part_is_read() -> None:
    assert read_per_token(16 * GB, 30 * GB, 3 * GB) == pytest.approx(1.6 * GB)
    assert read_per_token(16 * GB, None) == 16 * GB


def test_a_real_model_reads_its_weights_once(starter_file: Path) -> None:
    size = starter_file.stat().st_size
    local = structs.replace(model("smollm2", size), path=starter_file, files=(starter_file,))
    header = read_header(starter_file)
    # Its output shares the input table, so all tensors are read and nothing else.
    assert read_of(local) == size - header.data_offset


@pytest.mark.parametrize(
    ("speed", "shown"),
    [(0.01, 0.1), (0.44, 0.4), (2.6, 3), (12.4, 12), (43.0, 45), (117.0, 120)],
)
def test_speeds_are_as_exact_as_they_deserve(speed: float, shown: float) -> None:
    assert rounded(speed) == shown
