"""Markdown as plain text: what is emphasised loses its marks, nothing loses its words."""

from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

_PARSER = MarkdownIt("commonmark").enable("table").enable("strikethrough")


def plain(markdown: str) -> str:
    """Readable text without Markdown's marks."""
    return "\n".join(_Writer().write(_PARSER.parse(markdown))).strip("\n")


class _Writer:
    """Walks the tokens of a document."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._lists: list[int | None] = []  # the next number, None for bullets
        self._quotes = 0
        self._mark = ""  # of the list item that begins
        self._row: list[str] | None = None  # cells, inside of a table's row

    def write(self, tokens: Sequence[Token]) -> list[str]:
        for token in tokens:
            self._take(token)
        return self._lines

    def _take(self, token: Token) -> None:
        match token.type:
            case "inline" if self._row is not None:
                self._row.append(_inline(token.children or []))
            case "inline":
                self._add(_inline(token.children or []))
            case "fence" | "code_block" | "html_block":
                self._gap()
                self._add(token.content.rstrip("\n"))
            case "bullet_list_open" | "ordered_list_open":
                if not self._lists:
                    self._gap()
                start = int(token.attrGet("start") or 1)
                self._lists.append(start if token.type.startswith("ordered") else None)
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
            case "list_item_open":
                self._item()
            case "blockquote_open":
                self._gap()
                self._quotes += 1
            case "blockquote_close":
                self._quotes -= 1
            case "paragraph_open" if not token.hidden and not self._mark:
                self._gap()
            case "heading_open":
                self._gap()
            case "hr":
                self._gap()
                self._add("----")
            case "table_open":
                self._gap()
            case "tr_open":
                self._row = []
            case "tr_close":
                cells, self._row = self._row or [], None
                self._add(" | ".join(cells))
            case _:
                pass

    def _item(self) -> None:
        number = self._lists[-1]
        if number is None:
            self._mark = "- "
        else:
            self._mark = f"{number}. "
            self._lists[-1] = number + 1

    def _gap(self) -> None:
        if self._lines and self._lines[-1] != "":
            self._lines.append("")

    def _add(self, text: str) -> None:
        indent = "  " * max(0, len(self._lists) - (1 if self._mark else 0))
        quote = "> " * self._quotes
        for i, line in enumerate(text.split("\n")):
            mark = self._mark if i == 0 else " " * len(self._mark)
            self._lines.append(f"{quote}{indent}{mark}{line}".rstrip() if line else quote.rstrip())
        self._mark = ""


def _inline(tokens: Sequence[Token]) -> str:
    parts: list[str] = []
    links: list[tuple[int, str]] = []  # where a link's text begins, and its address
    for token in tokens:
        match token.type:
            case "softbreak" | "hardbreak":
                parts.append("\n")
            case "link_open":
                links.append((len(parts), str(token.attrGet("href") or "")))
            case "link_close":
                start, address = links.pop()
                if address and address != "".join(parts[start:]):
                    parts.append(f" ({address})")
            case "image":
                parts.append(f"{token.content} ({token.attrGet('src')})")
            case _:
                parts.append(token.content)
    return "".join(parts)
