"""python-liquid cut down to what wording needs: a few tags and filters, small limits, no clock, no way out.

Imported with the first template, because python-liquid takes 0.4 s to import.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TextIO

from liquid import BoundTemplate, Environment, FalsyStrictUndefined, Mode, RenderContext
from liquid.ast import Node
from liquid.builtin import content, illegal, output
from liquid.builtin.expressions.logical import BooleanExpression, LogicalAndExpression, LogicalOrExpression
from liquid.builtin.expressions.path import Path
from liquid.builtin.tags import case_tag, for_tag, if_tag, unless_tag
from liquid.exceptions import BlockNestingError, LiquidError, LiquidSyntaxError, ResourceLimitError, UndefinedError
from liquid.expression import Expression
from liquid.output import LimitedStringIO
from liquid.stringify import to_liquid_string
from liquid.utils import ReadOnlyChainMap

from communication_agent.content.catalogue import nearest
from communication_agent.content.liquid_filters import HTML_FILTERS, TEXT_FILTERS
from communication_agent.content.no_break import Shown
from communication_agent.errors import Problem

MAX_OUTPUT = 200_000  # bytes
MAX_LOOPS = 1_000
MAX_NESTING = 10


class _If(if_tag.IfTag):
    mode = Mode.STRICT  # a second else is an error, not silently dropped words


class _PrintNode(output.OutputNode):
    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        value = self.expression.evaluate(context)
        return buffer.write(to_liquid_string(value.form if isinstance(value, Shown) else value, context.autoescape))


class _Print(output.Output):
    node_class = _PrintNode


class _Environment(Environment):
    loop_iteration_limit = MAX_LOOPS
    output_stream_limit = MAX_OUTPUT
    block_nesting_limit = MAX_NESTING

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        del extra
        for tag in (content.Literal, _Print, illegal.Illegal, _If, unless_tag.UnlessTag, case_tag.CaseTag, for_tag.ForTag):
            self.add_tag(tag)
        self.filters = dict(HTML_FILTERS if self.autoescape else TEXT_FILTERS)


class _SaysSomething(Expression):
    """A variable as a condition: false when it is missing or empty, as authors expect. Plain Liquid calls "" true."""

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        super().__init__(path.token)
        self.path = path

    def evaluate(self, context: RenderContext) -> object:
        value = self.path.evaluate(context)
        return bool(value.strip()) if isinstance(value, str) else value

    def children(self) -> list[Expression]:
        return [self.path]


class Tree:
    """A parsed template."""

    def __init__(self, source: str, *, html: bool) -> None:
        """Parse `source`; raises Problem CA-308."""
        try:
            self._bound = _environment(html=html).from_string(source)
        except LiquidError as error:
            raise _problem(error, source) from error
        analysis = self._bound.analyze(include_partials=False)
        self.source = source
        self.variables = frozenset(analysis.globals)
        self.filters = frozenset(analysis.filters)
        for expression in _conditions(self._bound):
            expression.expression = _careful(expression.expression)

    def render(self, facts: Mapping[str, object]) -> str:
        """The words for these facts; raises Problem CA-308."""
        context = RenderContext(self._bound, globals=facts)
        # Without python-liquid's `now` and `today`: a message says what its facts say.
        context.scope = ReadOnlyChainMap(context.locals, facts)
        buffer = LimitedStringIO(MAX_OUTPUT)
        for node in self._bound.nodes:
            try:
                node.render(context, buffer)
            except LiquidError as error:
                error.token = error.token or node.token
                raise _problem(error, self.source, facts) from error
        return buffer.getvalue()


@cache
def _environment(*, html: bool) -> Environment:
    return _Environment(undefined=FalsyStrictUndefined, autoescape=html)


def _conditions(bound: BoundTemplate) -> Iterator[BooleanExpression]:
    context = RenderContext(bound)
    waiting: list[Node] = list(bound.nodes)
    while waiting:
        node = waiting.pop()
        waiting.extend(node.children(context, include_partials=False))
        yield from (expression for expression in node.expressions() if isinstance(expression, BooleanExpression))


def _careful(expression: Expression) -> Expression:
    if isinstance(expression, Path):
        return _SaysSomething(expression)
    if isinstance(expression, LogicalAndExpression | LogicalOrExpression):
        expression.left = _careful(expression.left)
        expression.right = _careful(expression.right)
    return expression


def _problem(error: LiquidError, source: str, facts: Mapping[str, object] | None = None) -> Problem:
    said = str(error.args[0]) if error.args else type(error).__name__
    # A token without a place stands for the end, where something was still to come.
    index = error.token.start_index if error.token and error.token.start_index >= 0 else len(source)
    line = source.count("\n", 0, index) + 1
    where = f"line {line}"
    if isinstance(error, UndefinedError):
        return _undefined(said, where, facts or {})
    if isinstance(error, BlockNestingError):
        return Problem(
            "CA-308", f"Too many blocks inside each other ({where}).", f"At most {MAX_NESTING} are allowed.", "Say it in fewer ifs."
        )
    if isinstance(error, ResourceLimitError):
        return Problem(
            "CA-308", f"The template makes too much text ({where}).", f"{said}; at most {MAX_OUTPUT} bytes.", "Shorten it."
        )
    title = "The template cannot be read" if isinstance(error, LiquidSyntaxError) else "The template does not work"
    return Problem("CA-308", f"{title} ({where}).", f"{said}.", "Mend the tag; `communication-agent preview` shows the result.")


def _undefined(said: str, where: str, facts: Mapping[str, object]) -> Problem:
    quoted = said.split("'")
    name = quoted[1] if len(quoted) > 2 else said.partition(" ")[0]
    close = nearest(name, facts)
    if close is None or close == name:
        why, do = "No fact of that name is known for this message.", "Give the fact, or write words that do without it."
    else:
        why, do = "There is no variable of that name.", f"Did you mean {close}?"
    return Problem("CA-308", f'"{name}" is not known ({where}).', why, do)
