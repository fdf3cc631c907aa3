# SPDX-License-Identifier: Apache-2.0
"""Writes the migrations as a C table, in the order of their numbers.

usage: embed.py OUT.c 0001.sql 0002.sql …
"""
import sys
from pathlib import Path

out, files = Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]
lines = ['#include "store/db_private.h"', ""]
for number, path in enumerate(files, 1):
    if path.name != f"{number:04}.sql":
        sys.exit(f"{path.name}: expected {number:04}.sql here")
    # As numbers: ISO C lets a string literal have no more than 4095 bytes.
    data = ", ".join(str(byte) for byte in path.read_bytes() + b"\0")
    lines.append(f"static const char sql_{number}[] = {{ {data} }};")
lines.append("const char *const bl_db_migrations[] = {")
lines += [f"  sql_{number + 1}," for number in range(len(files))]
lines += ["};", f"const int bl_db_n_migrations = {len(files)};", ""]
out.write_text("\n".join(lines))
