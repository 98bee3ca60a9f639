"""A page as a test looks at it."""

from html.parser import HTMLParser

HOSTILE = "<script>alert(1)</script> & \"quotes\" 'of' all sorts <img src=x onerror=alert(2)>"


class Page(HTMLParser):
    """The elements, attributes and text of a page, and whether its tags match."""

    VOID = ("meta", "img", "br", "link", "input", "hr")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.text += " "

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data

    def words(self) -> str:
        return " ".join(self.text.split())

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)


def check_is_whole_and_asks_for_nothing(html: str) -> None:
    """A page whose tags match, and which neither runs nor fetches anything."""
    page = Page(html)
    assert page.open == []
    for name, attributes in page.elements:
        assert name not in {"script", "link", "iframe", "object", "embed", "base"}
        for attribute in ("src", "href", "srcset", "action", "data", "xlink:href"):
            value = attributes.get(attribute) or ""
            assert value == "" or value.startswith(("data:image/", "#"))
        assert not any(attribute.startswith("on") for attribute in attributes)
    assert "url(" not in html
    assert "@import" not in html
