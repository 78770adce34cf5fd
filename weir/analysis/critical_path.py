"""Critical path of a run: what its first text, and its end, waited for. A function of the run tree."""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from weir.analysis.run_tree import RunNode

MIN_PART_SECONDS = 1e-4
"""Parts that are shorter belong to the next one."""
MAX_PARTS = 300
"""Parts of a path: the last ones before the model is asked."""


@dataclass(frozen=True, slots=True)
class PathPart:
    """A span in which the run waited for one component. Times are seconds since the run's start."""

    node: RunNode
    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """Where the time to the first text went, and the rest of the run."""

    before: tuple[PathPart, ...]
    """Before the answering model was asked, by component, earliest first."""
    model: PathPart | None
    """The model's own wait: from its call to its first chunk. None if no model has answered."""
    after: PathPart | None
    """From the model's first chunk until the run gave out text, and the component that held it; None if none did."""
    writing: PathPart | None
    """From the run's first text to the model's last chunk."""
    end: tuple[PathPart, ...]
    """What ran on after that, by component."""

    @property
    def parts(self) -> tuple[PathPart, ...]:
        """All parts, in order."""
        middle = tuple(part for part in (self.model, self.after, self.writing) if part is not None)
        return (*self.before, *middle, *self.end)

    @property
    def first_text(self) -> float | None:
        """When the run gave out its first text."""
        part = self.after or self.model
        return part.end if part else None

    def seconds_by_component(self) -> list[tuple[RunNode, float]]:
        """Return the seconds before the model was asked of each component by its name, the longest first."""
        seconds: dict[tuple[str, str], float] = {}
        nodes: dict[tuple[str, str], RunNode] = {}
        for part in self.before:
            key = part.node.type, part.node.name
            known = nodes.setdefault(key, part.node)
            if (part.node.duration or 0.0) > (known.duration or 0.0):
                nodes[key] = part.node
            seconds[key] = seconds.get(key, 0.0) + part.seconds
        return sorted(((nodes[key], value) for key, value in seconds.items()), key=lambda pair: -pair[1])


def predecessors(root: RunNode) -> dict[RunNode, RunNode]:
    """Map each step of a sequence to the previous step."""
    previous = {}
    for node in root.walk():
        # Nodes hand over a state, not chunks; what they call inherits the tags of their steps.
        if node.graph_step is not None:
            continue
        steps = sorted((child for child in node.children if child.step), key=lambda child: child.step or 0)
        previous.update({later: earlier for earlier, later in pairwise(steps)})
    return previous


def critical_path(root: RunNode) -> CriticalPath:
    """Return what the run waited for, as far as it has come."""
    model = answering_model(root)
    first = None if model is None else first_output(model)
    if model is None or first is None:
        end = root.ended if root.ended is not None else root.started
        return CriticalPath((), None, None, None, _walk_back(root, root.started, end))
    shown = max(first, root.text_times[0]) if root.text_times else first
    holder = _holder(root, model, first, shown)
    last = max(shown, model.last_chunk or first)
    return CriticalPath(
        before=_walk_back(root, root.started, model.started),
        model=PathPart(model, model.started, first),
        after=PathPart(holder, first, shown) if holder else None,
        writing=PathPart(model, shown, last) if last > shown else None,
        end=() if root.ended is None else _walk_back(root, last, root.ended),
    )


def answering_model(root: RunNode) -> RunNode | None:
    """Return the model that wrote the first text that the run gave out, or its answer if the run gives out none."""
    models = [node for node in root.walk() if node.is_model and first_output(node) is not None]
    if not models:
        return None
    if root.text_times:
        shown = root.text_times[0] + MIN_PART_SECONDS
        models = [model for model in models if (first_output(model) or 0.0) <= shown] or models
        return max(models, key=lambda model: model.started)
    writers = [model for model in models if model.text_times] or models
    is_graph = any(child.graph_step is not None for child in root.children)
    return (max if is_graph else min)(writers, key=lambda model: model.started)


def first_output(model: RunNode) -> float | None:
    """Return when a model gave its first chunk, of reasoning or text; its end if it does not stream."""
    return model.first_chunk if model.first_chunk is not None else model.ended


def _holder(root: RunNode, model: RunNode, first: float, shown: float) -> RunNode | None:
    """Return the component that received the model's text, and gave out its own first the latest; None if none did."""
    if shown - first <= MIN_PART_SECONDS:
        return None
    # What was called without a stream gives its output at its end, and holds back nothing that its caller asked for.
    outputs = [
        (at, -node.depth, node)
        for node in root.walk()
        if node is not model and (at := node.first_chunk) is not None and first < at <= shown + MIN_PART_SECONDS
    ]
    late = [item for item in outputs if item[0] > first + (shown - first) / 2]
    return min(late, key=lambda item: item[:2])[2] if late else root


def _walk_back(root: RunNode, start: float, end: float) -> tuple[PathPart, ...]:
    """Return the components that were waited for between two moments, from the last one back to the first.

    At each moment that is the component without others in it that ended last; between two of them, the one around them.
    """
    previous, parents = predecessors(root), {child: node for node in root.walk() for child in node.children}
    leaves = sorted(
        ((node.ended, _began(node, previous), number, node) for number, node in enumerate(root.walk())
         if not node.children and node.ended is not None and node.ended > start),
        key=lambda leaf: leaf[:3],
    )  # fmt: skip
    ends = [leaf[0] for leaf in leaves]
    parts: list[PathPart] = []
    at = end
    index = bisect_right(ends, end + 1e-9) - 1
    while at - start > MIN_PART_SECONDS and len(parts) < MAX_PARTS:
        # Of those that ended by then, the last that took any time.
        while index >= 0 and (leaves[index][0] > at + 1e-9 or leaves[index][0] - leaves[index][1] < MIN_PART_SECONDS):
            index -= 1
        if index < 0:
            parts.append(PathPart(root, start, at))
            break
        ended, began, _, node = leaves[index]
        if at - ended > MIN_PART_SECONDS:
            parts.append(PathPart(_around(node, at, parents, root), max(ended, start), at))
        parts.append(PathPart(node, max(began, start), min(ended, at)))
        at = max(began, start)
    return tuple(reversed(parts))


def _began(node: RunNode, previous: dict[RunNode, RunNode]) -> float:
    """Return when a component began its work: a step that was started early waits for the step before it."""
    earlier = previous.get(node)
    if earlier is None or earlier.ended is None or node.ended is None or earlier.ended > node.ended:
        return node.started
    return max(node.started, earlier.ended)


def _around(node: RunNode, at: float, parents: dict[RunNode, RunNode], root: RunNode) -> RunNode:
    """Return the innermost component around a node that went on until then."""
    around = parents.get(node, root)
    while around is not root and around.ended is not None and around.ended < at - 1e-9:
        around = parents.get(around, root)
    return around
