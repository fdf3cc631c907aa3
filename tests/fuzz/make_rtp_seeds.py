#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the hand-made seeds of the RTP, RTCP, transport-cc and RFC 8888 targets.

Run it after changing a seed here and commit what it wrote. Inputs that a fuzzer
found are added to corpus/ by hand and are not listed here.
"""
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"

RTP = "1234 01020304 aabbccdd"  # sequence number, timestamp, SSRC

SEEDS = {
    "rtp": {
        "plain": f"8060 {RTP} 65 66 67",
        "everything": f"b2e0 {RTP} 00000001 00000002 bede0001 10410000"
                      " 656667 0000000005",
        "one-byte": f"90e0 {RTP} bede0007 117630 22123456 31abcd"
                    " 470102030405060708 52000fff e0aa 000000 6588",
        "two-byte": f"90e0 {RTP} 10000008 01027630 0203123456 0302abcd"
                    " 04080102030405060708 0f03000fff ff01aa 00 6588",
        "capture-offset": f"90ef {RTP} bede0005"
                          " 4f 0102030405060708 ffffffffffff0000 000000 fc",
        "id-15": f"90e0 {RTP} bede0002 310102 f0 00 1061 00 65",
        "rtx": "80e1 0007 00000bb8 00000099 fffe 414243",
        "rtx-probe": "a061 0008 00000bb8 00000099 000004 04",
    },
    "rtcp": {
        "compound": "81c8000c 00000011 e800000180000000 00015f90 00000064"
                    " 00010000 00000022 40fffffe 00010005 00000009 00018000"
                    " 00004000 81ca0003 00000011 0102626c 00000000"
                    " 81cd0003 00000011 00000022 fffe8005"
                    " 81ce0002 00000011 00000022",
        "receiver": "81c90007 00000001 00000002 ff7fffff ffffffff 00000000"
                    " 00000000 00000000 81ca0005 00000001 0105616c696365 00"
                    " 0000000000000000",
        "fir": "84ce0006 00000011 00000000 00000022 07000000"
               " 00000033 ff000000",
        "remb": "8fce0005 00000001 00000000 52454d42 010adc6c 00000002",
        "xr": "80cf000d 00000011 04000002 e800000180000000 2a090001 01020304"
              " 05000006 00000022 00018000 00004000"
              " 00000033 00000000 00000000",
        "bye": "82cb0004 00000001 00000002 0762796562796500",
        "padded": "80c90001 00000001 a1ce0003 00000001 00000002 00000004",
        "transport-cc": "8fcd0006 00000011 00000022 000a0003 0003e800"
                        " d6000004 01140000",
        "sdes": "83ca0009 00000001 0203426f620101 78 00000000"
                " 00000002 0105616c696365 00 00000003 00000000",
        "app": "80cc0002 00000001 6e616d65",
    },
    "twcc": {
        "one": "0007000100 03e800 2001 03 00",
        "large": "000a0003 0003e800 d600 00ff 0100 0000",
        "negative": "000a0003 0003e800 d900 08 fffc 08 0000",
        "losses": "fffe0004 0003e800 ac00 000102 000000",
        "vectors": "00010011 0003e800 b000 8800 000101 00",
        "run": "00640014 0003e800 2014 00" + "01" * 19 + "0000",
        "draft": "0001000e 00000000 9f1c" + "01" * 8,
        "long-run": "00012000 ffffffff 1fff 0001",
        "all-lost": "0001ffff 00000000" + "1fff" * 8 + "0007",
        "empty": "00010000 00000000",
        "reserved": "00010002 00000000 dc00 09",
    },
    "ccfb": {
        "one": "00000011 00000022 00070001 8000 0000 00028000",
        "loss": "00000011 00000022 ffff0003 e400 0000 a000 0000 00028000",
        "streams": "00000011 00000022 00010001 c000 0000"
                   " 00000033 00090002 c000 c001 00028000",
        "unknown-arrival": "00000011 00000022 00070002 9fff 9ffe ffffffff",
        "no-reports": "00000011 00000022 00070000 00028000",
        "empty": "00000011 00028000",
        "run": "00000011 00000022 00000064" + "a010" * 100 + "00028000",
        "nine": "00000011" + "".join(
            f"000000{ssrc:02x} 00050001 8000 0000" for ssrc in range(9))
                + "00028000",
    },
}

for target, seeds in SEEDS.items():
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in seeds.items():
        (folder / name).write_bytes(bytes.fromhex(text.replace(" ", "")))
