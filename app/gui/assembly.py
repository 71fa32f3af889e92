"""Makes every part of the program and connects it to the next; ends them in order."""

from __future__ import annotations

import logging
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from app.core.access_tokens import AccessTokens
from app.core.base_template import BaseTemplates
from app.core.catalogue import Catalogue
from app.core.chat import ChatService
from app.core.computer_idle import ComputerIdle
from app.core.conversation_store import ConversationStore
from app.core.data_use import DataUse
from app.core.download_guard import guard_folder
from app.core.downloads import DownloadManager
from app.core.engine_record import EngineRecord
from app.core.engine_shelf import EngineShelf
from app.core.estimate_corrections import EstimateCorrections
from app.core.hub import HubClient
from app.core.hub_account import HubAccount
from app.core.hub_gate import HubGate
from app.core.hub_http import HubHttp
from app.core.installed_engines import engine_places
from app.core.kept_conversations import KeptConversations
from app.core.keys import KeyStore
from app.core.ledger import Ledger
from app.core.library import ModelLibrary
from app.core.local_server import LaterServer, ServerFactory, ServerParts
from app.core.model_marks import ModelMarks
from app.core.model_updates import ModelUpdates
from app.core.paths import AppPaths
from app.core.presets import PresetStore
from app.core.program_updates import ProgramUpdates
from app.core.remotes import RemoteStore
from app.core.request_log import RequestLog
from app.core.runtime import ModelRuntime
from app.core.seen_models import SeenModels
from app.core.settings import SettingsStore
from app.core.speeds import SpeedBook
from app.gui.bridge import Bridge
from app.gui.context import AppContext, since_last_answer
from app.gui.disk_room import DiskRoom
from app.gui.icons import Icons
from app.gui.notify import Notifier
from app.gui.theme import Theme
from app.gui.tokens import Tokens
from app.gui.worker import Later, Worker

log = logging.getLogger(__name__)

CLOSE_SECONDS = 5.0
PATIENCE = 2.0
"""Seconds that the window waits for a folder of models; one that answers later appears then."""


def make_look(app: QApplication, settings: SettingsStore, tokens: Tokens | None = None) -> Icons:
    """Dress the application as the settings say; the icons know the theme."""
    theme = Theme(tokens)
    look = settings.current.appearance
    theme.apply(app)
    theme.choose(look.theme, look.font_size)
    return Icons(theme)


def assemble(
    paths: AppPaths,
    settings: SettingsStore,
    icons: Icons,
    *,
    parent: QObject,
    make_server: ServerFactory | None = None,
) -> AppContext:
    """Make the parts. Nothing here takes long; what does is begun by the application.

    `make_server` makes the local server; None leaves it out.
    """
    data_use = DataUse(paths)
    try:
        return _assemble(paths, settings, icons, data_use, parent, make_server)
    except BaseException:
        data_use.close()  # else the next try would never be alone
        raise


def _assemble(
    paths: AppPaths,
    settings: SettingsStore,
    icons: Icons,
    data_use: DataUse,
    parent: QObject,
    make_server: ServerFactory | None,
) -> AppContext:
    worker = Worker(parent)
    notifier = Notifier(icons, parent)
    worker.unhandled.connect(notifier.error)
    worker.crashed.connect(notifier.report)
    store = ConversationStore(paths.conversations)
    presets = PresetStore(paths.presets_dir)
    library = ModelLibrary(paths, settings, patience=PATIENCE)
    ledger = Ledger(paths.ledger_file)
    keys = KeyStore(paths)
    gate, hub_http = HubGate(settings, keys), HubHttp(tell=ledger.record)
    remotes = RemoteStore(settings, keys, gate=gate, tell=ledger.record)
    corrections = EstimateCorrections(paths.estimates_file)
    kept = KeptConversations(paths.kept_conversations, store)
    runtime = ModelRuntime(
        settings,
        corrections=corrections,
        remotes=remotes,
        kept_conversations=kept.folder,
        engines=EngineShelf(engine_places(paths), EngineRecord(paths.engines_file)),
    )
    hardware = Later(runtime.hardware)
    hub = HubClient(settings, paths, http=hub_http, gate=gate)
    computer_idle = ComputerIdle(lambda: since_last_answer(runtime))
    downloads = DownloadManager(
        paths, settings, library, gate=gate, tell=ledger.record, idle=computer_idle
    )
    library.guard_folder(partial(guard_folder, downloads))
    updates = ModelUpdates(paths, settings, library, hub)
    downloads.finished.connect(updates.installed)
    speeds = SpeedBook(paths.speeds_file)
    access, requests = AccessTokens(paths.tokens_file), RequestLog()
    served = ServerParts(
        paths,
        settings,
        library,
        runtime,
        presets,
        access,
        hub,
        downloads,
        speeds,
        window=True,
        log=requests,
    )
    catalogue, seen = Catalogue(), SeenModels(paths.seen_models)
    return AppContext(
        paths=paths,
        settings=settings,
        store=store,
        kept=kept,
        presets=presets,
        chat=ChatService(store, runtime, presets, settings, speeds=speeds),
        library=library,
        runtime=runtime,
        remotes=remotes,
        hub=hub,
        gate=gate,
        hub_http=hub_http,
        account=HubAccount(settings, gate, hub_http),
        ledger=ledger,
        catalogue=catalogue,
        marks=ModelMarks(paths.marks_file),
        seen=seen,
        base_templates=BaseTemplates(hub, seen, catalogue, paths.base_templates),
        speeds=speeds,
        downloads=downloads,
        updates=updates,
        program_updates=ProgramUpdates(
            paths, settings, gate, hub_http, tell=ledger.record, use=data_use
        ),
        computer_idle=computer_idle,
        later_hardware=hardware,
        access=access,
        requests=requests,
        server=None if make_server is None else LaterServer(make_server, served),
        theme=icons.theme,
        icons=icons,
        worker=worker,
        bridge=Bridge(parent),
        notifier=notifier,
        disk_room=DiskRoom(worker, library, parent),
        data_use=data_use,
    )


def close_context(context: AppContext, *, session_ends: bool = False) -> None:
    """End everything in order: events, server, engines, the hub, work, downloads, the database.

    At the very end comes what was chosen for it: another version, a copy of the data. Not where the
    session of the desktop ends with it.

    Engines and the hub end before the work does, so that threads waiting for a token or an answer
    come back; the database ends last, so that what they leave is still kept.
    """
    context.bridge.close()
    replacement = context.program_updates.replacement
    for end in (
        *([replacement.leave] if session_ends else []),
        *([] if context.server is None else [context.server.close]),
        context.program_updates.close,
        context.runtime.close,
        context.hub.close,
        lambda: context.worker.close(CLOSE_SECONDS),
        context.downloads.close,
        context.kept.tidy,  # whatever the engines may have left
        context.store.close,
        context.ledger.close,
        replacement.finish,  # nobody uses the data any more
        context.data_use.close,
    ):
        try:
            end()
        except Exception:
            log.exception("could not close a part")
