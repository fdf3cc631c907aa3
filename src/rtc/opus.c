/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/opus.h"

#define MAX_TICKS 5760 /* 120 ms */

/* Of one frame, by the configuration's number (table 2). */
static uint32_t
frame_ticks (unsigned config)
{
  static const uint16_t silk[] = { 480, 960, 1920, 2880 };
  static const uint16_t hybrid[] = { 480, 960 };
  static const uint16_t celt[] = { 120, 240, 480, 960 };
  if (config < 12)
    return silk[config % 4];
  return config < 16 ? hybrid[config % 2] : celt[config % 4];
}

uint32_t
bl_opus_ticks (const uint8_t *packet, size_t length)
{
  static const uint8_t frames_of_code[] = { 1, 2, 2 };
  if (length == 0)
    return 0;
  unsigned code = packet[0] & 3, frames = 0;
  if (code < 3)
    frames = frames_of_code[code];
  else if (length > 1)
    frames = packet[1] & 0x3f;
  uint32_t ticks = frames * frame_ticks (packet[0] >> 3);
  return ticks <= MAX_TICKS ? ticks : 0;
}
