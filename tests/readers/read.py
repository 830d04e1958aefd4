"""Reads every format of an export with readers that are not diurnal's, and compares the events.

Usage: read.py DIRECTORY, which holds out.jsonl, out.csv, out.geojson, out.parquet and out.sqlite, all of one
store. JSON lines are what the others are compared with. Needs pyarrow and duckdb; csv, json and sqlite3 are
Python's own.
"""

import csv
import json
import re
import sqlite3
import struct
import sys
from datetime import datetime, timedelta, timezone

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

FIELDS = ["server_time", "session_id", "event_type", "client_time", "latitude", "longitude", "tags", "data"]
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def micros(time):
    if isinstance(time, str):
        time = datetime.fromisoformat(time.replace("Z", "+00:00"))
    delta = time - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def bits(number):
    return None if number is None else struct.pack(">d", number)


def event(id, fields):
    fields = dict(fields)
    fields["server_time"] = micros(fields["server_time"])
    fields["tags"] = list(fields.get("tags") or [])
    for name in ("latitude", "longitude"):
        fields[name] = bits(fields.get(name))
    return (id, *(fields.get(name) if name != "tags" else tuple(fields["tags"]) for name in FIELDS))


def from_jsonl(path):
    with open(path, encoding="utf-8", newline="\n") as file:
        for line in file:
            fields = json.loads(line)
            yield event(fields.pop("id"), fields)


NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")
FORMULA = tuple("=+-@\t\r\n\0＝＋－＠")


def unguarded(cell):
    bare = cell.lstrip("'")
    guarded = cell.startswith("'") and bare.startswith(FORMULA) and not NUMBER.match(bare)
    return cell[1:] if guarded else cell


def from_csv(path):
    """Python's reader does not tell an empty cell from an absent one: both are None here."""
    # A NUL is refused by some of Python's readers, and none of them minds a character of private use.
    with open(path, encoding="utf-8", newline="") as file:
        lines = (line.replace("\0", "\ue000") for line in file)
        for row in csv.DictReader(lines, strict=True):
            for cell in row.values():
                cell = cell.replace("\ue000", "\0")
                assert not cell.startswith(FORMULA) or NUMBER.match(cell), f"would run: {cell!r}"
            fields = {name: unguarded(cell.replace("\ue000", "\0")) or None for name, cell in row.items()}
            tags = fields["tags"] or ""
            fields["tags"] = json.loads(tags) if tags.startswith("[") else [t for t in tags.split(",") if t]
            for name in ("latitude", "longitude"):
                fields[name] = None if fields[name] is None else float(fields[name])
            yield event(int(fields.pop("id")), fields)


def from_geojson(path):
    with open(path, encoding="utf-8") as file:
        collection = json.load(file)
    assert collection["type"] == "FeatureCollection"
    for feature in collection["features"]:
        fields = feature["properties"]
        if feature["geometry"] is not None:
            assert feature["geometry"]["type"] == "Point"
            fields["longitude"], fields["latitude"] = feature["geometry"]["coordinates"]
        yield event(feature["id"], fields)


def from_sqlite(path):
    file = sqlite3.connect(path)
    assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert file.execute("PRAGMA foreign_key_check").fetchall() == []
    tags = {}
    for id, tag in file.execute("SELECT event_id, tag FROM tags ORDER BY event_id, position"):
        tags.setdefault(id, []).append(tag)
    names = [name for name in FIELDS if name != "tags"]
    for id, *values in file.execute(f"SELECT id, {', '.join(names)} FROM events ORDER BY server_time, id"):
        fields = dict(zip(names, values))
        fields["server_time"] = (EPOCH + timedelta(microseconds=fields["server_time"])).isoformat()
        yield event(id, {**fields, "tags": tags.get(id, [])})


def from_pyarrow(path):
    table = pq.read_table(path)
    schema = table.schema
    time = pa.timestamp("us", tz="UTC")
    name = pa.dictionary(pa.int32(), pa.string())
    expected = [
        ("id", pa.int64()), ("server_time", time), ("session_id", name), ("event_type", name),
        ("client_time", pa.string()), ("client_instant", time), ("latitude", pa.float64()),
        ("longitude", pa.float64()), ("tags", pa.list_(pa.field("element", pa.string(), nullable=False))),
        ("data", pa.string()), ("geometry", pa.binary()),
    ]
    assert [(field.name, field.type) for field in schema] == expected, schema
    # The file's own pairs: those of the schema are what Arrow itself has kept there.
    geo = json.loads(pq.read_metadata(path).metadata[b"geo"])
    assert geo["version"] == "1.1.0" and geo["primary_column"] == "geometry", geo
    columns = table.select(["id", *FIELDS]).to_pydict()
    check_points(table.column("geometry").to_pylist(), columns["longitude"], columns["latitude"])
    for values in zip(*columns.values()):
        fields = dict(zip(columns, values))
        yield event(fields.pop("id"), fields)


def check_points(points, longitudes, latitudes):
    for point, x, y in zip(points, longitudes, latitudes, strict=True):
        assert point == (None if x is None else struct.pack("<BIdd", 1, 1, x, y))


def from_duckdb(path):
    duckdb.sql("SET TimeZone = 'UTC'")
    types = dict(duckdb.sql(f"SELECT column_name, column_type FROM (DESCRIBE FROM '{path}')").fetchall())
    assert types["server_time"] == "TIMESTAMP WITH TIME ZONE", types
    assert types["tags"] == "VARCHAR[]" and types["latitude"] == "DOUBLE", types
    assert types["geometry"].startswith("GEOMETRY"), types
    names = ["id", *FIELDS]
    # Instants as numbers: DuckDB asks for one more package to give them as Python's.
    columns = ["epoch_us(server_time)" if name == "server_time" else name for name in names]
    for values in duckdb.sql(f"SELECT {', '.join(columns)} FROM '{path}'").fetchall():
        fields = dict(zip(names, values))
        fields["server_time"] = EPOCH + timedelta(microseconds=fields["server_time"])
        yield event(fields.pop("id"), fields)


def without_empty(events):
    """CSV tells empty data from absent data by quotes alone, which most readers do not see."""
    return [(*event[:-1], event[-1] or None) for event in events]


def main(directory):
    truth = list(from_jsonl(f"{directory}/out.jsonl"))
    assert truth, "no events"
    for reader, name in [
        (from_csv, "csv"), (from_geojson, "geojson"), (from_sqlite, "sqlite"),
        (from_pyarrow, "parquet"), (from_duckdb, "parquet"),
    ]:
        found, expected = list(reader(f"{directory}/out.{name}")), truth
        if reader is from_csv:
            found, expected = without_empty(found), without_empty(truth)
        for one, other in zip(found, expected):
            assert one == other, f"{reader.__name__}: {one!r} is not {other!r}"
        assert len(found) == len(expected), f"{reader.__name__}: {len(found)} events"
        print(f"{reader.__name__}: {len(found)} events are the same")


if __name__ == "__main__":
    main(sys.argv[1])
