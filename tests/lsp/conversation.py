"""A conversation with `tether lsp` as an editor has it: another process, over its stdin and stdout."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

ROOT = Path(__file__).parents[2]
PATIENCE = 60  # seconds until a server that does not answer fails the test

OWN = ["-m", "tether", "lsp"]
IMPORTING = [
    "-c",
    "from tests.check.front.engine import ImportingEngine\nfrom tether.lsp.server import serve\nserve(ImportingEngine)",
]


class Client:
    """The editor's side.

    Attributes:
        told: The diagnostics the server has told, in order, with the file they are of.
        messages: What it showed to the user.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.language = LanguageClient("editor", "1")
        self.told: asyncio.Queue[tuple[str, list[types.Diagnostic]]] = asyncio.Queue()
        self.messages: asyncio.Queue[str] = asyncio.Queue()
        self.version = 0

        def publish(params: types.PublishDiagnosticsParams) -> None:
            self.told.put_nowait((params.uri, list(params.diagnostics)))

        def show(params: types.ShowMessageParams) -> None:
            self.messages.put_nowait(params.message)

        self.language.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(publish)
        self.language.feature(types.WINDOW_SHOW_MESSAGE)(show)

    def uri(self, name: str) -> str:
        """Return the address of a file in the folder."""
        return (self.folder / name).as_uri()

    def open(self, name: str, text: str | None = None) -> None:
        """Open a file with its text on disk, or another one."""
        text = (self.folder / name).read_text(encoding="utf-8") if text is None else text
        item = types.TextDocumentItem(self.uri(name), "python", 0, text)
        self.language.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def change(self, name: str, text: str) -> None:
        """Type: the file has another text, which is not saved."""
        self.version += 1
        document = types.VersionedTextDocumentIdentifier(self.version, self.uri(name))
        change = types.TextDocumentContentChangeWholeDocument(text)
        self.language.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))

    def save(self, name: str, text: str) -> None:
        """Write a file and tell the server."""
        (self.folder / name).write_text(text, encoding="utf-8")
        document = types.TextDocumentIdentifier(self.uri(name))
        self.language.text_document_did_save(types.DidSaveTextDocumentParams(document))

    def close(self, name: str) -> None:
        """Close a file."""
        document = types.TextDocumentIdentifier(self.uri(name))
        self.language.text_document_did_close(types.DidCloseTextDocumentParams(document))

    async def diagnostics(self, name: str) -> list[types.Diagnostic]:
        """Return the next diagnostics of a file."""
        while True:
            uri, diagnostics = await asyncio.wait_for(self.told.get(), PATIENCE)
            if uri == self.uri(name):
                return diagnostics

    async def actions(self, name: str, line: int) -> list[types.CodeAction]:
        """Return what the server offers in a line, counted from 0."""
        here = types.Range(types.Position(line, 0), types.Position(line, 0))
        context = types.CodeActionContext([])
        document = types.TextDocumentIdentifier(self.uri(name))
        answer = await self.language.text_document_code_action_async(
            types.CodeActionParams(document, here, context)
        )
        return [action for action in answer or [] if isinstance(action, types.CodeAction)]

    async def hover(self, name: str, line: int, character: int) -> str | None:
        """Return what the server says of a place, counted from 0."""
        params = types.HoverParams(
            types.TextDocumentIdentifier(self.uri(name)), types.Position(line, character)
        )
        answer = await self.language.text_document_hover_async(params)
        return answer.contents.value if answer else None


def applied(text: str, action: types.CodeAction, uri: str) -> str:
    """Return *text* with the action's edits made, as an editor makes them: by UTF-16 units."""
    lines = text.split("\n")
    for edit in sorted(action.edit.changes[uri], key=lambda edit: edit.range.start.line, reverse=True):
        start, end = edit.range.start, edit.range.end
        first = lines[start.line].encode("utf-16-le")[: start.character * 2].decode("utf-16-le")
        last = lines[end.line].encode("utf-16-le")[end.character * 2 :].decode("utf-16-le")
        lines[start.line : end.line + 1] = f"{first}{edit.new_text}{last}".split("\n")
    return "\n".join(lines)


@asynccontextmanager
async def server(folder: Path, command: list[str], folders: bool = True) -> AsyncIterator[Client]:
    """Start a server for one folder, and end it properly."""
    client = Client(folder)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
    await client.language.start_io(sys.executable, *command, env=environment)
    params = types.InitializeParams(
        capabilities=types.ClientCapabilities(),
        workspace_folders=[types.WorkspaceFolder(folder.as_uri(), "shop")] if folders else None,
    )
    await client.language.initialize_async(params)
    client.language.initialized(types.InitializedParams())
    yield client
    await client.language.shutdown_async(None)
    client.language.exit(None)
    await client.language.stop()


def talk(conversation: Coroutine[Any, Any, None]) -> None:
    """Hold a conversation to its end."""
    asyncio.run(asyncio.wait_for(conversation, PATIENCE))
