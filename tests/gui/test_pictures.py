"""Pictures in the window: attached, refused, sent to a real engine, shown, looked at, saved."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QBuffer, QByteArray, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
    QImageWriter,
)
from PySide6.QtWidgets import QAbstractButton, QApplication, QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from app.core.conversations import Picture
from app.core.paths import app_paths
from app.core.pictures import PictureError
from app.gui.controls.menu import Menu
from app.gui.icons import Icons
from app.gui.message_item import MessageItem
from app.gui.picture_images import KEPT, PictureImages
from app.gui.picture_import import LARGEST_SIDE, has_notes, import_bytes, import_file
from app.gui.picture_layout import GAP, HIGHEST, place_pictures
from app.gui.picture_tile import PictureTile
from app.gui.picture_viewer import PictureViewer
from app.gui.theme import Theme
from app.gui.transcript import TranscriptView
from app.gui.worker import Worker
from tests.backends.llamacpp import tiny_projector
from tests.backends.llamacpp.pictures import bmp, png, png_of_size
from tests.gui.chat_desk import Desk, Sit, sitting
from tests.timing import PATIENCE


@pytest.fixture
def sit(qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sit]:
    yield from sitting(qapp, qtbot, monkeypatch)


def encoded(image: QImage, kind: str) -> bytes:
    array = QByteArray()
    buffer = QBuffer(array)
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    assert QImageWriter(buffer, QByteArray(kind.encode())).write(image)
    return bytes(array.data())


def picture_of(width: int, height: int) -> QImage:
    """Red at the left, blue at the right."""
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor("blue"))
    for x in range(width // 2):
        for y in range(height):
            image.setPixelColor(x, y, QColor("red"))
    return image


def with_exif(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG file with an EXIF segment that holds an orientation and a word of a place."""
    entry = bytes.fromhex("0112000300000001") + orientation.to_bytes(2, "big") + b"\0\0"
    tiff = b"MM\0*\0\0\0\x08" + b"\0\x01" + entry + b"\0\0\0\0" + b"GPS-of-my-house"
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + jpeg[2:]


# Importing


def test_a_file_that_engines_read_stays_as_it_is() -> None:
    for data in (png(1), bmp(8, 6), encoded(picture_of(30, 20), "jpeg")):
        assert import_bytes(data).data == data


def test_a_photo_is_turned_as_the_camera_was_held_and_loses_its_notes() -> None:
    photo = with_exif(encoded(picture_of(64, 32), "jpeg"), 6)  # a quarter turn to the right
    assert has_notes(photo)
    found = import_bytes(photo)
    assert (found.width, found.height) == (32, 64)
    assert b"GPS" not in found.data
    assert b"Exif" not in found.data
    top = QImage.fromData(found.data).pixelColor(16, 4)
    assert top.red() > 200 > top.blue()


def test_texts_in_a_png_file_are_left_out() -> None:
    image = picture_of(20, 20)
    image.setText("Comment", "taken at home")
    data = encoded(image, "png")
    assert b"tEXt" in data
    found = import_bytes(data)
    assert not has_notes(found.data)
    assert b"home" not in found.data


def test_a_picture_of_another_kind_becomes_png(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"  # the name says nothing
    path.write_bytes(encoded(picture_of(20, 10), "webp"))
    found = import_file(path)
    assert found.data.startswith(b"\x89PNG")
    assert (found.width, found.height) == (20, 10)


def test_a_picture_larger_than_4096_is_scaled_down_in_its_shape() -> None:
    image = QImage(6000, 300, QImage.Format.Format_RGB32)
    image.fill(QColor("red"))
    found = import_bytes(encoded(image, "png"))
    assert (found.width, found.height) == (LARGEST_SIDE, 204)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no picture at all", "PNG, JPEG, GIF, BMP and WebP"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", "PNG, JPEG"),
        (png_of_size(40, 30), "PNG, JPEG"),
        (png_of_size(60_000, 60_000), "too large"),
    ],
)
def test_what_is_no_usable_picture_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(PictureError, match=words):
        import_bytes(data, "a.png")


# The composer


def add_files(desk: Desk, *paths: Path) -> None:
    """As the file dialog does."""
    composer = desk.page.pane.composer
    before = len(composer.pictures())
    desk.click(composer.attach_button)
    (dialog,) = desk.page.pane.findChildren(QFileDialog)
    dialog.filesSelected.emit([str(path) for path in paths])
    dialog.close()
    desk.until(lambda: len(composer.pictures()) == before + len(paths))
    desk.until(lambda: not desk.page.pane.findChildren(QFileDialog))


def files(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(png(number))
    return paths


def tiles(parent: QWidget) -> list[PictureTile]:
    return [tile for tile in parent.findChildren(PictureTile) if tile.isVisible()]


def test_pictures_can_be_attached_looked_at_and_removed(sit: Sit, tmp_path: Path) -> None:
    desk = sit()
    composer = desk.page.pane.composer
    height = composer.height()
    add_files(desk, *files(tmp_path, 2))
    first, second = tiles(composer)
    assert composer.height() > height
    assert "1 of 2" in first.accessibleName()
    desk.until(lambda: first.image is not None and not first.image.isNull())
    desk.click(first)
    (viewer,) = desk.frame.findChildren(PictureViewer)
    desk.until(lambda: not viewer.canvas.image.isNull())
    desk.press(Qt.Key.Key_Escape, viewer.panel)
    desk.until(lambda: not desk.frame.findChildren(PictureViewer))
    desk.press(Qt.Key.Key_Backspace)  # in the empty field
    assert len(composer.pictures()) == 2
    remove = second.findChild(QAbstractButton)
    assert remove is not None
    desk.click(remove)
    desk.press(Qt.Key.Key_Delete, first)
    assert composer.pictures() == ()
    assert composer.height() == height


def test_a_model_that_cannot_see_is_told_of_before_sending(sit: Sit, tmp_path: Path) -> None:
    desk = sit()
    composer = desk.page.pane.composer
    desk.ask("hello")
    add_files(desk, *files(tmp_path, 1))
    desk.type("What is this?")
    assert not composer.can_send()
    sentence = "Model cannot see pictures. Remove them, or choose a model with vision."
    assert composer.send_button.toolTip() == sentence
    composer.set_pictures(())
    assert composer.can_send()


def test_a_picture_that_is_pasted_is_attached_and_text_is_still_text(sit: Sit) -> None:
    desk = sit()
    composer = desk.page.pane.composer
    clipboard = QGuiApplication.clipboard()
    clipboard.setImage(picture_of(30, 20))
    composer.focus_field()
    assert composer.field.canPaste()
    composer.field.paste()
    desk.until(lambda: len(composer.pictures()) == 1)
    assert (composer.pictures()[0].width, composer.text()) == (30, "")
    both = QMimeData()
    both.setImageData(picture_of(30, 20))
    both.setText("a table")
    composer.field.insertFromMimeData(both)
    assert composer.text() == "a table"
    clipboard.clear()


def test_pictures_are_dropped_on_the_chat_and_other_files_refused(sit: Sit, tmp_path: Path) -> None:
    desk = sit()
    pane = desk.page.pane
    (good,) = files(tmp_path, 1)
    broken, text = tmp_path / "broken.png", tmp_path / "notes.txt"
    broken.write_bytes(b"not a picture")
    text.write_text("words")

    def drop(*paths: Path) -> bool:
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        copy, left, none = (
            Qt.DropAction.CopyAction,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        enter = QDragEnterEvent(QPoint(9, 9), copy, mime, left, none)
        enter.ignore()
        QApplication.sendEvent(pane, enter)
        if enter.isAccepted():
            QApplication.sendEvent(pane, QDropEvent(QPointF(9, 9), copy, mime, left, none))
        return enter.isAccepted()

    assert not drop(text)
    assert drop(good, broken)
    desk.until(lambda: len(pane.composer.pictures()) == 1)
    assert "broken.png" in desk.toast().label.text()


def test_what_is_attached_is_there_after_a_restart(sit: Sit, tmp_path: Path) -> None:
    desk = sit()
    paths = files(tmp_path, 2)
    add_files(desk, paths[0])
    desk = sit()
    desk.until(lambda: len(desk.page.pane.composer.pictures()) == 1)
    desk.page.pane.composer.set_pictures(())
    desk.ask("hello")
    add_files(desk, paths[1])
    desk = sit()
    desk.until(lambda: len(desk.page.pane.composer.pictures()) == 1)
    assert desk.context.store.picture(desk.page.pane.composer.pictures()[0].id) == png(1)
    desk.new_chat()
    assert desk.page.pane.composer.pictures() == ()


# With a model that sees


@pytest.mark.engine
def test_a_picture_is_sent_stored_and_shown(sit: Sit, starter_file: Path, tmp_path: Path) -> None:
    folder = app_paths().models / "someone" / "SmolSees-GGUF"
    folder.mkdir(parents=True)
    (folder / "SmolSees-Q4_1.gguf").symlink_to(starter_file)
    tiny_projector.write(folder / "mmproj-f16.gguf")
    desk = sit()
    desk.until(lambda: any("SmolSees" in m.id for m in desk.context.library.models()))
    model = next(m for m in desk.context.library.models() if "SmolSees" in m.id)
    desk.window.open_page("chat", {"switch_model": model.id})
    desk.until(lambda: (found := desk.context.runtime.get(model.id)) and found.state == "ready")
    composer = desk.page.pane.composer
    add_files(desk, *files(tmp_path, 1))
    composer.set_text("What is this?")
    desk.until(composer.can_send)
    desk.press(Qt.Key.Key_Return)
    desk.until(lambda: len(desk.items()) >= 2)
    desk.until(lambda: desk.written() or desk.last().state != "streaming")
    desk.press(Qt.Key.Key_Escape)
    desk.settled()
    question, answer = desk.stored()
    assert [desk.context.store.picture(each.id) for each in question.pictures] == [png(0)]
    assert composer.pictures() == ()
    bare = desk.context.chat.request_for(question.conversation_id)
    assert answer.usage is not None
    words = desk.context.runtime.get(model.id)
    assert words is not None
    plain = words.engine.count_tokens(
        [type(each)(each.role, each.content) for each in bare.messages[:-1]]
    )
    assert answer.usage.prompt_tokens == plain + tiny_projector.TOKENS
    view = desk.view(question.id)
    assert view.pictures is not None
    (tile,) = view.pictures.tiles
    desk.until(lambda: tile.image is not None and not tile.image.isNull())


# The transcript


def test_pictures_stand_in_lines_and_none_is_higher_than_it_may_be() -> None:
    wide, high = Picture("a", 3000, 1000, 1), Picture("b", 500, 4000, 1)
    places, _, height = place_pictures([high], 500)
    assert places == [(0, 0, 48, HIGHEST)]
    assert height == HIGHEST
    places, widest, height = place_pictures([wide, high, wide], 540)
    assert [place[1] for place in places] == [0, 0, places[0][3] + GAP]
    assert widest <= 540
    assert height == places[2][1] + places[2][3]
    assert place_pictures([], 500)[2] == 0


@pytest.fixture
def worker(qtbot: QtBot) -> Iterator[Worker]:
    worker = Worker()
    yield worker
    assert worker.close(PATIENCE)


def test_a_chat_with_50_pictures_holds_few_of_them_decoded(
    theme: Theme,
    icons: Icons,
    worker: Worker,
    qtbot: QtBot,
    show: Callable[[QWidget], QWidget],
) -> None:
    data = {f"p{number}": png(number, 800, 600) for number in range(50)}
    images = PictureImages(data.__getitem__, worker)
    transcript = TranscriptView(theme, icons, worker, pictures=images)
    items = [
        MessageItem(n, "user", "look", pictures=(Picture(f"p{n}", 800, 600, 1),)) for n in range(50)
    ]
    transcript.resize(704, 600)
    show(transcript)
    transcript.set_messages(items)
    total = transcript.verticalScrollBar().maximum()
    bar = transcript.verticalScrollBar()
    for place in range(total, 0, -300):
        bar.setValue(place)
        qtbot.waitUntil(
            lambda: all(tile.image is not None for tile in tiles(transcript)), timeout=20_000
        )
    decoded = [tile for tile in transcript.findChildren(PictureTile) if tile.image is not None]
    assert len(decoded) + KEPT < 30
    assert total == transcript.verticalScrollBar().maximum(), "heights were known before"
    transcript.close()
    transcript.deleteLater()


def test_a_picture_is_copied_and_saved_from_its_menu(sit: Sit, tmp_path: Path) -> None:
    desk = sit()
    store = desk.context.store
    chat = store.create(model_id="model")
    picture = store.keep_picture(png(3), 40, 30)
    message = store.append(chat.id, "user", "look", None, pictures=(picture,))
    desk.open_chat(chat.id)
    desk.until(lambda: desk.items())
    view = desk.view(message.id)
    assert view.pictures is not None
    (tile,) = view.pictures.tiles

    def choose(words: str) -> None:
        tile.menu_asked.emit(tile.mapToGlobal(QPoint(5, 5)))
        menu = next(m for m in view.findChildren(Menu) if m.isVisible())
        next(action for action in menu.actions() if action.text() == words).trigger()
        menu.close()

    choose("Copy picture")
    clipboard = QGuiApplication.clipboard()
    desk.until(lambda: clipboard.image().width() == 40)
    clipboard.clear()
    choose("Save picture…")
    desk.until(lambda: desk.frame.findChildren(QFileDialog))
    (dialog,) = desk.frame.findChildren(QFileDialog)
    target = tmp_path / "saved.png"
    dialog.fileSelected.emit(str(target))
    dialog.close()
    desk.until(lambda: target.is_file() and target.read_bytes() == png(3))
    desk.until(lambda: not desk.frame.findChildren(QFileDialog))


def test_a_picture_goes_to_the_chat_it_was_attached_in(sit: Sit, tmp_path: Path) -> None:
    desk = sit()
    pane = desk.page.pane
    first, second = files(tmp_path, 2)
    desk.ask("hello")
    conversation = desk.page.conversation
    assert conversation is not None
    pane.composer.pictures_offered.emit((first,))
    desk.new_chat()  # before it is read
    store = desk.context.store
    desk.until(lambda: store.get(conversation.id).draft_pictures)
    assert pane.composer.pictures() == ()
    pane.composer.pictures_offered.emit((second,))
    desk.open_chat(conversation.id)
    desk.until(lambda: pane.writing.new_pictures)
    assert [store.picture(each.id) for each in pane.composer.pictures()] == [png(0)]
    assert [store.picture(each.id) for each in pane.writing.new_pictures] == [png(1)]
