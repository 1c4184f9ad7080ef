"""Runs in a member's own namespaces, cut off or not: ten times a second, is this server a primary that takes writes?

Reads one line of JSON from standard input ({"user", "password", "table"}), then writes a line of JSON a look: {"begin", "end", "writable"}
with times in seconds since the epoch. Ends when standard input does.
"""

import json
import select
import sys
import time

import psycopg2

EVERY_SECONDS = 0.1


def look(connection, table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery()")
        if cursor.fetchone()[0]:
            return False
        # Written without waiting for a standby: a primary that can only not acknowledge counts as one that takes writes.
        cursor.execute(f"INSERT INTO {table} (at) VALUES (now())")
        return True


def main() -> None:
    request = json.loads(sys.stdin.readline())
    connection = None
    while True:
        begin = time.time()
        writable = False
        try:
            if connection is None:
                connection = psycopg2.connect(
                    host="/run/postgresql",
                    dbname="postgres",
                    user=request["user"],
                    password=request["password"],
                    connect_timeout=2,
                    options="-c synchronous_commit=local -c statement_timeout=1000",
                )
                connection.autocommit = True
            writable = look(connection, request["table"])
        except psycopg2.Error:
            connection = None
        print(json.dumps({"begin": begin, "end": time.time(), "writable": writable}), flush=True)
        if select.select([sys.stdin], [], [], max(0.0, begin + EVERY_SECONDS - time.time()))[0]:
            return


if __name__ == "__main__":
    main()
