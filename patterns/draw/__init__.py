"""The message-flow graph as a picture: Mermaid text, an SVG, or one self-contained HTML page.

A further reader of the model. The same flow always gives the same text, byte for byte.
"""

from patterns.draw.mermaid import mermaid
from patterns.draw.page import page
from patterns.draw.picture import Picture, picture
from patterns.draw.svg import svg

__all__ = ["Picture", "mermaid", "page", "picture", "svg"]
