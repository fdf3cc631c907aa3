/* SPDX-License-Identifier: Apache-2.0 */
#include "lite_relay.h"

#include <check.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "rtc/demux.h"
#include "rtc/stun.h"
#include "secure/token.h"

static void
send_to_peer (LiteRelay *r, const guint8 *data, gsize length)
{
  if (r->address.length > 0)
    (void)!sendto (r->socket, data, length, 0, &r->address.any,
                   r->address.length);
}

static void
drain (LiteRelay *r)
{
  guint8 datagram[BL_DTLS_MTU_BYTES];
  gsize length;
  while ((length = bl_dtls_next_output (r->dtls, datagram, sizeof datagram))
         > 0)
    send_to_peer (r, datagram, length);
}

static void
on_stun (LiteRelay *r, const guint8 *data, gsize length, const BlAddress *from)
{
  guint8 reply[BL_STUN_REPLY_BYTES];
  gsize reply_length = 0;
  BlStunRequest request;
  BlStunResult result = bl_stun_answer (data, length, r->ufrag, r->pwd, from,
                                        &request, reply, &reply_length);
  if (reply_length > 0)
    (void)!sendto (r->socket, reply, reply_length, 0, &from->any, from->length);
  if (result != BL_STUN_OK || !request.use_candidate)
    return;
  r->nominations++;
  if (!bl_address_equal (&r->address, from))
    r->addresses++;
  r->address = *from;
}

static void
on_dtls (LiteRelay *r, const guint8 *data, gsize length)
{
  if (!r->dtls)
    r->dtls = bl_dtls_new (r->context, BL_DTLS_SERVER, &r->peer, 1);
  BlDtlsState state = bl_dtls_receive (r->dtls, data, length);
  drain (r);
  BlSrtpKeys keys;
  if (state == BL_DTLS_UP && !r->srtp && bl_dtls_keys (r->dtls, &keys))
    r->srtp = bl_srtp_new (&keys, 8);
}

static void
on_media (LiteRelay *r, guint8 *data, gsize length, bool rtcp)
{
  if (!r->srtp
      || (rtcp ? bl_srtp_unprotect_rtcp (r->srtp, data, &length)
               : bl_srtp_unprotect_rtp (r->srtp, data, &length))
             != BL_SRTP_OK) {
    r->bad++;
    return;
  }
  if (rtcp) {
    r->rtcp++;
    return;
  }
  r->rtp++;
  memcpy (r->last, data, length);
  r->last_length = length;
}

static gboolean
on_readable (int fd, GIOCondition condition, gpointer user_data)
{
  LiteRelay *r = user_data;
  guint8 data[2048];
  BlAddress from = { 0 };
  from.length = sizeof from.storage;
  ssize_t got = recvfrom (fd, data, sizeof data, 0, &from.any, &from.length);
  if (got <= 0 || r->deaf)
    return G_SOURCE_CONTINUE;
  gsize length = (gsize)got;
  BlDemuxKind kind = bl_demux (data, length);
  if (kind == BL_DEMUX_STUN)
    on_stun (r, data, length, &from);
  else if (kind == BL_DEMUX_DTLS)
    on_dtls (r, data, length);
  else
    on_media (r, data, length, kind == BL_DEMUX_RTCP);
  return G_SOURCE_CONTINUE;
}

void
lite_relay_renew (LiteRelay *relay)
{
  g_autofree char *id = bl_id_new ();
  g_strlcpy (relay->pwd, id, sizeof relay->pwd);
  g_snprintf (relay->ufrag, sizeof relay->ufrag, "u%08x", g_random_int ());
  for (char *c = relay->pwd; *c; c++) {
    if (*c == '-' || *c == '_')
      *c = '+'; /* ice-chars */
  }
}

LiteRelay *
lite_relay_new (void)
{
  LiteRelay *r = g_new0 (LiteRelay, 1);
  r->cert = bl_cert_new_self_signed ("relay", bl_clock_unix_us () / BL_SECOND,
                                     NULL);
  r->context = bl_dtls_context_new (r->cert, NULL);
  bl_cert_fingerprint (r->cert, &r->fingerprint);
  lite_relay_renew (r);
  BlAddress address;
  ck_assert (bl_address_parse ("127.0.0.1", 0, &address));
  r->socket = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  ck_assert_int_eq (bind (r->socket, &address.any, address.length), 0);
  ck_assert_int_eq (getsockname (r->socket, &address.any, &address.length), 0);
  r->port = bl_address_port (&address);
  r->source = g_unix_fd_source_new (r->socket, G_IO_IN);
  g_source_set_callback (r->source, G_SOURCE_FUNC (on_readable), r, NULL);
  g_source_attach (r->source, NULL);
  return r;
}

void
lite_relay_free (LiteRelay *relay)
{
  g_source_destroy (relay->source);
  g_source_unref (relay->source);
  close (relay->socket);
  bl_dtls_free (relay->dtls);
  bl_srtp_free (relay->srtp);
  bl_dtls_context_free (relay->context);
  bl_cert_free (relay->cert);
  g_free (relay);
}

BlCandidate
lite_relay_candidate (const LiteRelay *relay)
{
  BlCandidate candidate = {
    .foundation = "1",
    .component = 1,
    .priority = bl_candidate_priority (BL_CANDIDATE_HOST, 65535),
    .address = "127.0.0.1",
    .port = relay->port,
  };
  return candidate;
}

void
lite_relay_send_rtcp (LiteRelay *relay, guint8 *packet, gsize length,
                      gsize capacity)
{
  ck_assert (bl_srtp_protect_rtcp (relay->srtp, packet, &length, capacity)
             == BL_SRTP_OK);
  send_to_peer (relay, packet, length);
}
