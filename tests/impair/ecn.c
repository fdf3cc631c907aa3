/* SPDX-License-Identifier: Apache-2.0 */
#include "ecn.h"

#define CE          0x3
#define IPV4_HEADER 20
#define IPV6_HEADER 40

/* The header's checksum without adding it all up anew (RFC 1624). */
static void
mend_checksum (uint8_t *packet, uint16_t before, uint16_t after)
{
  uint32_t sum = (uint16_t) ~(packet[10] << 8 | packet[11]);
  sum += (uint16_t)~before + (uint32_t)after;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  packet[10] = (uint8_t)(~sum >> 8);
  packet[11] = (uint8_t)~sum;
}

static bool
is_ect (unsigned ecn)
{
  return ecn == 1 || ecn == 2;
}

bool
impair_ecn_mark (uint8_t *packet, size_t length)
{
  if (length >= IPV4_HEADER && packet[0] >> 4 == 4 && is_ect (packet[1] & CE)) {
    uint16_t before = (uint16_t)(packet[0] << 8 | packet[1]);
    packet[1] |= CE;
    mend_checksum (packet, before, before | CE);
    return true;
  }
  /* The traffic class's lowest bits stand in the second byte's upper half. */
  if (length >= IPV6_HEADER && packet[0] >> 4 == 6
      && is_ect (packet[1] >> 4 & CE)) {
    packet[1] |= CE << 4;
    return true;
  }
  return false;
}
