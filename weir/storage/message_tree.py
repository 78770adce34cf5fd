"""The shape of a conversation: who follows whom. Knows ids only, so that a long conversation is cheap to walk."""

from collections.abc import Iterable


class MessageTree:
    """Messages by the message before them. A parent always comes before its children."""

    def __init__(self, nodes: Iterable[tuple[str, str | None]]) -> None:
        """`nodes` are `(id, parent_id)`, oldest first."""
        self._parents = dict(nodes)
        children: dict[str | None, list[str]] = {}
        for node, parent in self._parents.items():
            children.setdefault(parent, []).append(node)
        self._children = {parent: tuple(nodes) for parent, nodes in children.items()}

    def path(self, leaf: str | None) -> list[str]:
        """Return the ids from the root to a message; none for None or a message that is not here."""
        nodes: list[str] = []
        while leaf is not None and leaf in self._parents:
            nodes.append(leaf)
            leaf = self._parents[leaf]
        return nodes[::-1]

    def siblings(self, node: str) -> tuple[str, ...]:
        """Return the ids at a message's place, its own among them, oldest first."""
        return self._children[self._parents[node]]

    def latest_leaf_below(self, node: str) -> str:
        """Return the leaf that was written last among those below a message, or the message itself."""
        below = {node}
        newest = node
        for child, parent in self._parents.items():
            if parent in below:
                below.add(child)
                newest = child
        return newest
