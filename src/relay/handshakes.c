/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/handshakes.h"

bool
bl_handshakes_push (BlHandshakes *handshakes, BlSessionId session,
                    BlPacket *packet)
{
  if (handshakes->count == BL_HANDSHAKES_MAX)
    return false;
  unsigned at = (handshakes->first + handshakes->count) % BL_HANDSHAKES_MAX;
  handshakes->count++;
  handshakes->waiting[at]
      = (BlHandshake){ .session = session, .packet = bl_packet_ref (packet) };
  return true;
}

bool
bl_handshakes_pop (BlHandshakes *handshakes, BlHandshake *out_handshake)
{
  if (handshakes->count == 0)
    return false;
  *out_handshake = handshakes->waiting[handshakes->first];
  handshakes->first = (handshakes->first + 1) % BL_HANDSHAKES_MAX;
  handshakes->count--;
  return true;
}

void
bl_handshakes_clear (BlHandshakes *handshakes)
{
  BlHandshake handshake;
  while (bl_handshakes_pop (handshakes, &handshake))
    bl_packet_unref (&handshake.packet);
}
