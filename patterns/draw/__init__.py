"""The message-flow graph as a picture: Mermaid text, an SVG, or one self-contained HTML page.

A further reader of the model: ``as_mermaid(picture_of(read_flow("cdk.out")))``. The same flow always gives the
same text, byte for byte.
"""

from patterns.draw.mermaid import as_mermaid
from patterns.draw.page import as_page
from patterns.draw.picture import Picture, picture_of
from patterns.draw.svg import as_svg

__all__ = ["Picture", "as_mermaid", "as_page", "as_svg", "picture_of"]
