#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A camera whose pictures say when they were taken: plays a clip of raw I420
pictures to and fro into shared memory, until SIGTERM. Above the picture stand
three rows of 20 bits, white for 1, the highest first: the low bits of the Unix
time in milliseconds, those of the picture's number, and a check (both and CHECK,
exclusive or). camera.js does the same in a browser, stamp.mjs reads it.

usage: camera.py SOCKET CLIP WIDTH HEIGHT FPS"""
import mmap
import sys
import time

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

BITS = 20
ROWS = 40  # the height of a row of bits
CHECK = 0x5A5A5
MASK = (1 << BITS) - 1


def row(value, width):
    column = width // BITS
    return b"".join((b"\xeb" if value >> bit & 1 else b"\x10") * column
                    for bit in reversed(range(BITS)))


def stamped(picture, width, number, unix_ms):
    check = (unix_ms ^ number ^ CHECK) & MASK
    rows = b"".join(row(value, width) * ROWS
                    for value in (unix_ms, number, check))
    return rows + picture[len(rows):]


def main():
    socket, clip_name = sys.argv[1:3]
    width, height, fps = map(int, sys.argv[3:6])
    with open(clip_name, "rb") as file:
        clip = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    size = width * height * 3 // 2
    count = len(clip) // size
    Gst.init(None)
    pipeline = Gst.parse_launch(
        f"appsrc name=source is-live=true format=time "
        f"caps=video/x-raw,format=I420,width={width},height={height},"
        f"framerate={fps}/1 "
        f"! shmsink socket-path={socket} shm-size={size * 8} "
        f"wait-for-connection=false sync=false")
    source = pipeline.get_by_name("source")
    pipeline.set_state(Gst.State.PLAYING)
    begun = time.monotonic()
    number = 0

    def push():
        nonlocal number
        # To and fro, so that the clip has no cut.
        at = number % (2 * count - 2)
        at = min(at, 2 * count - 2 - at)
        source.emit("push-buffer", Gst.Buffer.new_wrapped(stamped(
            clip[at * size:(at + 1) * size], width, number,
            time.time_ns() // 1_000_000)))
        number += 1
        wait = begun + number / fps - time.monotonic()
        GLib.timeout_add(max(0, round(wait * 1000)), push)
        return False

    push()
    print("ready", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
