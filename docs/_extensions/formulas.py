"""Draw formulas as SVG when pages are built: readers need no script, font or network."""

from html import escape

import ziafont
import ziamath
from docutils import nodes

FONT_SIZE = 17  # pixels: a little more than the text, whose font has larger letters at any size

ziafont.config.svg2 = False  # each of a page's many formulas has its own paths, not shared symbols


def draw(formula, is_inline):
    """Return a LaTeX formula as SVG, in the colour of the surrounding text."""
    tex = rf"\begin{{aligned}}{formula}\end{{aligned}}" if r"\\" in formula else formula
    drawing = ziamath.Latex(tex, size=FONT_SIZE, color="currentColor", inline=is_inline)
    style = f' style="vertical-align: {drawing.getyofst():.2f}px"' if is_inline else ""
    label = f'<svg class="formula" role="img" aria-label="{escape(formula)}"{style} '
    return drawing.svg().replace("<svg ", label, 1)


def visit_inline(translator, node):
    """Write a formula within text."""
    translator.body.append(draw(node.astext(), is_inline=True))
    raise nodes.SkipNode


def visit_block(translator, node):
    """Write a formula that stands alone."""
    drawing = draw(node.astext().strip(), is_inline=False)
    translator.body.append(f'<div class="formula-block">{drawing}</div>\n')
    raise nodes.SkipNode


def setup(app):
    """Add the renderer that conf.py names."""
    app.add_html_math_renderer("ziamath", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
