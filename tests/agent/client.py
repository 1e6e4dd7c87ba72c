"""Asks a Tabtape server over both transports with the Python SDK; prints what it saw, one JSON object a transport."""

import asyncio
import json
import os

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client


async def ask(transport):
    async with Client(transport) as client:
        tools = await client.list_tools()
        diagnosed = await client.call_tool("diagnose", {})
        structured = await client.call_tool("diagnose", {}, meta={"tabtape/structured": True})
        refused = await client.call_tool("search", {"query": "x"})
        screenshot = await client.read_resource("tabtape://screenshot/s2:4")
        prompt = await client.get_prompt("explain_failure", {})
        image = screenshot.contents[0]
        seen = {
            "protocol": client.protocol_version,
            "tools": [tool.name for tool in tools.tools],
            "diagnosed": diagnosed.content[0].text,
            "structured": structured.structured_content,
            "refused": refused.is_error,
            "screenshot": [image.mime_type, image.blob],
            "prompt": prompt.messages[0].content.text,
        }
        print(json.dumps(seen))


async def main():
    command, *args = json.loads(os.environ["MCP_COMMAND"])
    await ask(stdio_client(StdioServerParameters(command=command, args=args)))
    headers = {"authorization": f"Bearer {os.environ['MCP_TOKEN']}"}
    async with httpx2.AsyncClient(headers=headers) as http:
        await ask(streamable_http_client(os.environ["MCP_URL"], http_client=http))


asyncio.run(main())
