#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Watches the demo's call without a browser (aiortc), hangs up, checks the
recording. The counterpart of demo-check.mjs; started by tools/demo --check."""
import asyncio
import json
import os
import sys
import tempfile
import time

import aiohttp
import av
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

RELAY, VEHICLE, CODE = (os.environ[name]
                        for name in ("BL_RELAY", "BL_VEHICLE", "BL_CODE"))
WATCH_S = 6
wrong = 0


def report(what, good, figure):
    global wrong
    wrong += not good
    print(f"{'ok    ' if good else 'WRONG '} {what}: {figure}", flush=True)


async def count(track, seen):
    """Notes each decoded frame: its time of arrival and what it holds."""
    try:
        while True:
            frame = await track.recv()
            planes = bytes(frame.planes[0])
            seen.append((time.monotonic(), hash(planes), any(planes)))
    except MediaStreamError:
        pass


async def watch(http, call):
    pc = RTCPeerConnection()
    seen = {"video": [], "audio": []}
    tasks = []
    pc.on("track", lambda track: tasks.append(
        asyncio.ensure_future(count(track, seen[track.kind]))))
    for kind in seen:
        pc.addTransceiver(kind, direction="recvonly")
    await pc.setLocalDescription(await pc.createOffer())
    async with http.post(f"{RELAY}/whep/{call}", data=pc.localDescription.sdp,
                         headers={"Content-Type": "application/sdp"}) as answer:
        if answer.status != 201:
            report("joining", False, await answer.text())
            return
        session = answer.headers["Location"]
        await pc.setRemoteDescription(
            RTCSessionDescription(await answer.text(), "answer"))
    await asyncio.sleep(WATCH_S)
    pictures, sounds = seen["video"], seen["audio"]
    different = len({content for _, content, _ in pictures})
    report("pictures", len(pictures) > 10 * (WATCH_S - 2)
           and different > len(pictures) / 4,
           f"{len(pictures)} in {WATCH_S} s, {different} different")
    report("sound", len(sounds) > 40 * (WATCH_S - 2)
           and any(loud for _, _, loud in sounds),
           f"{len(sounds)} frames of 20 ms in {WATCH_S} s")
    async with http.delete(RELAY + session) as gone:
        report("leaving", gone.status == 200, f"HTTP {gone.status}")
    await pc.close()
    await asyncio.gather(*tasks, return_exceptions=True)


async def poll(http, path, accept, what):
    for _ in range(80):
        async with http.get(RELAY + path) as response:
            found = accept(await response.json())
        if found:
            return found
        await asyncio.sleep(0.25)
    report(what, False, "not within 20 s")
    return None


async def check_recording(http):
    recording = await poll(
        http, "/api/recordings",
        lambda all_: next((r for r in all_["recordings"] if r["complete"]),
                          None), "recording")
    if recording is None:
        return
    path = f"/api/recordings/{recording['id']}/parts/1"
    async with http.get(RELAY + path) as response:
        data = await response.read()
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(data)
        file.flush()
        with av.open(file.name) as container:
            frames = {"video": 0, "audio": 0}
            for packet in container.demux():
                for frame in packet.decode():
                    frames[packet.stream.type] += 1
    report("recording plays", frames["video"] > 20 and frames["audio"] > 50,
           f"{recording['duration_us'] / 1e6:.1f} s long, "
           f"{json.dumps(frames)} decoded")


async def main():
    # Loopback without TLS: the jar must keep the Secure cookie all the same.
    jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=RELAY)
    async with aiohttp.ClientSession(cookie_jar=jar,
                                     headers={"Origin": RELAY}) as http:
        async with http.post(f"{RELAY}/api/sign-in", json={"code": CODE}) as r:
            if r.status != 200:
                report("sign-in", False, await r.text())
                return
        call = await poll(
            http, "/api/calls", lambda all_: next(
                (c["id"] for c in all_["calls"] if c["state"] == "live"), None),
            "a live call")
        if call is None:
            return
        await watch(http, call)
        async with http.post(f"{VEHICLE}/hangup", json={},
                             headers={"Origin": VEHICLE}) as r:
            report("hang-up", r.status < 300, f"HTTP {r.status}")
        await check_recording(http)


asyncio.run(main())
sys.exit(1 if wrong else 0)
