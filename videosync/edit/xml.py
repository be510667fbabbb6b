"""Small pieces of XML documents."""

from __future__ import annotations

from fractions import Fraction
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from videosync.edit.addresses import printable


def add(parent: Element, name: str, value: object) -> Element:
    """A child that holds a value."""
    child = SubElement(parent, name)
    child.text = printable(str(value))
    return child


def document(root: Element, doctype: str = "") -> str:
    """The whole text."""
    indent(root)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n' + f"{doctype}\n" * bool(doctype)
    return head + tostring(root, encoding="unicode") + "\n"


def rational(value: Fraction) -> str:
    """Seconds as FCPXML has them: ``1001/30000s``, ``2s``."""
    return f"{value.numerator}s" if value.denominator == 1 else f"{value.numerator}/{value.denominator}s"
