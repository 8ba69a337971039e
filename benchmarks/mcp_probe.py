"""Asks a warm `gitexp mcp` where it stands, as an assistant does, and prints the median seconds of an answer.

python mcp_probe.py GITEXP
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from statistics import median

from mcp import Client
from mcp.client.stdio import StdioServerParameters

QUESTIONS = 15


async def _ask(gitexp: str) -> float:
    server = StdioServerParameters(command=gitexp, args=["mcp"], cwd=Path.cwd(), env=dict(os.environ))
    seconds = []
    async with Client(server, mode="auto") as client:
        for number in range(QUESTIONS + 2):
            began = time.perf_counter()
            found = await client.call_tool("best", {"metric": "accuracy"})
            if found.is_error:
                raise SystemExit(f"no answer: {found.content}")
            if number >= 2:  # the first two read the repository
                seconds.append(time.perf_counter() - began)
    return median(seconds)


if __name__ == "__main__":
    print(asyncio.run(_ask(sys.argv[1])))
