"""What a running Vanilla consists of: one object that main builds and that API and pages receive."""

from dataclasses import dataclass

from vanilla.accounts.callers import Callers
from vanilla.accounts.consents import Consents
from vanilla.accounts.deletions import Deletions
from vanilla.accounts.directory import Directory
from vanilla.accounts.invitations import Invitations
from vanilla.accounts.outside import OutsideRevocations
from vanilla.accounts.passwords import Passwords
from vanilla.accounts.resets import PasswordResets
from vanilla.accounts.revocation import Revocations
from vanilla.accounts.sessions import Sessions
from vanilla.accounts.throttle import Throttle
from vanilla.accounts.tokens import ApiTokens, PlayTokens
from vanilla.accounts.users import Users
from vanilla.database import Database
from vanilla.games.addresses import Addresses
from vanilla.games.catalogue import Catalogue
from vanilla.games.closings import Closings
from vanilla.games.favourites import Favourites
from vanilla.games.files import Files
from vanilla.games.hosts import Hosts
from vanilla.games.removals import Removals
from vanilla.games.saves import Saves
from vanilla.games.turns import UploadTurns
from vanilla.games.versions import Versions
from vanilla.inference.local.process import LocalModel
from vanilla.inference.meter import Meter
from vanilla.inference.models import Models
from vanilla.inference.relay import Relay
from vanilla.inference.upstream import Upstream
from vanilla.operations.audit import AuditLog
from vanilla.operations.backups import Backups
from vanilla.operations.controls import ControlPanel
from vanilla.settings import Settings
from vanilla.usage.feed import Feed
from vanilla.usage.metrics import Metrics
from vanilla.usage.outcomes import Outcomes
from vanilla.usage.reports import Reports
from vanilla.usage.statistics import Statistics


@dataclass(kw_only=True)
class Services:
    """Every part by its name. Made (without touching disk or network) by `main.assemble`, opened by main's lifespan."""

    settings: Settings
    database: Database
    revocations: Revocations
    callers: Callers
    passwords: Passwords
    users: Users
    directory: Directory
    invitations: Invitations
    password_resets: PasswordResets
    deletions: Deletions
    sessions: Sessions
    outside: OutsideRevocations
    api_tokens: ApiTokens
    play_tokens: PlayTokens
    consents: Consents
    throttle: Throttle
    files: Files
    catalogue: Catalogue
    upload_turns: UploadTurns
    saves: Saves
    versions: Versions
    removals: Removals
    hosts: Hosts
    favourites: Favourites
    addresses: Addresses
    closings: Closings
    statistics: Statistics
    reports: Reports
    outcomes: Outcomes
    feed: Feed
    metrics: Metrics
    controls: ControlPanel
    backups: Backups
    audit: AuditLog
    meter: Meter
    local_model: LocalModel
    models: Models
    upstream: Upstream
    relay: Relay
