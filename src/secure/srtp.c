/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/srtp.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/blassert.h"
#include "base/prefetch.h"
#include "secure/srtp_cm.h"
#include "secure/srtp_gcm_receive.h"
#include "secure/srtp_gcm_send.h"

/* Either libsrtp's, or two of ours. */
struct BlSrtp {
  BlCm *cm;
  BlGcmSender *sender;
  BlGcmReceiver *receiver;
};

/* By BlSrtpProfile. */
static const struct {
  const char *name;
  uint8_t key_bytes, salt_bytes;
} profiles[] = {
  [BL_SRTP_NONE] = { "none", 0, 0 },
  [BL_SRTP_AEAD_AES_128_GCM] = { "AEAD_AES_128_GCM", 16, 12 },
  [BL_SRTP_AES128_CM_SHA1_80] = { "AES128_CM_HMAC_SHA1_80", 16, 14 },
  [BL_SRTP_AEAD_AES_256_GCM] = { "AEAD_AES_256_GCM", 32, 12 },
};

void
bl_srtp_keys_clear (BlSrtpKeys *keys)
{
  OPENSSL_cleanse (keys, sizeof *keys);
}

size_t
bl_srtp_key_bytes (BlSrtpProfile profile)
{
  return profiles[profile].key_bytes;
}

size_t
bl_srtp_salt_bytes (BlSrtpProfile profile)
{
  return profiles[profile].salt_bytes;
}

const char *
bl_srtp_profile_name (BlSrtpProfile profile)
{
  return profiles[profile].name;
}

static bool
open_session (BlSrtp *srtp, const BlSrtpKeys *keys, unsigned max_remote_ssrcs)
{
  if (keys->profile == BL_SRTP_AES128_CM_SHA1_80) {
    srtp->cm = bl_cm_new (keys, max_remote_ssrcs);
    return srtp->cm != NULL;
  }
  srtp->sender = bl_gcm_sender_new (keys->profile, keys->local);
  srtp->receiver
      = bl_gcm_receiver_new (keys->profile, keys->remote, max_remote_ssrcs);
  return srtp->sender && srtp->receiver;
}

BlSrtp *
bl_srtp_new (const BlSrtpKeys *keys, unsigned max_remote_ssrcs)
{
  bl_assert (keys->profile != BL_SRTP_NONE);
  bl_assert (max_remote_ssrcs > 0 && max_remote_ssrcs <= BL_SRTP_SSRCS_MAX);
  BlSrtp *srtp = calloc (1, sizeof *srtp);
  if (!srtp)
    return NULL;
  if (open_session (srtp, keys, max_remote_ssrcs))
    return srtp;
  bl_srtp_free (srtp);
  return NULL;
}

void
bl_srtp_free (BlSrtp *srtp)
{
  if (!srtp)
    return;
  bl_cm_free (srtp->cm);
  bl_gcm_sender_free (srtp->sender);
  bl_gcm_receiver_free (srtp->receiver);
  free (srtp);
}

/* More than a datagram carries is no packet. */
static bool
is_too_long (size_t length)
{
  return length > UINT16_MAX;
}

BlSrtpStatus
bl_srtp_unprotect_rtp (BlSrtp *srtp, uint8_t *packet, size_t *length)
{
  if (is_too_long (*length))
    return BL_SRTP_SHORT;
  return srtp->cm
             ? bl_cm_unprotect_rtp (srtp->cm, packet, length)
             : bl_gcm_receiver_unprotect_rtp (srtp->receiver, packet, length);
}

BlSrtpStatus
bl_srtp_unprotect_rtcp (BlSrtp *srtp, uint8_t *packet, size_t *length)
{
  if (is_too_long (*length))
    return BL_SRTP_SHORT;
  return srtp->cm
             ? bl_cm_unprotect_rtcp (srtp->cm, packet, length)
             : bl_gcm_receiver_unprotect_rtcp (srtp->receiver, packet, length);
}

void
bl_srtp_prefetch (const BlSrtp *srtp, unsigned step)
{
  if (step == BL_SRTP_PREFETCH_STEPS)
    bl_prefetch (srtp, sizeof *srtp);
  else if (srtp->sender && step == 2)
    bl_gcm_sender_prefetch (srtp->sender);
  else if (srtp->sender)
    bl_gcm_sender_prefetch_cipher (srtp->sender);
}

static bool
has_room (size_t length, size_t capacity)
{
  return capacity >= length && capacity - length >= BL_SRTP_TRAILER_MAX;
}

BlSrtpStatus
bl_srtp_protect_rtp (BlSrtp *srtp, uint8_t *packet, size_t *length,
                     size_t capacity)
{
  if (is_too_long (*length))
    return BL_SRTP_SHORT;
  if (!has_room (*length, capacity))
    return BL_SRTP_NO_ROOM;
  return srtp->cm ? bl_cm_protect_rtp (srtp->cm, packet, length)
                  : bl_gcm_sender_protect_rtp (srtp->sender, packet, length);
}

BlSrtpStatus
bl_srtp_protect_rtcp (BlSrtp *srtp, uint8_t *packet, size_t *length,
                      size_t capacity)
{
  if (is_too_long (*length))
    return BL_SRTP_SHORT;
  if (!has_room (*length, capacity))
    return BL_SRTP_NO_ROOM;
  return srtp->cm ? bl_cm_protect_rtcp (srtp->cm, packet, length)
                  : bl_gcm_sender_protect_rtcp (srtp->sender, packet, length);
}
