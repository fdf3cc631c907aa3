/* SPDX-License-Identifier: Apache-2.0 */
#include "link.h"

#include <stdio.h>
#include <string.h>

#define CHECK_PRIORITY 1845501695u /* a peer-reflexive candidate's */
#define TIE_BREAKER    42

static void
start_agent (PeerLink *link)
{
  static const uint16_t known[] = { STUN_ATTRIBUTE_USERNAME,
                                    STUN_ATTRIBUTE_PRIORITY,
                                    STUN_ATTRIBUTE_USE_CANDIDATE,
                                    STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
                                    STUN_ATTRIBUTE_ERROR_CODE,
                                    STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
                                    STUN_ATTRIBUTE_ICE_CONTROLLING,
                                    STUN_ATTRIBUTE_ICE_CONTROLLED,
                                    0 };
  stun_agent_init (&link->agent, known, STUN_COMPATIBILITY_RFC5389,
                   STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS
                       | STUN_AGENT_USAGE_USE_FINGERPRINT);
}

void
peer_link_init (PeerLink *link, void (*send) (void *, const uint8_t *, size_t),
                void *send_data)
{
  *link = (PeerLink){ .send = send, .send_data = send_data };
  start_agent (link);
}

void
peer_link_clear (PeerLink *link)
{
  bl_dtls_free (link->dtls);
  bl_srtp_free (link->srtp);
  link->dtls = NULL;
  link->srtp = NULL;
}

void
peer_link_set_credentials (PeerLink *link, const char *relay_ufrag,
                           const char *relay_pwd, const char *our_ufrag)
{
  snprintf (link->username, sizeof link->username, "%s:%s", relay_ufrag,
            our_ufrag);
  snprintf (link->callname, sizeof link->callname, "%s:%s", our_ufrag,
            relay_ufrag);
  snprintf (link->pwd, sizeof link->pwd, "%s", relay_pwd);
}

static size_t
create_check (PeerLink *link, bool nominate, uint8_t *buffer, size_t capacity)
{
  StunMessage message;
  return stun_usage_ice_conncheck_create (
      &link->agent, &message, buffer, capacity, (const uint8_t *)link->username,
      strlen (link->username), (const uint8_t *)link->pwd, strlen (link->pwd),
      nominate, true, CHECK_PRIORITY, TIE_BREAKER, NULL,
      STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
}

void
peer_link_check (PeerLink *link, bool nominate)
{
  uint8_t buffer[1024];
  size_t length = create_check (link, nominate, buffer, sizeof buffer);
  if (length == 0) {
    /* It remembers a limited number of checks without an answer. */
    start_agent (link);
    length = create_check (link, nominate, buffer, sizeof buffer);
  }
  link->send (link->send_data, buffer, length);
}

void
peer_link_receive_stun (PeerLink *link, const uint8_t *data, size_t length)
{
  StunMessage message;
  StunValidationStatus status = stun_agent_validate (
      &link->agent, &message, data, length, stun_agent_default_validater, NULL);
  if (status == STUN_VALIDATION_SUCCESS
      && stun_message_get_class (&message) == STUN_RESPONSE)
    link->n_checks_answered++;
  else
    link->n_checks_refused++;
}

/* Before it is validated: the agent forgets a request of ours once it has
 * validated the answer. */
static bool
is_request (const uint8_t *data, size_t length)
{
  return length >= 2 && !(data[0] & 0x01) && !(data[1] & 0x10);
}

size_t
peer_link_answer (PeerLink *link, const char *our_pwd, const BlAddress *from,
                  const uint8_t *data, size_t length,
                  uint8_t out_reply[BL_STUN_REPLY_BYTES])
{
  StunDefaultValidaterData callers[]
      = { { (uint8_t *)link->callname, strlen (link->callname),
            (uint8_t *)our_pwd, strlen (our_pwd) },
          { 0 } };
  StunMessage request, reply;
  struct sockaddr_storage address = from->storage;
  size_t reply_length = BL_STUN_REPLY_BYTES;
  bool controlling = true;
  if (!is_request (data, length)
      || stun_agent_validate (&link->agent, &request, data, length,
                              stun_agent_default_validater, callers)
             != STUN_VALIDATION_SUCCESS)
    return 0;
  stun_usage_ice_conncheck_create_reply (
      &link->agent, &request, &reply, out_reply, &reply_length, &address,
      from->length, &controlling, TIE_BREAKER,
      STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
  return reply_length;
}

static void
send_dtls (PeerLink *link)
{
  uint8_t buffer[BL_DTLS_MTU_BYTES];
  size_t length;
  while ((length = bl_dtls_next_output (link->dtls, buffer, sizeof buffer)) > 0)
    link->send (link->send_data, buffer, length);
}

static void
follow_dtls (PeerLink *link)
{
  BlSrtpKeys keys;
  send_dtls (link);
  if (!link->srtp && bl_dtls_keys (link->dtls, &keys)) {
    link->srtp = bl_srtp_new (&keys, BL_SRTP_SSRCS_MAX);
    bl_srtp_keys_clear (&keys);
  }
  if (bl_dtls_state (link->dtls) >= BL_DTLS_CLOSED)
    link->closed = true;
}

void
peer_link_receive_dtls (PeerLink *link, const uint8_t *data, size_t length)
{
  if (!link->dtls)
    return;
  bl_dtls_receive (link->dtls, data, length);
  follow_dtls (link);
}

void
peer_link_start_dtls (PeerLink *link, const BlDtlsContext *context,
                      BlDtlsRole role, const BlFingerprint *relay_fingerprint)
{
  if (link->dtls)
    return;
  link->dtls = bl_dtls_new (context, role, relay_fingerprint, 1);
  follow_dtls (link);
}

bool
peer_link_is_up (const PeerLink *link)
{
  return link->srtp != NULL && !link->closed;
}

void
peer_link_on_time (PeerLink *link, BlTime now)
{
  if (!link->dtls || bl_dtls_deadline (link->dtls, now) > now)
    return;
  bl_dtls_on_deadline (link->dtls);
  follow_dtls (link);
}

void
peer_link_close (PeerLink *link)
{
  if (!link->dtls)
    return;
  bl_dtls_close (link->dtls);
  send_dtls (link);
}
