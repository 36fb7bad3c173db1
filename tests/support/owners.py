"""Who owns the state of a role."""

from sqlalchemy import update

from monitor.sql import tables
from monitor.sql.database import Database


def let_leases_run_out(database: Database) -> None:
    """As if so much time had passed since their owners were killed."""
    with database.write() as connection:
        connection.execute(update(tables.owners).values(expires_at=0.0))
