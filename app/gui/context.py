"""Everything a page may need, built once by the application and handed to constructors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.core.access_tokens import AccessTokens
    from app.core.base_template import BaseTemplates
    from app.core.catalogue import Catalogue
    from app.core.chat import ChatService
    from app.core.computer_idle import ComputerIdle
    from app.core.conversation_store import ConversationStore
    from app.core.data_use import DataUse
    from app.core.downloads import DownloadManager
    from app.core.hardware import HardwareSurvey
    from app.core.hub import HubClient
    from app.core.hub_account import HubAccount
    from app.core.hub_gate import HubGate
    from app.core.hub_http import HubHttp
    from app.core.kept_conversations import KeptConversations
    from app.core.ledger import Ledger
    from app.core.library import ModelLibrary
    from app.core.local_server import LocalServer
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
    from app.gui.disk_room import DiskRoom
    from app.gui.icons import Icons
    from app.gui.notify import Notifier
    from app.gui.theme import Theme
    from app.gui.worker import Later, Worker

_UNDER_WAY = ("running", "verifying")


@dataclass(frozen=True)
class AppContext:
    """The parts of the program, by name."""

    paths: AppPaths
    settings: SettingsStore
    store: ConversationStore
    kept: KeptConversations
    presets: PresetStore
    chat: ChatService
    library: ModelLibrary
    runtime: ModelRuntime
    remotes: RemoteStore
    hub: HubClient
    gate: HubGate
    hub_http: HubHttp
    account: HubAccount
    ledger: Ledger
    catalogue: Catalogue
    marks: ModelMarks
    seen: SeenModels
    base_templates: BaseTemplates
    speeds: SpeedBook
    downloads: DownloadManager
    updates: ModelUpdates
    program_updates: ProgramUpdates
    computer_idle: ComputerIdle
    later_hardware: Later[HardwareSurvey]
    access: AccessTokens
    """Who may use the local server."""
    requests: RequestLog
    """What it was asked."""
    server: LocalServer | None
    """None where nothing makes one."""
    theme: Theme
    icons: Icons
    worker: Worker
    bridge: Bridge
    notifier: Notifier
    disk_room: DiskRoom
    data_use: DataUse

    @property
    def hardware(self) -> HardwareSurvey:
        """What this computer has. Waits for the survey, which begins before the window opens."""
        self.later_hardware.get()
        return self.runtime.hardware()  # by now another engine may reach the cards

    def is_busy(self) -> bool:
        """Whether a download, a model that loads or an answer is under way."""
        fetching = any(item.state in _UNDER_WAY for item in self.downloads.items())
        return fetching or since_last_answer(self.runtime) == 0


def since_last_answer(runtime: ModelRuntime) -> float:
    """Seconds since a model worked last; 0 while one loads or answers."""
    loaded = runtime.loaded()
    if any(each.state == "loading" for each in loaded):
        return 0.0
    return min((each.engine.idle_seconds for each in loaded), default=math.inf)
