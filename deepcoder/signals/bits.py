"""Whole numbers of any width, side by side without gaps: 18 bits name one of 262,144 tokens.

    packed = pack(ids, 18)                # [rows, k] -> bytes [rows, packed_width(k, 18)]
    unpack(packed, 64, 18)                # the same ids again

Every row begins at a byte, so that rows are read on their own. Bits are little-endian.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int, UInt8

__all__ = ["bits_for", "pack", "packed_width", "unpack", "unpack_at"]


def bits_for(count: int) -> int:
    """Bits that tell `count` things apart.

    >>> bits_for(151_936), bits_for(49_152), bits_for(1)
    (18, 16, 1)
    """
    return max(1, (count - 1).bit_length())


def packed_width(count: int, bits: int) -> int:
    """Bytes of one row of `count` numbers."""
    return -(-count * bits // 8)


def pack(values: Int[np.ndarray, "rows k"], bits: int) -> UInt8[np.ndarray, "rows bytes"]:
    """Raises ValueError for a number that is negative or does not fit."""
    if values.size and not (values.min() >= 0 and int(values.max()) >> bits == 0):
        raise ValueError(f"numbers of {values.min()}…{values.max()} do not fit {bits} bits")
    planes = (values[:, :, None] >> np.arange(bits)) & 1
    flat = planes.astype(np.uint8).reshape(len(values), values.shape[1] * bits)
    return np.packbits(flat, axis=1, bitorder="little")


def unpack(
    packed: UInt8[np.ndarray, "rows bytes"], count: int, bits: int
) -> Int[np.ndarray, "rows k"]:
    """The first `count` numbers of every row."""
    starts = np.arange(len(packed), dtype=np.int64) * packed.shape[1]
    return unpack_at(packed.reshape(-1), starts, count, bits)


def unpack_at(
    flat: UInt8[np.ndarray, " bytes"], starts: Int[np.ndarray, " rows"], count: int, bits: int
) -> Int[np.ndarray, "rows k"]:
    """`count` numbers from each of the bytes `starts`; what lies behind a row's end is noise."""
    first = np.arange(count, dtype=np.int64) * bits
    place = starts[:, None] + (first >> 3)
    last = max(len(flat) - 1, 0)
    total = np.zeros(place.shape, dtype=np.int64)
    for byte in range((bits + 14) // 8):  # a number begins up to 7 bits into its first byte
        total |= flat[np.minimum(place + byte, last)].astype(np.int64) << (8 * byte)
    return (total >> (first & 7)) & ((1 << bits) - 1)
