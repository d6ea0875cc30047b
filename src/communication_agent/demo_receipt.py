"""A receipt as a till would print it: one page of PDF, made without any library."""

from collections.abc import Sequence

_HEAD = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
_SPECIAL = str.maketrans({"\\": "\\\\", "(": "\\(", ")": "\\)"})


def pdf(title: str, lines: Sequence[str]) -> bytes:
    """One A6 page with a title and lines of text; what Latin-1 does not have becomes a question mark."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 298 420] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        _stream(title, lines),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    body, places = _HEAD, list[int]()
    for number, content in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    return body + head + table + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(body))


def _stream(title: str, lines: Sequence[str]) -> bytes:
    text = [f"BT /F 16 Tf 28 372 Td ({_escaped(title)}) Tj ET"]
    text += [f"BT /F 10 Tf 28 {340 - 16 * n} Td ({_escaped(line)}) Tj ET" for n, line in enumerate(lines)]
    content = "\n".join(text).encode("latin-1", "replace")
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)


def _escaped(text: str) -> str:
    return text.translate(_SPECIAL)
