"""The message-flow graph as a picture: Mermaid text, an SVG, or one self-contained HTML page.

A further reader of the model. The same flow always gives the same text, byte for byte.
"""

from patterns.draw.mermaid import mermaid
from patterns.draw.picture import Picture, picture

__all__ = ["Picture", "mermaid", "picture"]
