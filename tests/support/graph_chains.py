"""Graphs for `WEIR_CHAINS` of the app under test: one that asks a person, on a disk, and an agent with a slow tool."""

import asyncio
import functools
import os
import sqlite3
from typing import Any

from langchain.agents import create_agent
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver

from tests.support.graphs import ScriptedModel, asking, tool_call, words


@functools.cache
def asking_on_disk() -> Any:
    """Return the graph that asks, with its threads in the SQLite file `WEIR_TEST_THREADS`."""
    return asking(SqliteSaver(sqlite3.connect(os.environ["WEIR_TEST_THREADS"], check_same_thread=False)))


@tool
async def search(query: str) -> str:
    """Search for a long time."""
    await asyncio.sleep(60)
    return query


def slow_agent() -> Any:
    """Return an agent whose tool takes a minute."""
    return create_agent(
        ScriptedModel(answers=[tool_call("search", '{"query"', ': "rivers"}'), words("never")]), [search]
    )
