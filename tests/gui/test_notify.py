"""Toasts, questions and reports."""

from collections.abc import Callable

import pytest
import shiboken6
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.core.errors import AppError
from app.gui.controls.buttons import PrimaryButton
from app.gui.icons import Icons
from app.gui.notify import Notifier

Show = Callable[[QWidget], QWidget]
CLICK = Qt.MouseButton.LeftButton


@pytest.fixture
def host(show: Show) -> QWidget:
    host = QWidget()
    host.resize(700, 500)
    return show(host)


@pytest.fixture
def notifier(icons: Icons, host: QWidget) -> Notifier:
    notifier = Notifier(icons, host)
    notifier.attach(host)
    return notifier


def test_a_new_toast_takes_the_place_of_the_old(notifier: Notifier) -> None:
    first = notifier.toast("One")
    second = notifier.toast("Two")
    assert first is not None
    assert second is not None
    assert not first.isVisible()
    assert second.isVisible()
    assert notifier.shown_toast() is second


def test_only_one_toast_stands_at_a_time(notifier: Notifier, qtbot: QtBot) -> None:
    first = notifier.toast("One")
    second = notifier.toast("Two")
    assert first is not None
    assert second is not None
    qtbot.waitUntil(lambda: not shiboken6.isValid(first))
    third = notifier.toast("Three")
    assert third is not None
    assert not second.isVisible()
    assert third.isVisible()


def test_error_says_title_reason_and_remedy(notifier: Notifier) -> None:
    toast = notifier.error(AppError("The disk is full", "4 GB are missing.", "Delete a model."))
    assert toast is not None
    assert toast.accessibleName() == "The disk is full. 4 GB are missing. Delete a model."


def test_deletion_is_asked_with_cancel_in_focus(notifier: Notifier) -> None:
    answers: list[bool] = []
    question = notifier.confirm(
        "Delete it?", "It is gone then.", "Delete", answers.append, danger=True
    )
    assert question is not None
    assert question.cancel_button is QApplication.focusWidget()
    QTest.mouseClick(question.answers["yes"], CLICK)
    assert answers == [True]


@pytest.mark.parametrize("way", ["escape", "beside", "cancel"])
def test_every_way_out_means_no(notifier: Notifier, way: str) -> None:
    answers: list[bool] = []
    question = notifier.confirm("Delete it?", "It is gone then.", "Delete", answers.append)
    assert question is not None
    if way == "escape":
        QTest.keyClick(question.answers["yes"], Qt.Key.Key_Escape)
    elif way == "beside":
        QTest.mouseClick(question, CLICK, pos=QPoint(3, 3))
    else:
        QTest.mouseClick(question.cancel_button, CLICK)
    assert answers == [False]


def test_one_of_several_answers(notifier: Notifier) -> None:
    chosen: list[str | None] = []
    choices = {"move": "Move them", "leave": "Leave them there"}
    question = notifier.choose("Take them along?", "7 models.", choices, chosen.append)
    assert question is not None
    assert isinstance(question.answers["move"], PrimaryButton)
    QTest.mouseClick(question.answers["leave"], CLICK)
    assert chosen == ["leave"]


def test_one_report_at_a_time(notifier: Notifier) -> None:
    first = notifier.report(ZeroDivisionError("first"))
    assert notifier.report(ZeroDivisionError("second")) is first
    assert first is not None
    first.copy_report()
    assert "first" in QApplication.clipboard().text()
    first.dismiss()
    assert notifier.shown_report() is None


def fail() -> Exception:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError as error:
        return error


def test_what_fails_again_at_the_same_place_is_reported_once(notifier: Notifier) -> None:
    for expected in (True, False):
        report = notifier.report(fail())
        assert (report is not None) is expected
        if report is not None:
            report.dismiss()
    elsewhere = notifier.report(ValueError("another"))
    assert elsewhere is not None
    assert elsewhere.isVisible()


def test_without_a_window_a_question_is_answered_no(icons: Icons) -> None:
    answers: list[bool] = []
    notifier = Notifier(icons)
    assert notifier.confirm("Delete?", "", "Delete", answers.append) is None
    assert notifier.toast("Hello") is None
    assert answers == [False]
