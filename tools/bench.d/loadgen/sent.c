/* SPDX-License-Identifier: Apache-2.0 */
#include "sent.h"

/* FNV-1a, 64 bits. */
uint64_t
lg_payload_hash (const void *payload, size_t length)
{
  const uint8_t *bytes = payload;
  uint64_t hash = UINT64_C (0xcbf29ce484222325);
  for (size_t i = 0; i < length; i++)
    hash = (hash ^ bytes[i]) * UINT64_C (0x100000001b3);
  return hash;
}

void
lg_sent_add (LgSent *sent, const LgSentPacket *packet)
{
  LgSentPacket *slot = &sent->packets[sent->count % LG_SENT_PACKETS];
  *slot = *packet;
  slot->number = sent->count++;
}

const LgSentPacket *
lg_sent_get (const LgSent *sent, uint64_t number)
{
  /* One subtraction also refuses what is "negative". */
  if (sent->count - 1 - number >= LG_SENT_PACKETS || number >= sent->count)
    return NULL;
  return &sent->packets[number % LG_SENT_PACKETS];
}

bool
lg_sent_find (const LgSent *sent, uint64_t hash, uint64_t *out_number)
{
  const LgSentPacket *packet;
  for (uint64_t i = sent->count; i > 0; i--) {
    packet = lg_sent_get (sent, i - 1);
    if (!packet)
      return false;
    if (packet->hash == hash) {
      *out_number = i - 1;
      return true;
    }
  }
  return false;
}
