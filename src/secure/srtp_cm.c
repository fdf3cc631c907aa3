/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/srtp_cm.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define TAG_BYTES 10

#define RTP_HEADER_BYTES 12
#define RTP_SSRC_AT      8

/* Header and sender's SSRC, then at least SRTCP's index. */
#define RTCP_HEADER_BYTES 8
#define RTCP_SSRC_AT      4
#define SRTCP_INDEX_BYTES 4

struct BlCm {
  srtp_t in, out;
  unsigned max_ssrcs;
  unsigned n_ssrcs;
  uint32_t ssrcs[]; /* that the peer has used, proven */
};

static bool library_ready;

static void
init_library (void)
{
  library_ready = srtp_init () == srtp_err_status_ok;
}

/* A context for every SSRC in one direction. */
static bool
create (srtp_t *out_context, const uint8_t *master, srtp_ssrc_type_t direction)
{
  uint8_t key[BL_SRTP_MASTER_MAX];
  memcpy (key, master, sizeof key);
  srtp_policy_t policy = {
    .ssrc = { .type = direction },
    .key = key,
    .window_size = BL_SRTP_WINDOW,
  };
  srtp_crypto_policy_set_rtp_default (&policy.rtp);
  srtp_crypto_policy_set_rtcp_default (&policy.rtcp);
  srtp_err_status_t status = srtp_create (out_context, &policy);
  OPENSSL_cleanse (key, sizeof key);
  return status == srtp_err_status_ok;
}

BlCm *
bl_cm_new (const BlSrtpKeys *keys, unsigned max_remote_ssrcs)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once (&once, init_library);
  BlCm *cm = NULL;
  if (library_ready)
    cm = calloc (1, sizeof *cm + max_remote_ssrcs * sizeof cm->ssrcs[0]);
  if (!cm)
    return NULL;
  cm->max_ssrcs = max_remote_ssrcs;
  if (create (&cm->in, keys->remote, ssrc_any_inbound)
      && create (&cm->out, keys->local, ssrc_any_outbound))
    return cm;
  bl_cm_free (cm);
  return NULL;
}

void
bl_cm_free (BlCm *cm)
{
  if (!cm)
    return;
  if (cm->in)
    srtp_dealloc (cm->in);
  if (cm->out)
    srtp_dealloc (cm->out);
  free (cm);
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

static bool
is_known (const BlCm *cm, uint32_t ssrc)
{
  for (unsigned i = 0; i < cm->n_ssrcs; i++)
    if (cm->ssrcs[i] == ssrc)
      return true;
  return false;
}

typedef srtp_err_status_t (*Transform) (srtp_t context, void *packet,
                                        int *length);

static BlSrtpStatus
apply (srtp_t context, Transform transform, uint8_t *packet, size_t *length)
{
  int bytes = (int)*length;
  BlSrtpStatus status = status_of (transform (context, packet, &bytes));
  if (status == BL_SRTP_OK)
    *length = (size_t)bytes;
  return status;
}

/* libsrtp makes a stream for an SSRC when its first packet proves authentic,
 * so only such an SSRC is counted. */
static BlSrtpStatus
unprotect (BlCm *cm, Transform transform, uint8_t *packet, size_t *length,
           size_t ssrc_at)
{
  uint32_t ssrc = bl_get_be32 (packet + ssrc_at);
  bool known = is_known (cm, ssrc);
  if (!known && cm->n_ssrcs == cm->max_ssrcs)
    return BL_SRTP_MANY_SSRCS;
  BlSrtpStatus status = apply (cm->in, transform, packet, length);
  if (status == BL_SRTP_OK && !known)
    cm->ssrcs[cm->n_ssrcs++] = ssrc;
  return status;
}

BlSrtpStatus
bl_cm_unprotect_rtp (BlCm *cm, uint8_t *packet, size_t *length)
{
  if (*length < RTP_HEADER_BYTES + TAG_BYTES)
    return BL_SRTP_SHORT;
  return unprotect (cm, srtp_unprotect, packet, length, RTP_SSRC_AT);
}

BlSrtpStatus
bl_cm_unprotect_rtcp (BlCm *cm, uint8_t *packet, size_t *length)
{
  if (*length < RTCP_HEADER_BYTES + SRTCP_INDEX_BYTES + TAG_BYTES)
    return BL_SRTP_SHORT;
  return unprotect (cm, srtp_unprotect_rtcp, packet, length, RTCP_SSRC_AT);
}

BlSrtpStatus
bl_cm_protect_rtp (BlCm *cm, uint8_t *packet, size_t *length)
{
  if (*length < RTP_HEADER_BYTES)
    return BL_SRTP_SHORT;
  return apply (cm->out, srtp_protect, packet, length);
}

BlSrtpStatus
bl_cm_protect_rtcp (BlCm *cm, uint8_t *packet, size_t *length)
{
  if (*length < RTCP_HEADER_BYTES)
    return BL_SRTP_SHORT;
  return apply (cm->out, srtp_protect_rtcp, packet, length);
}
