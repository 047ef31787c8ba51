"""Expressions that objectives are written in: "nsfw - 0.5*clutter", read and worked out.

    sum     = product, then any of + product, - product
    product = unary, then any of * unary, / unary: numbers multiply and divide, nothing else does
    unary   = - unary, + unary, or one of: a number, (sum), min(sum, sum, …), a look
    look    = CLASS, MODEL:CLASS, p(look), logit(look), or a picture term

A name with other than letters, digits and _ stands in quotes, and so does a class that is called
like a picture term. Nothing here knows which names there are: `wishes` puts a meaning to them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, NoReturn

import numpy as np

from evonsfw.discovery import nearest

MAX_LENGTH = 1000
"""Characters of an expression."""
MAX_DEPTH = 40
"""Brackets and signs within each other."""
MAX_SIZE = 1e9
"""What the numbers of an expression may come to."""
FUNCTIONS = ("logit", "min", "p")

_TOKEN = re.compile(
    r"""(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<name>[^\W\d]\w*)
    |(?P<quoted>"[^"]+"|'[^']+')
    |(?P<sign>[-+*/(),:])""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Look:
    """One thing that is looked at.

    Attributes:
        name: of a class or a picture term.
        kind: which of a class's numbers; a picture term has only "margin".
        model: the classifier's name, or None for the first.
        quoted: whether the name stood in quotes: then it is a class.
    """

    name: str
    kind: Literal["margin", "logit", "p"] = "margin"
    model: str | None = None
    quoted: bool = False


Seen = Mapping[Look, Any]
"""What was seen at each look: a number, or an array of one number a picture."""


@dataclass(frozen=True)
class Least:
    """The smallest of several sums."""

    sums: tuple[Sum, ...]

    def value(self, seen: Seen) -> Any:
        """The smallest value."""
        return functools.reduce(np.minimum, [one.value(seen) for one in self.sums])

    def weights(self, seen: Seen) -> dict[Look, float]:
        """Those of the smallest; of equal ones, the first's."""
        return min(self.sums, key=lambda one: float(one.value(seen))).weights(seen)

    def looks(self) -> list[Look]:
        """All that is looked at, in order."""
        return [look for one in self.sums for look in one.looks()]

    @property
    def size(self) -> float:
        """How much larger than a look's value its own may be."""
        return max(one.size for one in self.sums)


@dataclass(frozen=True)
class Sum:
    """A number and weighted parts, added up: what every expression comes to."""

    number: float = 0.0
    parts: tuple[tuple[float, Look | Least], ...] = ()

    def value(self, seen: Seen) -> Any:
        """Its value, a number or an array like those that were seen."""
        total: Any = self.number
        for weight, part in self.parts:
            total = total + weight * (seen[part] if isinstance(part, Look) else part.value(seen))
        return total

    def weights(self, seen: Seen) -> dict[Look, float]:
        """D value / d what was seen at each look, of one picture."""
        total: dict[Look, float] = {}
        for weight, part in self.parts:
            found = {part: 1.0} if isinstance(part, Look) else part.weights(seen)
            for look, inner in found.items():
                total[look] = total.get(look, 0.0) + weight * inner
        return total

    def looks(self) -> list[Look]:
        """All that is looked at, in order, each once."""
        parts = [part for _, part in self.parts]
        found = [[p] if isinstance(p, Look) else p.looks() for p in parts]
        return list(dict.fromkeys(look for looks in found for look in looks))

    def scaled(self, factor: float) -> Sum:
        """As many times itself."""
        return Sum(self.number * factor, tuple((w * factor, part) for w, part in self.parts))

    def plus(self, other: Sum) -> Sum:
        """Both together."""
        return Sum(self.number + other.number, self.parts + other.parts)

    @property
    def size(self) -> float:
        """How much larger than a look's value its own may be."""
        sizes = (abs(w) * (1.0 if isinstance(p, Look) else p.size) for w, p in self.parts)
        return abs(self.number) + sum(sizes)


def parse(text: str) -> Sum:
    """Read an expression.

    Raises:
        ValueError: it is none; names the piece.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(
            f"expression {shown(text)}: {len(text)} characters; expected at most {MAX_LENGTH}"
        )
    parser = _Parser(text)
    result = parser.sum()
    if parser.kind != "end":
        parser.expected("+, -, * or /")
    if not result.parts:
        parser.refuse("nothing in it depends on the picture: name a class or a term")
    return result


def shown(text: str, most: int = 60) -> str:
    """A text in quotes, on one line, as long as that."""
    line = " ".join(text.split())
    short = line if len(line) <= most else line[: most - 1] + "…"
    return f"'{short}'" if short.isprintable() else repr(short)


class _Token(NamedTuple):
    kind: str
    text: str


class _Parser:
    """Recursive descent, one function a line of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split()
        self._place = self._depth = 0

    def _split(self) -> list[_Token]:
        tokens, place = [], 0
        while place < len(self._text):
            if self._text[place].isspace():
                place += 1
                continue
            match = _TOKEN.match(self._text, place)
            if match is None:
                self.refuse(f"{shown(self._text[place])} has no meaning here")
            tokens.append(_Token(str(match.lastgroup), match.group()))
            place = match.end()
        return [*tokens, _Token("end", "")]

    @property
    def kind(self) -> str:
        """Of the next token."""
        return self._tokens[self._place].kind

    def refuse(self, problem: str) -> NoReturn:
        """Raise ValueError, with the expression."""
        raise ValueError(f"expression {shown(self._text)}: {problem}")

    def expected(self, what: str) -> NoReturn:
        """Raise ValueError: the next token is not what was expected."""
        token = self._tokens[self._place]
        found = "it ends too early" if token.kind == "end" else f"found {shown(token.text)}"
        self.refuse(f"{found}: expected {what}")

    def _take(self) -> _Token:
        self._place += 1
        return self._tokens[self._place - 1]

    def _takes(self, *signs: str) -> str:
        """The next token, where it is one of these signs; else ""."""
        token = self._tokens[self._place]
        return self._take().text if token.kind == "sign" and token.text in signs else ""

    def _need(self, sign: str) -> None:
        if not self._takes(sign):
            self.expected(shown(sign))

    def _deeper(self, read: Callable[[], Sum]) -> Sum:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self.refuse(f"more than {MAX_DEPTH} brackets and signs within each other")
        result = read()
        self._depth -= 1
        return result

    def sum(self) -> Sum:
        """A sum; ValueError where there is none."""
        total = self._product()
        while sign := self._takes("+", "-"):
            product = self._product()
            total = self._fitting(total.plus(product.scaled(-1.0 if sign == "-" else 1.0)))
        return total

    def _product(self) -> Sum:
        result = self._deeper(self._unary)
        while sign := self._takes("*", "/"):
            other = self._deeper(self._unary)
            if sign == "/":
                if other.parts or other.number == 0.0:
                    self.refuse("only a number other than 0 may divide")
                result = self._fitting(result.scaled(1.0 / other.number))
            elif result.parts and other.parts:
                self.refuse("only a number may multiply")
            else:
                number, rest = (other, result) if result.parts else (result, other)
                result = self._fitting(rest.scaled(number.number))
        return result

    def _fitting(self, result: Sum) -> Sum:
        if not result.size <= MAX_SIZE:
            self.refuse(f"its numbers come to more than {MAX_SIZE:g}")
        return result

    def _unary(self) -> Sum:
        if sign := self._takes("-", "+"):
            result = self._deeper(self._unary)
            return result.scaled(-1.0) if sign == "-" else result
        if self._takes("("):
            result = self._deeper(self.sum)
            self._need(")")
            return result
        if self.kind == "number":
            return self._fitting(Sum(float(self._take().text)))
        follower = self._tokens[self._place + 1] if self.kind == "name" else None
        if follower == _Token("sign", "("):
            return self._call(self._take().text)
        return Sum(parts=((1.0, self._look()),))

    def _call(self, function: str) -> Sum:
        self._need("(")
        if function == "min":
            return self._least()
        if function not in FUNCTIONS:
            self.refuse(f"unknown function {shown(function)}: {nearest(function, FUNCTIONS)}")
        look = self._look()
        self._need(")")
        kind: Literal["logit", "p"] = "logit" if function == "logit" else "p"
        return Sum(parts=((1.0, replace(look, kind=kind)),))

    def _least(self) -> Sum:
        sums = [self._deeper(self.sum)]
        while self._takes(","):
            sums.append(self._deeper(self.sum))
        self._need(")")
        if len(sums) < 2:
            self.refuse("min takes two or more, with commas between them")
        if not any(one.parts for one in sums):
            return Sum(min(one.number for one in sums))
        return Sum(parts=((1.0, Least(tuple(sums))),))

    def _look(self) -> Look:
        name, quoted = self._name()
        if not self._takes(":"):
            return Look(name, quoted=quoted)
        return Look(self._name()[0], model=name, quoted=True)

    def _name(self) -> tuple[str, bool]:
        """A name, and whether it stood in quotes."""
        if self.kind not in ("name", "quoted"):
            self.expected("a class, a picture term or a number")
        token = self._take()
        return (token.text, False) if token.kind == "name" else (token.text[1:-1], True)
