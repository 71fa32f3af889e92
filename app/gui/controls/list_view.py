"""Lists: rows of one or two lines, group titles, skeletons. Models fill the roles below."""

from enum import IntEnum

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPen,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
    QWidget,
)

from app.gui.controls.focus import KEYBOARD_REASONS
from app.gui.controls.overlay_bar import OverlayScrollBar
from app.gui.controls.painting import box, dpr_of, painter_for, pixmap_in
from app.gui.icons import Icons
from app.gui.theme import Theme

Index = QModelIndex | QPersistentModelIndex

MARGIN = 8
"""Between a row and the edges of the list."""
PADDING = 12
"""Inside a row."""
GROUP_HEIGHT = 32
_GROUP_DROP = 3
"""A title stands nearer to its rows than to those above."""


class RowRole(IntEnum):
    """What a delegate asks of a model, besides DisplayRole for the first line."""

    KIND = Qt.ItemDataRole.UserRole + 1
    """"row" (or nothing), "group" or "skeleton"."""
    SECOND = Qt.ItemDataRole.UserRole + 2
    """Second line."""
    SECOND_TONE = Qt.ItemDataRole.UserRole + 3
    """Colour role of the second line; text-3 if nothing."""
    SIDE = Qt.ItemDataRole.UserRole + 4
    """Right of the first line: a time, a verdict."""
    SIDE_DOT = Qt.ItemDataRole.UserRole + 5
    """Colour role of a dot before it."""
    ICON = Qt.ItemDataRole.UserRole + 6
    """Lucide name before the lines."""
    VALUE = Qt.ItemDataRole.UserRole + 7
    """What the row stands for: an id."""
    SIDE_ICON = Qt.ItemDataRole.UserRole + 8
    """Lucide name before SIDE instead of a dot, coloured SIDE_DOT."""
    SECOND_ICONS = Qt.ItemDataRole.UserRole + 9
    """Lucide names after the second line."""


class RowDelegate(QStyledItemDelegate):
    """Paints rows, group titles and skeletons; subclass and override `paint_row` for more."""

    def __init__(
        self, icons: Icons, height: int, parent: QWidget, *, ellipsis_at_hover: bool = False
    ) -> None:
        super().__init__(parent)
        self.icons = icons
        self.theme: Theme = icons.theme
        self.row_height = height
        self.ellipsis_at_hover = ellipsis_at_hover

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Group titles 32, rows as the list wants."""
        group = index.data(RowRole.KIND) == "group"
        return QSize(120, GROUP_HEIGHT if group else self.row_height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Ground by state, then what the kind of row asks for."""
        painter.save()
        painter_for(painter)
        rect = option.rect.adjusted(MARGIN, 0, -MARGIN, 0)
        kind = index.data(RowRole.KIND)
        if kind == "group":
            self.paint_group(painter, rect.adjusted(PADDING, 0, -PADDING, 0), index)
        elif kind == "skeleton":
            self.paint_skeleton(painter, rect.adjusted(PADDING, 0, -PADDING, 0), index.row())
        else:
            self.paint_ground(painter, rect, option)
            self.paint_row(painter, rect.adjusted(PADDING, 0, -PADDING, 0), option, index)
        painter.restore()

    def paint_ground(self, painter: QPainter, rect: QRect, option: QStyleOptionViewItem) -> None:
        """Selected, hover, keyboard focus."""
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hover = bool(option.state & QStyle.StateFlag.State_MouseOver)
        radius = self.theme.radius("control")
        if selected or hover:
            fill = self.theme.color("selected" if selected else "hover")
            box(painter, rect, radius, fill=fill)
        view = option.widget
        if isinstance(view, RowListView) and view.shows_focus_on(option):
            pen = QPen(self.theme.color("accent"), 2)
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), radius - 1, radius - 1)

    def paint_group(self, painter: QPainter, rect: QRect, index: Index) -> None:
        """A group title, with an icon if it has one."""
        icon = index.data(RowRole.ICON)
        if icon:
            pixmap = self.icons.pixmap(icon, 14, "text-3", dpr_of(painter))
            area = QRect(rect.x(), rect.y() + _GROUP_DROP, 14, rect.height())
            pixmap_in(painter, area, pixmap)
            rect = rect.adjusted(20, 0, 0, 0)
        font = self.theme.font("caption")
        font.setWeight(font.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(self.theme.color("text-3"))
        area = rect.adjusted(0, _GROUP_DROP, 0, _GROUP_DROP)
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, str(index.data()))

    def paint_skeleton(self, painter: QPainter, rect: QRect, row: int) -> None:
        """Two grey bars, of another length in each row."""
        first = rect.width() * (0.62, 0.78, 0.50, 0.70, 0.44)[row % 5]
        second = rect.width() * (0.78, 0.94, 0.66, 0.86, 0.60)[row % 5]
        top = rect.center().y() - 12
        ground, faint = self.theme.color("selected"), self.theme.color("hover")
        box(painter, QRect(rect.x(), top, int(first), 10), 4, fill=ground)
        box(painter, QRect(rect.x(), top + 18, int(second), 8), 4, fill=faint)

    def paint_row(
        self, painter: QPainter, rect: QRect, option: QStyleOptionViewItem, index: Index
    ) -> None:
        """Icon, first line with its side, second line."""
        icon = index.data(RowRole.ICON)
        if icon:
            pixmap = self.icons.pixmap(icon, 16, "text-2", dpr_of(painter))
            pixmap_in(painter, QRect(rect.x(), rect.y(), 16, rect.height()), pixmap)
            rect = rect.adjusted(28, 0, 0, 0)
        second = index.data(RowRole.SECOND)
        line = rect if second is None else self.first_line(rect)
        right = self.paint_side(painter, line, option, index)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        style = "body-strong" if second is not None or selected else "body"
        text_rect = line.adjusted(0, 0, -right, 0)
        self.draw_text(painter, text_rect, str(index.data() or ""), style, "text")
        if second is not None:
            tone = index.data(RowRole.SECOND_TONE) or ("text-2" if selected else "text-3")
            below = self.second_line(rect)
            drawn = self.draw_text(
                painter, below.adjusted(0, 0, -8, 0), str(second), "caption", tone
            )
            self._paint_second_icons(painter, below.adjusted(drawn + 8, 0, 0, 0), index)

    def _paint_second_icons(self, painter: QPainter, rect: QRect, index: Index) -> None:
        x = rect.x()
        for name in index.data(RowRole.SECOND_ICONS) or ():
            pixmap = self.icons.pixmap(name, 14, "text-3", dpr_of(painter))
            pixmap_in(painter, QRect(x, rect.y(), 14, rect.height()), pixmap)
            x += 20

    def first_line(self, rect: QRect) -> QRect:
        """Where the first line of two stands."""
        return QRect(rect.x(), rect.center().y() - 17, rect.width(), 20)

    def second_line(self, rect: QRect) -> QRect:
        """Where the second line stands."""
        return QRect(rect.x(), rect.center().y() + 3, rect.width(), 16)

    def paint_side(
        self, painter: QPainter, line: QRect, option: QStyleOptionViewItem, index: Index
    ) -> int:
        """Time, verdict or the ellipsis at the right; returns the width it took."""
        hover = bool(option.state & QStyle.StateFlag.State_MouseOver)
        if self.ellipsis_at_hover and hover:
            pixmap = self.icons.pixmap("ellipsis", 16, "text-2", dpr_of(painter))
            pixmap_in(painter, QRect(line.right() - 15, line.y(), 16, line.height()), pixmap)
            return 24
        side = index.data(RowRole.SIDE)
        if not side:
            return 0
        font = self.theme.font("caption", tabular=True)
        width = QFontMetrics(font).horizontalAdvance(str(side))
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.setFont(font)
        painter.setPen(self.theme.color("text-2" if selected else "text-3"))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(line, right, str(side))
        taken = width + 8
        dot, icon = index.data(RowRole.SIDE_DOT), index.data(RowRole.SIDE_ICON)
        x = line.right() + 1 - width - 6
        if icon:
            pixmap = self.icons.pixmap(icon, 14, dot or "text-3", dpr_of(painter))
            pixmap_in(painter, QRect(x - 14, line.y(), 14, line.height()), pixmap)
            taken += 20
        elif dot:
            box(painter, QRect(x - 8, line.center().y() - 3, 8, 8), 4, fill=self.theme.color(dot))
            taken += 14
        return taken

    def draw_text(self, painter: QPainter, rect: QRect, text: str, style: str, role: str) -> int:
        """Elided text; returns its width."""
        font = self.theme.font(style)
        metrics = QFontMetrics(font)
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        painter.setFont(font)
        painter.setPen(self.theme.color(role))
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter, shown)
        return metrics.horizontalAdvance(shown)

    def helpEvent(
        self,
        event: QHelpEvent,
        view: QAbstractItemView,
        option: QStyleOptionViewItem,
        index: Index,
    ) -> bool:
        """The model's tool tip; else the whole first line, only where it is cut."""
        if event.type() == QEvent.Type.ToolTip and index.isValid():
            tip = index.data(Qt.ItemDataRole.ToolTipRole) or self.tip_of_cut_text(option, index)
            QToolTip.showText(event.globalPos(), str(tip) if tip else "", view)
            return True
        return super().helpEvent(event, view, option, index)

    def tip_of_cut_text(self, option: QStyleOptionViewItem, index: Index) -> str:
        """The first line where it does not fit, else ""."""
        text = str(index.data() or "")
        metrics = QFontMetrics(self.theme.font("body-strong"))
        side = str(index.data(RowRole.SIDE) or "")
        room = option.rect.width() - 2 * (MARGIN + PADDING)
        room -= metrics.horizontalAdvance(side) + 8 if side else 0
        return text if metrics.horizontalAdvance(text) > room else ""


class RowListView(QListView):
    """A list without frame. Arrows move, Enter opens, Delete and the menu key ask by signals."""

    opened = Signal(object)
    """An index was chosen: clicked, or entered with the keyboard."""
    menu_asked = Signal(object, QPoint)
    """The menu of an index is wanted at a place on the screen."""
    delete_asked = Signal(object)
    """The Delete key was pressed on an index."""

    def __init__(self, icons: Icons, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.icons = icons
        self._by_keyboard = False
        self._swallow_release = False
        self.setAccessibleName(name)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        OverlayScrollBar(self)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setMouseTracking(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._ask_menu)
        self.clicked.connect(self._clicked)
        icons.theme.changed.connect(self.viewport().update)

    def shows_focus_on(self, option: QStyleOptionViewItem) -> bool:
        """Whether the keyboard's focus ring belongs on this row."""
        here = self.indexAt(option.rect.center())
        return self._by_keyboard and self.hasFocus() and here == self.currentIndex()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Remember whether the keyboard led here."""
        self._by_keyboard = event.reason() in KEYBOARD_REASONS
        super().focusInEvent(event)
        if self._by_keyboard and not self.currentIndex().isValid():
            self._go_to_first()
        self.viewport().update()

    def _go_to_first(self) -> None:
        model = self.model()
        for row in range(model.rowCount() if model else 0):
            index = model.index(row, 0)
            if index.flags() & Qt.ItemFlag.ItemIsSelectable:
                self.selectionModel().setCurrentIndex(
                    index, self.selectionModel().SelectionFlag.NoUpdate
                )
                return

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens, Delete asks to delete; the rest is Qt's."""
        self._by_keyboard = True
        index = self.currentIndex()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and index.isValid():
            self.opened.emit(index)
            return
        if event.matches(QKeySequence.StandardKey.Delete) and index.isValid():
            self.delete_asked.emit(index)
            return
        super().keyPressEvent(event)
        self.viewport().update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The pointer takes the ring away; on the ellipsis it asks for the menu."""
        self._by_keyboard = False
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and self._on_ellipsis(index, event.position().toPoint()):
            self._swallow_release = True
            self.menu_asked.emit(index, event.globalPosition().toPoint())
            return
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The press that asked for the menu was no click."""
        if self._swallow_release:
            self._swallow_release = False
            return
        super().mouseReleaseEvent(event)

    def _on_ellipsis(self, index: QModelIndex, at: QPoint) -> bool:
        delegate = self.itemDelegate()
        if not isinstance(delegate, RowDelegate) or not delegate.ellipsis_at_hover:
            return False
        rect = self.visualRect(index)
        kind = index.data(RowRole.KIND)
        inside = rect.right() - MARGIN - PADDING - 20 <= at.x() <= rect.right() - MARGIN
        return inside and kind not in ("group", "skeleton") and at.y() < rect.center().y() + 4

    def _clicked(self, index: QModelIndex) -> None:
        self.opened.emit(index)

    def _ask_menu(self, at: QPoint) -> None:
        index = self.indexAt(at) if self.rect().contains(at) else self.currentIndex()
        if not index.isValid():
            index = self.currentIndex()
        if index.isValid() and index.data(RowRole.KIND) not in ("group", "skeleton"):
            self.menu_asked.emit(index, self.viewport().mapToGlobal(at))
