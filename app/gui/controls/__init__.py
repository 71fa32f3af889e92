"""The controls that pages are built of; one small module each.

Controls that paint themselves take `icons` first: it draws Lucide icons and knows the theme.
"""
