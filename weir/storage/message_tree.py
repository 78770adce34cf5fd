"""Message tree: which message follows which; and the choice of a conversation's current branch.

The tree holds ids only, so that walking a long conversation is cheap.
"""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from weir.storage.queries import messages_of
from weir.storage.tables import ConversationRow, MessageRow


class MessageTree:
    """Tree of message ids. A parent is always added before its children."""

    def __init__(self, nodes: Iterable[tuple[str, str | None]]) -> None:
        """`nodes` are `(id, parent_id)`, oldest first."""
        self._parents = dict(nodes)
        children: dict[str | None, list[str]] = {}
        for node, parent in self._parents.items():
            children.setdefault(parent, []).append(node)
        self._children = {parent: tuple(nodes) for parent, nodes in children.items()}

    def path(self, leaf: str | None) -> list[str]:
        """Return the ids from the root to `leaf`; an empty list if it is None or not in the tree."""
        nodes: list[str] = []
        while leaf is not None and leaf in self._parents:
            nodes.append(leaf)
            leaf = self._parents[leaf]
        return nodes[::-1]

    def siblings(self, node: str) -> tuple[str, ...]:
        """Return the ids with the same parent as a message, its own included, oldest first."""
        return self._children[self._parents[node]]

    def latest_leaf_below(self, node: str) -> str:
        """Return the newest message below a message, or the message itself if there is none."""
        below = {node}
        newest = node
        for child, parent in self._parents.items():
            if parent in below:
                below.add(child)
                newest = child
        return newest


def load_tree(session: Session, conversation_id: str) -> MessageTree:
    """Return the tree of a conversation's message ids."""
    nodes = session.execute(messages_of(conversation_id).with_only_columns(MessageRow.id, MessageRow.parent_id))
    return MessageTree((node, parent) for node, parent in nodes)


def choose_branch(session: Session, conversation: ConversationRow, message_id: str) -> None:
    """Make a message's branch the current one, down to the latest message below it."""
    conversation.leaf = load_tree(session, conversation.id).latest_leaf_below(message_id)
