# SPDX-License-Identifier: GPL-2.0
"""Properties of a flattened device tree: looks them up, changes and drops them."""

import struct

_BEGIN, _END, _PROP, _NOP, _LAST = 1, 2, 3, 4, 9


def _word(blob, at):
    return struct.unpack_from(">I", blob, at)[0]


def _string(blob, at):
    return bytes(blob[at:blob.index(b"\0", at)]).decode()


def _properties(blob):
    """(path of node, name, where its token is, where its value is, end)."""
    if _word(blob, 0) != 0xd00dfeed:
        raise ValueError("no device tree")
    at, strings = _word(blob, 8), _word(blob, 12)
    path = []
    while (token := _word(blob, at)) != _LAST:
        start, at = at, at + 4
        if token == _BEGIN:
            path.append(_string(blob, at))
            at += len(path[-1]) // 4 * 4 + 4
        elif token == _END:
            path.pop()
        elif token == _PROP:
            size, name = _word(blob, at), _string(blob, strings + _word(blob, at + 4))
            at += 8
            yield "/".join(path) or "/", name, start, at, at + size
            at += (size + 3) // 4 * 4
        elif token != _NOP:
            raise ValueError(f"token {token} in a device tree")


def _find(blob, node, name):
    for where, what, *found in _properties(blob):
        if (where, what) == (node, name):
            return found
    raise KeyError(f"{node} has no {name}")


def value(blob, node, name):
    """A property's bytes. KeyError if there is none."""
    _, start, end = _find(blob, node, name)
    return blob[start:end]


def change(blob, node, name, new):
    """The tree with another value, of the same size, for a property."""
    _, start, end = _find(blob, node, name)
    if end - start != len(new):
        raise ValueError(f"{node} {name} has {end - start} bytes")
    return blob[:start] + new + blob[end:]


def drop(blob, node, name):
    """The tree without a property: nothing moves, no-ops take its place."""
    token, _, end = _find(blob, node, name)
    words = (end + 3 - token) // 4
    return blob[:token] + struct.pack(">I", _NOP) * words + blob[token + 4 * words:]


def pack(blob):
    """The tree without the room that is left behind it."""
    # Where the structure and the strings begin, and their sizes.
    end = max(_word(blob, 8) + _word(blob, 36), _word(blob, 12) + _word(blob, 32))
    return blob[:4] + struct.pack(">I", end) + blob[8:end]
