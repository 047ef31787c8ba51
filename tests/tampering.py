"""What somebody may do to a file that evonsfw wrote: copies with one thing changed."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo


def with_texts(path: Path, out: Path, **changes: str | None) -> Path:
    """A PNG whose texts `evonsfw:…` are others; None takes one out. Pixels stay."""
    with Image.open(path) as image:
        texts = {str(key): str(text) for key, text in image.text.items()}
        for key, text in changes.items():
            texts[f"evonsfw:{key}"] = text  # type: ignore[assignment]
        return _saved(image.copy(), {k: v for k, v in texts.items() if v is not None}, out)


def with_a_pixel(path: Path, out: Path, place: tuple[int, int] = (0, 0)) -> Path:
    """A PNG with one pixel changed by one level of one channel."""
    with Image.open(path) as image:
        changed, texts = image.copy(), dict(image.text)
    pixel = changed.getpixel(place)
    assert isinstance(pixel, tuple)
    changed.putpixel(place, (pixel[0] ^ 1, *pixel[1:]))
    return _saved(changed, texts, out)


def cut(path: Path, out: Path, share: float = 0.9) -> Path:
    """The beginning of a file."""
    content = path.read_bytes()
    out.write_bytes(content[: int(len(content) * share)])
    return out


def with_words(path: Path, out: Path, before: str, after: str) -> Path:
    """A text file with one word changed everywhere."""
    text = path.read_text(encoding="utf-8")
    assert before in text
    out.write_text(text.replace(before, after), encoding="utf-8")
    return out


def _saved(image: Image.Image, texts: dict[str, str], out: Path) -> Path:
    chunks = PngInfo()
    for key, text in texts.items():
        chunks.add_text(key, text, zip=len(text) > 256)
    image.save(out, pnginfo=chunks)
    return out
