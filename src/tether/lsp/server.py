"""The server: what the editor tells, what it asks, and when files are checked.

Open files are checked a moment after the last change, in a thread, one check of a folder at a time. What is found
on lines of files that are not open is not told: whoever opens them sees it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from tether.check.front.analysis import MakeAnalyser
from tether.core.finding import Finding, Fix
from tether.core.version import version
from tether.lsp.actions import fixes_for
from tether.lsp.folder import Found, check_folder
from tether.lsp.pages import Page, page_on_disk
from tether.lsp.words import diagnostic, path_of, uri_of, workspace_edit

PAUSE = 0.2  # seconds without a change before a file is checked


def serve(make: MakeAnalyser) -> None:
    """Serve over stdin and stdout until the editor ends it."""
    make_server(make).start_io()


def make_server(make: MakeAnalyser) -> LanguageServer:
    """Return a server that is not started yet."""
    # Whole texts, so that lines are counted here and nowhere else.
    server = LanguageServer("tether", version(), text_document_sync_kind=types.TextDocumentSyncKind.Full)
    editor = Editor(server, make)

    def did_open(params: types.DidOpenTextDocumentParams) -> None:
        editor.show(params.text_document.uri, params.text_document.text, pause=0)

    def did_change(params: types.DidChangeTextDocumentParams) -> None:
        editor.show(params.text_document.uri, params.content_changes[-1].text, pause=PAUSE)

    def did_save(_: types.DidSaveTextDocumentParams) -> None:
        editor.check_all()

    def did_close(params: types.DidCloseTextDocumentParams) -> None:
        editor.close(params.text_document.uri)

    def did_change_folders(_: types.DidChangeWorkspaceFoldersParams) -> None:
        editor.check_all()

    def actions(params: types.CodeActionParams) -> list[types.CodeAction]:
        return editor.actions(params.text_document.uri, params.range, params.context.diagnostics)

    async def hover(params: types.HoverParams) -> types.Hover | None:
        return await editor.hover(params.text_document.uri, params.position)

    server.feature(types.TEXT_DOCUMENT_DID_OPEN)(did_open)
    server.feature(types.TEXT_DOCUMENT_DID_CHANGE)(did_change)
    server.feature(types.TEXT_DOCUMENT_DID_SAVE)(did_save)
    server.feature(types.TEXT_DOCUMENT_DID_CLOSE)(did_close)
    server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)(did_change_folders)
    quick = types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])
    server.feature(types.TEXT_DOCUMENT_CODE_ACTION, quick)(actions)
    server.feature(types.TEXT_DOCUMENT_HOVER)(hover)
    return server


class Editor:
    """What is open, and what was found in it.

    Attributes:
        texts: The text of each open file, by absolute path.
        found: What was found in a folder, by its path.
        findings: What the editor was told of each open file.
    """

    def __init__(self, server: LanguageServer, make: MakeAnalyser) -> None:
        self.server = server
        self.make = make
        self.texts: dict[str, str] = {}
        self.found: dict[str, Found] = {}
        self.findings: dict[str, list[Finding]] = {}
        self._waiting: dict[str, asyncio.Task[None]] = {}  # by folder
        self._one_at_a_time = asyncio.Lock()

    # ---------------------------------------------------------------- the editor tells

    def show(self, uri: str, text: str, *, pause: float) -> None:
        """Take the text of a file, and check it after a pause without another one."""
        if path := path_of(uri):
            self.texts[path] = text
            self._check_soon(self._folder_of(path), pause)

    def close(self, uri: str) -> None:
        """Forget a file, and what was told of it."""
        path = path_of(uri)
        if self.texts.pop(path, None) is not None:
            self.findings.pop(path, None)
            self._tell(path, [])

    def check_all(self) -> None:
        """Check every open file again: a file was saved, so that others may have other findings."""
        for folder in {self._folder_of(path) for path in self.texts}:
            self._check_soon(folder, 0)

    # ---------------------------------------------------------------- the editor asks

    def actions(
        self, uri: str, span: types.Range, shown: Iterable[types.Diagnostic]
    ) -> list[types.CodeAction]:
        """Return what can be done about the findings in the lines of *span*."""
        path = path_of(uri)
        lines = range(span.start.line + 1, span.end.line + 2)
        offered: list[types.CodeAction] = []
        for finding in self.findings.get(path, []):
            if finding.line not in lines:
                continue
            about = [
                one for one in shown if (one.code, one.range.start.line + 1) == (finding.hazard, finding.line)
            ]
            fixes = fixes_for(finding, self.texts.get(path, ""))
            offered += [self._action(fix, about, preferred=fix is finding.fix) for fix in fixes]
        return offered

    def _action(self, fix: Fix, about: list[types.Diagnostic], *, preferred: bool) -> types.CodeAction:
        safe = fix.applicability == "safe"
        return types.CodeAction(
            title=fix.title if safe else f"{fix.title} (may change what the program does)",
            kind=types.CodeActionKind.QuickFix,
            diagnostics=about,
            edit=workspace_edit(fix, self.page_of),
            is_preferred=preferred and safe,
        )

    async def hover(self, uri: str, position: types.Position) -> types.Hover | None:
        """Return what is known of the variable at a place, over the text as it is now."""
        path = path_of(uri)
        if path not in self.texts:
            return None
        folder = self._folder_of(path)
        if folder not in self.found or not self._is_current(folder):
            await self._check(folder)
        line, column = self.page_of(path).place(position)
        async with self._one_at_a_time:
            states = await asyncio.to_thread(self.found[folder].analyser.states, path, line, column)
        return types.Hover(types.MarkupContent(types.MarkupKind.PlainText, states)) if states else None

    def page_of(self, path: str) -> Page:
        """Return the text of a file, open or not."""
        encoding = str(getattr(self.server.workspace.position_encoding, "value", "utf-16"))
        return Page(self.texts[path], encoding) if path in self.texts else page_on_disk(path, encoding)

    # ---------------------------------------------------------------- checking

    def _check_soon(self, folder: str, pause: float) -> None:
        if waiting := self._waiting.pop(folder, None):
            waiting.cancel()
        self._waiting[folder] = asyncio.ensure_future(self._check_after(folder, pause))

    async def _check_after(self, folder: str, pause: float) -> None:
        await asyncio.sleep(pause)
        self._waiting.pop(folder, None)  # from here on it is not cancelled, but followed by another one
        await self._check(folder)

    async def _check(self, folder: str) -> None:
        """Check the open files of a folder, and tell what was found if they are still as they were."""
        async with self._one_at_a_time:
            texts = self._texts_of(folder)
            found = await asyncio.to_thread(check_folder, folder, texts, self.make)
            if found.problem and found.problem != getattr(self.found.get(folder), "problem", ""):
                message = types.ShowMessageParams(types.MessageType.Warning, f"tether: {found.problem}")
                self.server.window_show_message(message)
            self.found[folder] = found
        for path, findings in found.findings.items():
            if self.texts.get(path) == texts[path]:
                self.findings[path] = findings
                self._tell(path, findings)

    def _tell(self, path: str, findings: Iterable[Finding]) -> None:
        diagnostics = [diagnostic(finding, self.page_of) for finding in findings]
        self.server.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri=uri_of(path), diagnostics=diagnostics)
        )

    def _is_current(self, folder: str) -> bool:
        return self.found[folder].texts == self._texts_of(folder)

    def _texts_of(self, folder: str) -> dict[str, str]:
        return {path: text for path, text in self.texts.items() if self._folder_of(path) == folder}

    def _folder_of(self, path: str) -> str:
        """Return the folder of the workspace that a file is in, the innermost; else the folder it lies in."""
        folders = [path_of(one.uri) for one in self.server.workspace.folders.values()]
        around = [one for one in folders if one and path.startswith(os.path.join(one, ""))]
        return max(around, key=len, default=os.path.dirname(path))
