"""What schemathesis sends as a batch: lines of events, of other JSON, and of what is neither."""

import json

import schemathesis
from hypothesis import strategies as st

text = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=80)
number = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False)
value = st.none() | st.booleans() | number | text | st.lists(text | number, max_size=4)
name = st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=1, max_size=64)

good = st.fixed_dictionaries(
    {"session_id": name | st.integers(-1, 9), "event_type": name},
    optional={
        "client_time": name,
        "latitude": st.just(1.5),
        "longitude": st.just(2.5),
        "tags": st.lists(name, max_size=4),
        "data": text,
    },
)
keys = ["session_id", "event_type", "client_time", "server_time", "latitude", "longitude", "tags", "tag_ids", "data"]
other = st.dictionaries(st.sampled_from(keys) | text, value, max_size=9)
line = (good | other | value).map(json.dumps) | text
lines = st.lists(line, max_size=12).map(lambda parts: "\n".join(parts).encode("utf-8", "surrogatepass"))

schemathesis.openapi.media_type("application/x-ndjson", lines)


@schemathesis.serializer("application/x-ndjson")
def ndjson(_context, body):
    if isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else json.dumps(body)).encode("utf-8", "surrogatepass")
