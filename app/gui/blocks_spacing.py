"""Room between the blocks of a message, in pixels of the design."""

from app.gui.markdown import Block, CodeBlock, MathBlock, TableBlock, TextBlock

PARAGRAPH = 10
AFTER_HEADING = 4
BEFORE_HEADING = 18
AFTER_FRAME = 12


def gap_between(before: Block, after: Block) -> int:
    """How far `after` stands below `before`."""
    if isinstance(before, TextBlock) and before.heading:
        return AFTER_HEADING if isinstance(after, TextBlock) else PARAGRAPH
    if isinstance(after, TextBlock) and after.heading:
        return BEFORE_HEADING
    if isinstance(before, CodeBlock | TableBlock | MathBlock):
        return AFTER_FRAME
    if isinstance(after, TableBlock):
        return AFTER_FRAME
    if isinstance(before, TextBlock) and isinstance(after, TextBlock):
        nested = before.place.indent and after.place.indent
        if after.tight and before.tight and nested:
            return 0
    return PARAGRAPH
