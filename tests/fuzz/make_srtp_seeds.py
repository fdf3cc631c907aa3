#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of the SRTP target: rows of authentic datagrams.

They are sealed here by RFC 3711 and RFC 7714 anew, under the keys of
fuzz_srtp.c. Needs python3-cryptography. Run it after changing a seed and commit
what it wrote.
"""
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CORPUS = Path(__file__).parent / "corpus" / "srtp"
MASTER = bytes(range(44))


class Sender:
    """One direction of a session."""

    def __init__(self, key_bytes):
        self.key, self.salt = MASTER[:key_bytes], MASTER[key_bytes:][:12]
        self.rtp_key, self.rtp_salt = self.derive(0), self.derive(2)[:12]
        self.rtcp_key, self.rtcp_salt = self.derive(3), self.derive(5)[:12]

    def derive(self, label):
        iv = bytearray(self.salt + bytes(4))
        iv[7] ^= label
        ctr = Cipher(algorithms.AES(self.key), modes.CTR(bytes(iv)))
        return ctr.encryptor().update(bytes(len(self.key)))

    @staticmethod
    def nonce(salt, ssrc, index):
        plain = bytes(2) + ssrc.to_bytes(4, "big") + index.to_bytes(6, "big")
        return bytes(a ^ b for a, b in zip(plain, salt))

    def rtp(self, ssrc, index, payload=b"picture", extension=b"", csrcs=0):
        first = 0x80 | (0x10 if extension else 0) | csrcs
        header = bytes([first, 96]) + (index & 0xffff).to_bytes(2, "big")
        header += bytes(4) + ssrc.to_bytes(4, "big") + bytes(4 * csrcs)
        if extension:
            header += b"\xbe\xde" + (len(extension) // 4).to_bytes(2, "big")
            header += extension
        nonce = self.nonce(self.rtp_salt, ssrc, index)
        return 0, header + AESGCM(self.rtp_key).encrypt(nonce, payload, header)

    def rtcp(self, ssrc, index, body=bytes(24), encrypted=True):
        words = len(body) // 4 + 1
        header = b"\x81\xc9" + words.to_bytes(2, "big") + ssrc.to_bytes(4, "big")
        trailer = (index | encrypted << 31).to_bytes(4, "big")
        nonce = self.nonce(self.rtcp_salt, ssrc, index)
        gcm = AESGCM(self.rtcp_key)
        if encrypted:
            return 1, header + gcm.encrypt(nonce, body, header + trailer) + trailer
        tag = gcm.encrypt(nonce, b"", header + body + trailer)
        return 1, header + body + tag + trailer


def seeds(s):
    return {
        "plain": [s.rtp(1, n) for n in range(3)],
        "extended": [s.rtp(1, 9, b"", bytes(8), 2), s.rtp(2, 7, b"x" * 40, bytes(4))],
        "wrap": [s.rtp(1, n) for n in (65000, 65534, 65537, 65535, 65536, 66000)],
        "late": [s.rtp(1, n) for n in (5000, 2953, 2952, 4999, 5000, 40000)],
        "reports": [s.rtcp(1, 1), s.rtcp(1, 3), s.rtcp(1, 2), s.rtcp(1, 200), s.rtcp(1, 72)],
        "clear-reports": [s.rtcp(1, 1, encrypted=False), s.rtcp(1, 1), s.rtcp(2, 5, b"", False)],
        "ssrcs": [s.rtp(n, 1) for n in range(1, 6)] + [s.rtcp(n, 1) for n in range(3, 7)],
    }


CORPUS.mkdir(parents=True, exist_ok=True)
for key_bytes in (16, 32):
    for name, datagrams in seeds(Sender(key_bytes)).items():
        (CORPUS / f"{name}-{8 * key_bytes}").write_bytes(
            b"".join(bytes([rtcp]) + len(d).to_bytes(2, "big") + d
                     for rtcp, d in datagrams))
