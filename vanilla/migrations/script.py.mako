"""${message}"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import vanilla.models
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
