"""How the cells and the header of My models are painted."""

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.gui.controls.painting import box, device_line, dpr_of, painter_for, pixmap_in
from app.gui.icons import Icons
from app.gui.library_model import ADDED, NAME, NUMBERS, QUANTIZATION, ROW_ROLE, Index
from app.gui.library_rows import DOTS, LibraryRow, newer_word, second_line

EDGE = 24
"""Between the table's edges and what is in it."""

_VCENTER = Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_ICONS = ("message-square", "folder-open", "ellipsis")
_ICON_STEP = 28
_BADGE_GAP = 8


class LibraryDelegate(QStyledItemDelegate):
    """Paints cells 56 high with a line between rows."""

    def __init__(self, icons: Icons, parent: QWidget) -> None:
        super().__init__(parent)
        self._icons, self._theme = icons, icons.theme
        self.hovered = -1
        """The row under the pointer, -1 for none."""
        self.focused = QRect()
        """Where the ring of the keyboard's focus belongs, in the viewport."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Ground by state, the cell, the line beneath."""
        row: LibraryRow = index.data(ROW_ROLE)
        theme, rect = self._theme, option.rect
        painter.save()
        painter_for(painter)
        hovered = self.hovered == index.row()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, theme.color("selected"))
        elif hovered:
            painter.fillRect(rect, theme.color("hover"))
        line_beneath(painter, rect, theme.color("border"))
        if index.column() == NAME:
            self._paint_name(painter, rect, row)
        elif index.column() == ADDED and hovered and row.usable:
            self._paint_actions(painter, rect)
        else:
            self._paint_cell(painter, rect, row, index)
        if not self.focused.isEmpty() and self.focused.intersects(rect):
            radius = theme.radius("control")
            ring = self.focused.adjusted(2, 2, -2, -3)
            box(painter, ring, radius, border=theme.color("accent"), width=2)
        painter.restore()

    def _paint_name(self, painter: QPainter, rect: QRect, row: LibraryRow) -> None:
        theme = self._theme
        if row.usable:
            dot = QRect(rect.x() + EDGE, rect.center().y() - 3, 8, 8)
            role = DOTS[row.state]
            if role:
                box(painter, dot, 4, fill=theme.color(role))
            else:
                box(painter, dot, 4, border=theme.color("text-3"))
        left = rect.x() + EDGE + 20
        room = rect.right() - left - 8
        font = theme.font("body-strong")
        painter.setFont(font)
        painter.setPen(theme.color("text" if row.usable else "text-3"))
        badge = self._badge_width(row)
        first = QRect(left, rect.y() + 10, room - badge, 20)
        name = painter.fontMetrics().elidedText(
            row.model.name, Qt.TextElideMode.ElideRight, first.width()
        )
        painter.drawText(first, _VCENTER, name)
        if badge:
            place = left + painter.fontMetrics().horizontalAdvance(name) + _BADGE_GAP
            self._paint_badge(painter, QRect(place, first.y(), badge - _BADGE_GAP, 20))
        second = second_line(row)
        if second.icon:
            pixmap = self._icons.pixmap(second.icon, 14, "text-3", dpr_of(painter))
            pixmap_in(painter, QRect(left, rect.y() + 31, 14, 14), pixmap)
            left += 18
            room -= 18
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color(second.role))
        text = painter.fontMetrics().elidedText(second.text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRect(left, rect.y() + 30, room, 16), _VCENTER, text)

    def _badge_width(self, row: LibraryRow) -> int:
        """Room for the badge of a model that the hub has newer, with the gap before it."""
        if not row.newer:
            return 0
        metrics = QFontMetrics(self._theme.font("caption"))
        return metrics.horizontalAdvance(newer_word()) + 12 + _BADGE_GAP

    def _paint_badge(self, painter: QPainter, rect: QRect) -> None:
        theme = self._theme
        box(painter, rect, theme.radius("small"), fill=theme.color("accent-tint"))
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color("accent"))
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, newer_word())

    def _paint_cell(self, painter: QPainter, rect: QRect, row: LibraryRow, index: Index) -> None:
        theme, column = self._theme, index.column()
        if column == QUANTIZATION:
            font = theme.font("code")
            font.setPixelSize(theme.font_size("caption"))
        else:
            font = theme.font("body", tabular=True)
        painter.setFont(font)
        quiet = column == ADDED or not row.usable
        painter.setPen(theme.color("text-3" if quiet else "text-2"))
        inner = rect.adjusted(EDGE, 0, 0, 0) if column == QUANTIZATION else rect
        inner = inner.adjusted(0, 0, -EDGE if column == ADDED else 0, -1)
        painter.drawText(inner, _RIGHT if column in NUMBERS else _VCENTER, str(index.data()))

    def _paint_actions(self, painter: QPainter, rect: QRect) -> None:
        for name, place in zip(_ICONS, action_places(rect), strict=True):
            pixmap = self._icons.pixmap(name, 16, "text-2", dpr_of(painter))
            pixmap_in(painter, place, pixmap)


def line_beneath(painter: QPainter, rect: QRect, color: QColor) -> None:
    """A line at the foot of a cell, on whole device pixels."""
    height = device_line(painter)
    painter.fillRect(QRectF(rect.x(), rect.bottom() + 1 - height, rect.width(), height), color)


def action_places(rect: QRect) -> list[QRect]:
    """Where the icons of a row under the pointer stand in its last cell."""
    left = rect.right() - EDGE + 7 - len(_ICONS) * _ICON_STEP
    size = _ICON_STEP
    top = rect.center().y() - size // 2
    return [QRect(left + size * place, top, size, size) for place in range(len(_ICONS))]


class LibraryHeader(QHeaderView):
    """Column names; the one that sorts is brighter and has an arrow."""

    def __init__(self, icons: Icons, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._icons = icons
        self.setSectionsClickable(True)
        self.setSortIndicatorShown(True)
        self.setHighlightSections(False)
        self.setFixedHeight(33)
        self.setAccessibleName(self.tr("Columns"))

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        """One name."""
        theme = self._icons.theme
        painter.save()
        painter_for(painter)
        painter.fillRect(rect, theme.color("sidebar"))
        line_beneath(painter, rect, theme.color("border"))
        sorted_by = section == self.sortIndicatorSection()
        font = theme.font("caption")
        font.setWeight(QFont.Weight.Medium)
        painter.setFont(font)
        painter.setPen(theme.color("text" if sorted_by else "text-2"))
        left = {NAME: EDGE + 20, QUANTIZATION: EDGE}.get(section, 0)
        inner = rect.adjusted(left, 0, -EDGE if section == ADDED else 0, -1)
        text = str(self.model().headerData(section, Qt.Orientation.Horizontal))
        right_side = section in NUMBERS
        if sorted_by:
            up = self.sortIndicatorOrder() == Qt.SortOrder.AscendingOrder
            name = "arrow-up" if up else "arrow-down"
            pixmap = self._icons.pixmap(name, 14, "text", dpr_of(painter))
            width = painter.fontMetrics().horizontalAdvance(text)
            x = inner.right() - 13 if right_side else inner.x() + width + 4
            pixmap_in(painter, QRect(x, inner.y(), 14, inner.height()), pixmap)
            inner = inner.adjusted(0, 0, -18 if right_side else 0, 0)
        painter.drawText(inner, _RIGHT if right_side else _VCENTER, text)
        painter.restore()
