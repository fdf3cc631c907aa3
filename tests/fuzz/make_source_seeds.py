#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of fuzz_source.c into corpus/source/."""
import struct
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus" / "source"
VIDEO, RTX, AUDIO, RED = 96, 97, 98, 63
SSRC = {VIDEO: 7, RTX: 8, AUDIO: 9, RED: 9}
SPS = bytes.fromhex("6742c01fda0507e4")
PPS = bytes.fromhex("68ce3c80")


def record(kind, data=b"", length=None):
    return struct.pack(">BH", kind, len(data) if length is None else length) \
        + data


def rtp(pt, seq, timestamp, payload, marker=False, extension=b""):
    header = struct.pack(">BBHII", 0x90 if extension else 0x80,
                         pt | (0x80 if marker else 0), seq, timestamp,
                         SSRC[pt])
    if extension:
        extension += bytes(-len(extension) % 4)
        header += struct.pack(">HH", 0xBEDE, len(extension) // 4) + extension
    return record(0, header + payload)


def stap(*nals):
    return b"\x78" + b"".join(struct.pack(">H", len(n)) + n for n in nals)


def transport(number, mid=b"0"):
    return bytes([0x40 | len(mid) - 1]) + mid \
        + struct.pack(">BH", 0x31, number)


def sr(ssrc, seconds, timestamp):
    return record(1, struct.pack(">BBHIIIIII", 0x80, 200, 6, ssrc,
                                 4008988800 + seconds, 0, timestamp, 1, 1))


def xr(ssrc):
    dlrr = struct.pack(">BBHIII", 5, 0, 3, 12345, 0x8000, 0x100)
    return record(1, struct.pack(">BBHI", 0x80, 207, 5, ssrc) + dlrr)


def bye(*ssrcs):
    return record(1, struct.pack(">BBH", 0x80 | len(ssrcs), 203, len(ssrcs))
                  + b"".join(struct.pack(">I", s) for s in ssrcs))


def wait(ms):
    return record(2, bytes(ms))


def picture(seq, timestamp, key=True):
    head = [rtp(VIDEO, seq, timestamp, stap(SPS, PPS), False,
                transport(seq))] if key else []
    slices = [rtp(VIDEO, seq + len(head) + i, timestamp,
                  bytes([0x7C, flags | (5 if key else 1), 0x88, i]),
                  i == 1, transport(seq + len(head) + i))
              for i, flags in enumerate((0x80, 0x40))]
    return b"".join(head + slices)


def sound(seq, *back):
    """A packet of 20 ms with earlier ones in it, counted back from it."""
    frame = b"\x78" + bytes([seq % 256]) * 9
    blocks = b"".join(struct.pack(">I", 1 << 31 | AUDIO << 24 | 960 * n << 10
                                  | len(frame)) for n in back)
    return rtp(RED, seq % 65536, 960 * seq,
               blocks + bytes([AUDIO]) + frame * (len(back) + 1))


SEEDS = {
    "redundant": sound(65533) + sound(65534, 1) + wait(20) + sound(65537, 2, 1)
    + wait(40) + sound(65541, 6, 3, 1) + sound(65542, 17, 16, 15, 8, 4, 3, 2, 1)
    + rtp(AUDIO, 9, 960 * 65545, b"\x78abc") + rtp(RED, 10, 0, b"") + wait(99),
    "call": picture(1000, 0) + rtp(AUDIO, 1, 0, b"\xfc" * 20) + wait(33)
    + picture(1003, 3000, False) + sr(7, 1, 3000) + sr(9, 1, 1600)
    + wait(60) + xr(7) + wait(40) + bye(7, 9),
    "losses": picture(65530, 0) + rtp(VIDEO, 20, 3000, b"\x41\x9a\x80")
    + wait(15) + wait(100)
    + rtp(RTX, 1, 3000, struct.pack(">H", 65535) + b"\x41\x9a\x80")
    + rtp(RTX, 2, 3000, b"") + wait(200),
    "republished": picture(1, 0) + record(3, b"", 0) + wait(250)
    + record(3, b"x") + rtp(VIDEO, 9, 9, b"\x41\x9a\x80") + picture(500, 77)
    + record(4),
    "jumps": picture(1, 0) + picture(40000, 0xFFFFFFFF)
    + picture(5, 0x80000000) + rtp(VIDEO, 6, 6, b""),
}

FOLDER.mkdir(parents=True, exist_ok=True)
for name, data in SEEDS.items():
    (FOLDER / name).write_bytes(data)
