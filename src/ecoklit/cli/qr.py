"""QR codes, for a terminal and for a printed page. Nothing is fetched: a page opens and prints without a network."""

from __future__ import annotations

import io
from html import escape

import segno

QUIET_MODULES = 4  # what the standard asks for around a code


def terminal_qr(text: str) -> str:
    """The QR code of `text` in half blocks, dark on light, for any terminal that shows them."""
    out = io.StringIO()
    _made(text).terminal(out, border=QUIET_MODULES // 2, compact=True)
    return out.getvalue()


def svg_qr(text: str, title: str) -> str:
    """The QR code of `text` as an SVG element that stands in a page."""
    return _made(text).svg_inline(
        scale=4, border=QUIET_MODULES, title=escape(title), dark="black", light="white", omitsize=False
    )


def page(title: str, *parts: str) -> str:
    """A page of HTML that prints on one sheet of A4; `parts` are elements, already escaped."""
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="id">\n<meta charset="utf-8">\n'
        f"<title>{escape(title)}</title>\n"
        "<style>@page{size:A4;margin:15mm}body{font:12pt/1.4 sans-serif;max-width:180mm;margin:auto;color:#000;"
        "background:#fff}pre{font:13pt/1.5 monospace}svg{display:block}</style>\n"
        f"<h1>{escape(title)}</h1>\n{body}\n</html>\n"
    )


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def preformatted(text: str) -> str:
    # On a line of its own, which no browser shows: so that a program that reads lines finds them in the page too.
    return f"<pre>\n{escape(text)}\n</pre>"


def _made(text: str) -> segno.QRCode:
    # More correction than needed on a screen: paper is folded and gets wet.
    return segno.make_qr(text, error="m", boost_error=True)
