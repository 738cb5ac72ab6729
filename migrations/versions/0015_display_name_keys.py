"""Keys of display names, by which the search finds players.

They are in a table of their own, because an index of `users` would be written by every point. A
trigger writes them, so that a name which the version before sets has its keys too. The backfill
commits after each batch, so an increment waits for it for some milliseconds.
"""

from __future__ import annotations

from typing import Any

from alembic import context, op
from sqlalchemy import Connection, text

from app.storage.table_locks import TableLock, run_with_locks

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BATCH_USERS = 500
FIRST_ID, LAST_ID = f"{0:032x}", "f" * 32

# Each statement can be repeated, because a release may fail after it.
TABLE = """
CREATE TABLE IF NOT EXISTS display_name_keys (
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    word smallint NOT NULL,
    key text COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, word)
)
"""
INDEX = "CREATE INDEX IF NOT EXISTS display_name_keys_key ON display_name_keys (key, user_id)"
# Letters outside ASCII are mapped here, because lower() depends on the locale of the database and
# on how PostgreSQL was built. translate() compares each letter with the whole list.
KEY = """
CREATE OR REPLACE FUNCTION name_key(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE octet_length(name) WHEN char_length(name) THEN lower(name COLLATE "C")
        ELSE translate(lower(normalize(name) COLLATE "C"), '{upper}', '{lower}') END
$$
"""
# The name from each of its words on. A name that was stored by SQL may have several spaces between
# two words, or be longer than the index can hold. OFFSET 0 lets the key be made only once.
KEYS = """
CREATE OR REPLACE FUNCTION name_keys(name text) RETURNS TABLE (word smallint, key text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT number::smallint, left(array_to_string(words[number:], ' '), 100)
    FROM (SELECT string_to_array(name_key(name), ' ') AS words OFFSET 0) AS split,
        generate_series(1, cardinality(words)) AS number
    WHERE words[number] <> ''
$$
"""
KEEP = """
CREATE OR REPLACE FUNCTION keep_display_name_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM display_name_keys WHERE user_id = NEW.id;
    END IF;
    INSERT INTO display_name_keys (user_id, word, key)
        SELECT NEW.id, keys.word, keys.key FROM name_keys(NEW.display_name) AS keys;
    RETURN NULL;
END
$$
"""
TRIGGER = """
CREATE OR REPLACE TRIGGER users_display_name_keys AFTER INSERT OR UPDATE OF display_name ON users
    FOR EACH ROW EXECUTE FUNCTION keep_display_name_keys()
"""
# users.id, because a plain id in ORDER BY would be the selected text, which has no index.
BATCH_END = text(
    "SELECT id::text FROM users WHERE id > :after ORDER BY users.id OFFSET :users LIMIT 1"
)
# The lock keeps a rename out, which would leave the keys of two names. It is taken in the order of
# ids, as calls that count for several users take theirs.
FILL = """
INSERT INTO display_name_keys (user_id, word, key)
    SELECT batch.id, keys.word, keys.key FROM (
        SELECT id, display_name FROM users WHERE id > '{after}' AND id <= '{end}'
        ORDER BY id FOR SHARE
    ) AS batch, name_keys(batch.display_name) AS keys
    ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    transaction = _of("0005").transaction
    with op.get_context().autocommit_block():
        with transaction() as connection:
            run_with_locks(connection, [TableLock("users", "SHARE ROW EXCLUSIVE")])
            for statement in (TABLE, INDEX, _key(), KEYS, KEEP, TRIGGER):
                connection.exec_driver_sql(statement)
        after = FIRST_ID
        while after != LAST_ID:
            with transaction() as connection:
                after = _fill(connection, after)
        # Without statistics a search may read too much until autovacuum has made them.
        op.execute("ANALYZE display_name_keys")


def downgrade() -> None:
    run_with_locks(op.get_bind(), [TableLock("users", "ACCESS EXCLUSIVE")])
    op.execute("DROP TRIGGER users_display_name_keys ON users")
    op.drop_table("display_name_keys")
    for function in ("keep_display_name_keys()", "name_keys(text)", "name_key(text)"):
        op.execute(f"DROP FUNCTION {function}")


def _key() -> str:
    """The function that makes a name's key: the name in lower case, accents as they are."""
    letters = map(chr, range(0x80, 0x110000))
    lower = {each: each.lower() for each in letters if each != each.lower()}
    # The final sigma, and the only letter whose lower case has two characters.
    lower |= {"\N{GREEK SMALL LETTER FINAL SIGMA}": "\N{GREEK SMALL LETTER SIGMA}", "İ": "i"}
    return KEY.format(upper="".join(lower), lower="".join(lower.values()))


def _fill(connection: Connection, after: str) -> str:
    """Make the keys of some users; returns the last id that was looked at."""
    values = {"after": after, "users": BATCH_USERS}
    end = connection.execute(BATCH_END, values).scalar() or LAST_ID
    run_with_locks(connection, (), [FILL.format(after=after, end=end)])
    return str(end)


def _of(revision_id: str) -> Any:
    """The module of an earlier migration."""
    return context.script.get_revision(revision_id).module
