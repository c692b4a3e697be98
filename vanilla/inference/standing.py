"""Callers who are being answered, and whether they still may be."""

from dataclasses import dataclass

from vanilla.accounts.caller import Caller
from vanilla.accounts.revocation import Revocation
from vanilla.errors import VanillaError


@dataclass(slots=True, eq=False)
class Standing:
    """A caller who has been admitted and not yet answered. Revoked while the request is still being read, or while its
    tokens are set aside, it stops there."""

    caller: Caller
    revoked_by: VanillaError | None = None

    def concerns(self, revocation: Revocation) -> bool:
        """Whether the caller came by what is revoked."""
        return revocation.concerns(self.caller)
