"""The table of requests to the local server, newest first, as they go on."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QDateTime,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    Qt,
)
from PySide6.QtGui import QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from app.gui import formatting
from app.gui.controls.painting import painter_for
from app.gui.library_delegate import line_beneath

if TYPE_CHECKING:
    from app.core.request_log import RequestRecord
    from app.gui.icons import Icons

Index = QModelIndex | QPersistentModelIndex

TIME, METHOD, PATH, CLIENT, STATE, TOKENS, TAKEN = range(7)
_WIDTHS = {TIME: 110, METHOD: 84, CLIENT: 150, STATE: 260, TOKENS: 130, TAKEN: 104}
_NARROWEST = {STATE: 150, CLIENT: 110}
"""What gives room where the path would have less than `_PATH_WIDTH`, the first of these first."""
_PATH_WIDTH = 180
_RIGHT_SIDE = (TOKENS, TAKEN)
_ROW = 34
EDGE = 16
SHOWN = 200
"""Rows; the log keeps more."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("requests", text)


def state_words(record: RequestRecord) -> tuple[str, str]:
    """What becomes of a request, and the colour role of it."""
    if record.seconds is None:
        if record.time_to_first_token is not None:
            return _tr("Writing"), "accent"
        if record.model:
            return _tr("Reading"), "accent"
        return _tr("Waiting"), "accent"
    if record.status == 499:
        return _tr("Cancelled by the client"), "warning"
    if record.status >= 400 or record.error:  # an answer may break off behind its status
        return f"{record.status} {record.error}".strip(), "warning"
    return _tr("%1 Done").replace("%1", str(record.status)), "text-2"


def token_words(record: RequestRecord) -> str:
    """Tokens of prompt and answer."""
    if not record.prompt_tokens and not record.completion_tokens:
        return "—"
    asked, answered = record.prompt_tokens, record.completion_tokens
    return f"{formatting.number(asked)} / {formatting.number(answered)}"


def taken_words(seconds: float | None) -> str:
    """ "118 ms", "2.4 s"."""
    if seconds is None:
        return "…"
    if seconds < 1:
        return _tr("%1 ms").replace("%1", str(max(1, round(seconds * 1000))))
    return _tr("%1 s").replace("%1", formatting.decimal(seconds))


class RequestsModel(QAbstractTableModel):
    """The rows; one that changes is told of by itself."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._records: list[RequestRecord] = []

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        """One for each request."""
        return 0 if parent.isValid() else len(self._records)

    def columnCount(self, parent: Index = QModelIndex()) -> int:
        """Time to duration."""
        return 0 if parent.isValid() else 7

    def record(self, row: int) -> RequestRecord | None:
        """The request in a row."""
        return self._records[row] if 0 <= row < len(self._records) else None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """The names of the columns."""
        if orientation != Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        return (
            _tr("Time"),
            _tr("Method"),
            _tr("Path"),
            _tr("Client"),
            _tr("State"),
            _tr("Tokens in / out"),
            _tr("Time taken"),
        )[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Words of a cell; in its tip everything that is known."""
        record = self.record(index.row())
        if record is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _cells(record)[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            # Qt takes what looks like HTML for HTML, and anybody may have written this.
            return f"<p style='white-space:pre-wrap'>{html.escape(tip(record))}</p>"
        return None

    def show_all(self, records: tuple[RequestRecord, ...]) -> None:
        """Other requests, oldest first."""
        self.beginResetModel()
        self._records = list(reversed(records))[:SHOWN]
        self.endResetModel()

    def take(self, record: RequestRecord) -> None:
        """One that is new, or that has come further."""
        for row, each in enumerate(self._records):
            if each.number == record.number:
                self._records[row] = record
                self.dataChanged.emit(self.index(row, 0), self.index(row, TAKEN))
                return
        if self._records and record.number < self._records[-1].number:
            return  # it fell off the end
        self.beginInsertRows(QModelIndex(), 0, 0)
        self._records.insert(0, record)
        self.endInsertRows()
        if len(self._records) > SHOWN:
            self.beginRemoveRows(QModelIndex(), SHOWN, len(self._records) - 1)
            del self._records[SHOWN:]
            self.endRemoveRows()


def _cells(record: RequestRecord) -> tuple[str, ...]:
    moment = QDateTime.fromMSecsSinceEpoch(int(record.time * 1000))
    return (
        moment.toString("HH:mm:ss"),
        record.method,
        record.path,
        record.token or record.client,
        state_words(record)[0],
        token_words(record),
        taken_words(record.seconds),
    )


def tip(record: RequestRecord) -> str:
    """Everything that is known of a request, line by line."""
    lines = [f"{record.method} {record.path}"]
    if record.model:
        lines.append(_tr("Model: %1").replace("%1", record.model))
    if record.error:
        lines.append(record.error)
    if record.waited >= 0.01:
        lines.append(_tr("Waited in line: %1").replace("%1", taken_words(record.waited)))
    if record.time_to_first_token is not None:
        first = taken_words(record.time_to_first_token)
        lines.append(_tr("First token after %1").replace("%1", first))
    if record.cached_tokens:
        cached = formatting.number(record.cached_tokens)
        lines.append(_tr("Cached: %1 tokens").replace("%1", cached))
    if record.tokens_per_second:
        speed = formatting.decimal(record.tokens_per_second)
        lines.append(_tr("%1 tokens/s").replace("%1", speed))
    for title, text in ((_tr("Asked"), record.asked), (_tr("Answered"), record.answered)):
        if text:
            lines += ["", f"{title}: {text[:1500]}"]
    return "\n".join(lines)


class RequestsTable(QTableView):
    """The table."""

    def __init__(self, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = RequestsModel(self)
        self.setModel(self.rows)
        self.setItemDelegate(_Cell(icons, self))
        header = _Header(icons, self)
        self.setHorizontalHeader(header)
        self.setAccessibleName(_tr("Requests"))
        self.setShowGrid(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(PATH, QHeaderView.ResizeMode.Stretch)
        self._share_width()
        icons.theme.changed.connect(self.viewport().update)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The path stays readable in a narrow window."""
        self._share_width()
        super().resizeEvent(event)

    def _share_width(self) -> None:
        missing = _PATH_WIDTH + sum(_WIDTHS.values()) - self.viewport().width()
        widths = dict(_WIDTHS)
        for column, least in _NARROWEST.items():
            given = max(0, min(missing, widths[column] - least))
            widths[column] -= given
            missing -= given
        for column, width in widths.items():
            self.horizontalHeader().resizeSection(column, width)


class _Cell(QStyledItemDelegate):
    def __init__(self, icons: Icons, parent: RequestsTable) -> None:
        super().__init__(parent)
        self._theme = icons.theme
        self._rows = parent.rows

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        record = self._rows.record(index.row())
        if record is None:
            return
        painter.save()
        painter_for(painter)
        theme, rect, column = self._theme, option.rect, index.column()
        if option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, theme.color("hover"))
        line_beneath(painter, rect, theme.color("border"))
        role = {TIME: "text-3", PATH: "text", METHOD: "text"}.get(column, "text-2")
        if column == STATE:
            role = state_words(record)[1]
        mono = column in (TIME, METHOD, PATH)
        font = theme.font("body", mono=mono, tabular=column in _RIGHT_SIDE)
        if mono:
            font.setPixelSize(theme.font_size("caption"))
        painter.setFont(font)
        painter.setPen(theme.color(role))
        inner = rect.adjusted(EDGE if column == TIME else 0, 0, -EDGE, -1)
        side = Qt.AlignmentFlag.AlignRight if column in _RIGHT_SIDE else Qt.AlignmentFlag.AlignLeft
        text = painter.fontMetrics().elidedText(
            str(index.data()), Qt.TextElideMode.ElideRight, inner.width()
        )
        painter.drawText(inner, side | Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()


class _Header(QHeaderView):
    def __init__(self, icons: Icons, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._theme = icons.theme
        self.setSectionsClickable(False)
        self.setFixedHeight(33)
        self.setAccessibleName(_tr("Columns"))

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        painter.save()
        painter_for(painter)
        theme = self._theme
        painter.fillRect(rect, theme.color("sidebar"))
        line_beneath(painter, rect, theme.color("border"))
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color("text-2"))
        inner = rect.adjusted(EDGE if section == TIME else 0, 0, -EDGE, -1)
        right = section in _RIGHT_SIDE
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        text = str(self.model().headerData(section, Qt.Orientation.Horizontal))
        painter.drawText(inner, side | Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()
