#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes pictures that tell the time into shared memory, until SIGTERM: 20
columns, white for 1 and black for 0, highest first, are the low 20 bits of the
Unix time in milliseconds at which the picture was made.

usage: clock_source.py SOCKET WIDTH HEIGHT FPS"""
import sys
import time

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

BITS = 20


def picture(width, height, unix_ms):
    column = width // BITS
    row = b"".join(
        (b"\xeb" if unix_ms >> bit & 1 else b"\x10") * column
        for bit in reversed(range(BITS)))
    return row * height + b"\x80" * (width * height // 2)


def main():
    socket, width, height, fps = sys.argv[1], *map(int, sys.argv[2:5])
    Gst.init(None)
    size = width * height * 3 // 2
    pipeline = Gst.parse_launch(
        f"appsrc name=source is-live=true format=time "
        f"caps=video/x-raw,format=I420,width={width},height={height},"
        f"framerate={fps}/1 "
        f"! shmsink socket-path={socket} shm-size={size * 8} "
        f"wait-for-connection=false sync=false")
    source = pipeline.get_by_name("source")
    pipeline.set_state(Gst.State.PLAYING)

    def push():
        source.emit("push-buffer", Gst.Buffer.new_wrapped(
            picture(width, height, time.time_ns() // 1_000_000)))
        return True

    GLib.timeout_add(1000 // fps, push)
    print("ready", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
