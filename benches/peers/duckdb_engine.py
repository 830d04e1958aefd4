"""DuckDB for the benchmark beside this file: a line of JSON in, a line of JSON out.

Owns: the settings (2 threads) and the clock around what DuckDB does. Does not own the SQL of the
questions, which the program sends.
"""

import json
import sys
import time

import duckdb

connection = None


def timed(work):
    start = time.perf_counter_ns()
    done = work()
    return done, (time.perf_counter_ns() - start) / 1e9


def connect(path):
    opened = duckdb.connect(path, config={"threads": 2})
    opened.execute("SELECT 1").fetchall()
    return opened


def load(path, csv, session_type, tag_type):
    def work():
        opened = connect(path)
        opened.execute(
            f"""
            CREATE TABLE events AS SELECT * FROM read_csv(?, header=false, allow_quoted_nulls=false, columns={{
                'session': '{session_type}', 'type': 'VARCHAR', 'server_time': 'BIGINT',
                'client_time': 'VARCHAR', 'lat': 'DOUBLE', 'lon': 'DOUBLE',
                'tags': '{tag_type}[]', 'data': 'VARCHAR'}})
            """,
            [csv],
        )
        opened.execute("CHECKPOINT")
        opened.close()

    return {"seconds": timed(work)[1]}


def ask(sql, many):
    # Making Python's objects of many rows is no work of DuckDB's: the rows go into a temporary
    # table on the clock and are read from it off the clock.
    if many:
        connection.execute("DROP TABLE IF EXISTS answer")
        _, seconds = timed(lambda: connection.execute(f"CREATE TEMP TABLE answer AS {sql}"))
        rows = connection.execute("SELECT * FROM answer").fetchall()
    else:
        rows, seconds = timed(lambda: connection.execute(sql).fetchall())
    return {"seconds": seconds, "rows": rows}


def answer(command):
    global connection
    kind = command.pop("do")
    if kind == "version":
        return {"version": duckdb.__version__}
    if kind == "load":
        return load(**command)
    if kind == "open":
        connection, seconds = timed(lambda: connect(command["path"]))
        return {"seconds": seconds}
    if kind == "close":
        if connection is not None:
            connection.close()
        connection = None
        return {}
    return ask(**command)


for line in sys.stdin:
    try:
        reply = answer(json.loads(line))
    except Exception as error:
        reply = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(reply), flush=True)
