/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/srtp.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>

#include "base/blassert.h"
#include "secure/srtp_gcm.h"

#define RTP_HEADER_BYTES 12
#define RTP_SSRC_AT      8

/* Header and sender's SSRC, then at least SRTCP's index. */
#define RTCP_HEADER_BYTES 8
#define RTCP_SSRC_AT      4
#define SRTCP_INDEX_BYTES 4

struct BlSrtp {
  srtp_t in;
  srtp_t out;       /* AES-CM's; else NULL */
  BlGcmSender *gcm; /* GCM's; else NULL */
  size_t tag_bytes;
  unsigned max_ssrcs;
  unsigned n_ssrcs;
  uint32_t ssrcs[BL_SRTP_SSRCS_MAX]; /* that the peer has used, proven */
};

typedef void (*SetPolicy) (srtp_crypto_policy_t *policy);

/* By BlSrtpProfile. */
static const struct {
  const char *name;
  uint8_t key_bytes, salt_bytes, tag_bytes;
  SetPolicy set_policy;
} profiles[] = {
  [BL_SRTP_NONE] = { "none", 0, 0, 0, NULL },
  [BL_SRTP_AEAD_AES_128_GCM] = { "AEAD_AES_128_GCM", 16, 12, 16,
                                 srtp_crypto_policy_set_aes_gcm_128_16_auth },
  [BL_SRTP_AES128_CM_SHA1_80] = { "AES128_CM_HMAC_SHA1_80", 16, 14, 10,
                                  srtp_crypto_policy_set_rtp_default },
  [BL_SRTP_AEAD_AES_256_GCM] = { "AEAD_AES_256_GCM", 32, 12, 16,
                                 srtp_crypto_policy_set_aes_gcm_256_16_auth },
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

static bool library_ready;

static void
init_library (void)
{
  library_ready = srtp_init () == srtp_err_status_ok;
}

/* A context for every SSRC in one direction. */
static bool
create (srtp_t *out_context, BlSrtpProfile profile, const uint8_t *master,
        srtp_ssrc_type_t direction)
{
  uint8_t key[BL_SRTP_MASTER_MAX];
  memcpy (key, master, sizeof key);
  srtp_policy_t policy = {
    .ssrc = { .type = direction },
    .key = key,
    .window_size = BL_SRTP_WINDOW,
  };
  profiles[profile].set_policy (&policy.rtp);
  profiles[profile].set_policy (&policy.rtcp);
  srtp_err_status_t status = srtp_create (out_context, &policy);
  OPENSSL_cleanse (key, sizeof key);
  return status == srtp_err_status_ok;
}

static bool
create_out (BlSrtp *srtp, const BlSrtpKeys *keys)
{
  if (keys->profile == BL_SRTP_AES128_CM_SHA1_80)
    return create (&srtp->out, keys->profile, keys->local, ssrc_any_outbound);
  srtp->gcm = bl_gcm_sender_new (keys->profile, keys->local);
  return srtp->gcm != NULL;
}

BlSrtp *
bl_srtp_new (const BlSrtpKeys *keys, unsigned max_remote_ssrcs)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  bl_assert (keys->profile != BL_SRTP_NONE);
  bl_assert (max_remote_ssrcs > 0 && max_remote_ssrcs <= BL_SRTP_SSRCS_MAX);
  pthread_once (&once, init_library);

  BlSrtp *srtp = library_ready ? calloc (1, sizeof *srtp) : NULL;
  if (!srtp)
    return NULL;
  srtp->tag_bytes = profiles[keys->profile].tag_bytes;
  srtp->max_ssrcs = max_remote_ssrcs;
  if (create (&srtp->in, keys->profile, keys->remote, ssrc_any_inbound)
      && create_out (srtp, keys))
    return srtp;
  bl_srtp_free (srtp);
  return NULL;
}

void
bl_srtp_free (BlSrtp *srtp)
{
  if (!srtp)
    return;
  if (srtp->in)
    srtp_dealloc (srtp->in);
  if (srtp->out)
    srtp_dealloc (srtp->out);
  bl_gcm_sender_free (srtp->gcm);
  free (srtp);
}

static BlSrtpStatus
status_of (srtp_err_status_t status)
{
  switch (status) {
  case srtp_err_status_ok:
    return BL_SRTP_OK;
  case srtp_err_status_auth_fail:
  case srtp_err_status_cipher_fail:
    return BL_SRTP_AUTH;
  case srtp_err_status_replay_fail:
  case srtp_err_status_replay_old:
  case srtp_err_status_pkt_idx_old:
    return BL_SRTP_REPLAYED;
  case srtp_err_status_parse_err:
  case srtp_err_status_bad_param:
    return BL_SRTP_SHORT;
  default:
    return BL_SRTP_FAILED;
  }
}

static uint32_t
read_be32 (const uint8_t *at)
{
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8
         | at[3];
}

static bool
is_known (const BlSrtp *srtp, uint32_t ssrc)
{
  for (unsigned i = 0; i < srtp->n_ssrcs; i++)
    if (srtp->ssrcs[i] == ssrc)
      return true;
  return false;
}

typedef srtp_err_status_t (*Transform) (srtp_t context, void *packet,
                                        int *length);

/* libsrtp makes a stream for an SSRC when its first packet proves authentic,
 * so only such an SSRC is counted. */
static BlSrtpStatus
unprotect (BlSrtp *srtp, Transform transform, uint8_t *packet, size_t *length,
           size_t ssrc_at)
{
  uint32_t ssrc = read_be32 (packet + ssrc_at);
  bool known = is_known (srtp, ssrc);
  if (!known && srtp->n_ssrcs == srtp->max_ssrcs)
    return BL_SRTP_MANY_SSRCS;
  int bytes = (int)*length;
  BlSrtpStatus status = status_of (transform (srtp->in, packet, &bytes));
  if (status != BL_SRTP_OK)
    return status;
  if (!known)
    srtp->ssrcs[srtp->n_ssrcs++] = ssrc;
  *length = (size_t)bytes;
  return BL_SRTP_OK;
}

BlSrtpStatus
bl_srtp_unprotect_rtp (BlSrtp *srtp, uint8_t *packet, size_t *length)
{
  if (*length < RTP_HEADER_BYTES + srtp->tag_bytes || *length > UINT16_MAX)
    return BL_SRTP_SHORT;
  return unprotect (srtp, srtp_unprotect, packet, length, RTP_SSRC_AT);
}

BlSrtpStatus
bl_srtp_unprotect_rtcp (BlSrtp *srtp, uint8_t *packet, size_t *length)
{
  size_t least = RTCP_HEADER_BYTES + SRTCP_INDEX_BYTES + srtp->tag_bytes;
  if (*length < least || *length > UINT16_MAX)
    return BL_SRTP_SHORT;
  return unprotect (srtp, srtp_unprotect_rtcp, packet, length, RTCP_SSRC_AT);
}

typedef BlSrtpStatus (*GcmTransform) (BlGcmSender *sender, uint8_t *packet,
                                      size_t *length);

static BlSrtpStatus
protect (BlSrtp *srtp, GcmTransform gcm_transform, Transform transform,
         uint8_t *packet, size_t *length, size_t capacity)
{
  if (capacity < *length || capacity - *length < BL_SRTP_TRAILER_MAX)
    return BL_SRTP_NO_ROOM;
  if (srtp->gcm)
    return gcm_transform (srtp->gcm, packet, length);
  int bytes = (int)*length;
  BlSrtpStatus status = status_of (transform (srtp->out, packet, &bytes));
  if (status == BL_SRTP_OK)
    *length = (size_t)bytes;
  return status;
}

BlSrtpStatus
bl_srtp_protect_rtp (BlSrtp *srtp, uint8_t *packet, size_t *length,
                     size_t capacity)
{
  if (*length < RTP_HEADER_BYTES || *length > UINT16_MAX)
    return BL_SRTP_SHORT;
  return protect (srtp, bl_gcm_sender_protect_rtp, srtp_protect, packet, length,
                  capacity);
}

BlSrtpStatus
bl_srtp_protect_rtcp (BlSrtp *srtp, uint8_t *packet, size_t *length,
                      size_t capacity)
{
  if (*length < RTCP_HEADER_BYTES || *length > UINT16_MAX)
    return BL_SRTP_SHORT;
  return protect (srtp, bl_gcm_sender_protect_rtcp, srtp_protect_rtcp, packet,
                  length, capacity);
}
