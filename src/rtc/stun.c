/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/stun.h"

#include <string.h>

#include <stun/stunagent.h>
#include <stun/usages/ice.h>

#include "base/blassert.h"
#include "base/reader.h"

#define BINDING_REQUEST 0x0001

/* Any other attribute that must be understood (below 0x8000) gets 420. */
static const uint16_t known_attributes[] = { STUN_ATTRIBUTE_USERNAME,
                                             STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
                                             STUN_ATTRIBUTE_REALM,
                                             STUN_ATTRIBUTE_NONCE,
                                             STUN_ATTRIBUTE_PRIORITY,
                                             STUN_ATTRIBUTE_USE_CANDIDATE,
                                             0 };

typedef struct {
  const char *ufrag, *password;
} Credentials;

/* A cursor on the attributes of a binding request whose length is right. */
static bool
open_request (const void *data, size_t length, BlReader *out_reader)
{
  BlReader r = bl_reader (data, length);
  uint16_t type = bl_reader_be16 (&r);
  uint16_t attributes_length = bl_reader_be16 (&r);
  uint32_t cookie = bl_reader_be32 (&r);
  bl_reader_skip (&r, 12);
  if (!bl_reader_ok (&r) || type != BINDING_REQUEST
      || cookie != STUN_MAGIC_COOKIE || attributes_length % 4 != 0
      || attributes_length != bl_reader_left (&r))
    return false;
  *out_reader = r;
  return true;
}

bool
bl_stun_peek_ufrag (const void *data, size_t length, const char **out_ufrag,
                    size_t *out_ufrag_length)
{
  BlReader r;
  if (!open_request (data, length, &r))
    return false;

  while (bl_reader_left (&r) > 0) {
    uint16_t type = bl_reader_be16 (&r);
    uint16_t size = bl_reader_be16 (&r);
    const uint8_t *value = bl_reader_bytes (&r, size);
    bl_reader_skip (&r, (4 - size % 4) % 4);
    if (!bl_reader_ok (&r))
      return false;
    if (type != STUN_ATTRIBUTE_USERNAME)
      continue;

    const uint8_t *colon = memchr (value, ':', size);
    if (!colon || colon == value
        || (size_t)(colon - value) > BL_STUN_CREDENTIAL_MAX)
      return false;
    *out_ufrag = (const char *)value;
    *out_ufrag_length = (size_t)(colon - value);
    return true;
  }
  return false;
}

/* RFC 8445 section 7.3: a USERNAME is right if what stands before the colon is
 * our ufrag; the peer's half is not looked at. */
static bool
give_password (StunAgent *agent, StunMessage *message, uint8_t *username,
               uint16_t username_length, uint8_t **out_password,
               size_t *out_password_length, void *user_data)
{
  const Credentials *credentials = user_data;
  size_t ufrag_length = strlen (credentials->ufrag);
  if (username_length <= ufrag_length || username[ufrag_length] != ':'
      || memcmp (username, credentials->ufrag, ufrag_length) != 0)
    return false;
  *out_password = (uint8_t *)credentials->password;
  *out_password_length = strlen (credentials->password);
  return true;
}

static size_t
build_error (StunAgent *agent, const StunMessage *request, StunError code,
             uint8_t *out_reply)
{
  StunMessage reply;
  if (!stun_agent_init_error (agent, &reply, out_reply, BL_STUN_REPLY_BYTES,
                              request, code))
    return 0;
  return stun_agent_finish_message (agent, &reply, NULL, 0);
}

static size_t
build_success (StunAgent *agent, const StunMessage *request,
               const BlAddress *from, uint8_t *out_reply)
{
  /* A dual-stack socket's ::ffff:a.b.c.d is IPv4 on the peer's side. */
  BlAddress mapped = *from;
  bl_address_unmap (&mapped);

  StunMessage reply;
  if (!stun_agent_init_response (agent, &reply, out_reply, BL_STUN_REPLY_BYTES,
                                 request)
      || stun_message_append_xor_addr (&reply,
                                       STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
                                       &mapped.storage, mapped.length)
             != STUN_MESSAGE_RETURN_SUCCESS)
    return 0;
  return stun_agent_finish_message (agent, &reply, NULL, 0);
}

/* An authentic request: who has which role, and the reply. */
static BlStunResult
answer_authentic (StunAgent *agent, const StunMessage *message,
                  const BlAddress *from, BlStunRequest *out_request,
                  uint8_t *out_reply, size_t *out_reply_length)
{
  *out_request = (BlStunRequest){
    .use_candidate = stun_usage_ice_conncheck_use_candidate (message),
    .controlling
    = stun_message_has_attribute (message, STUN_ATTRIBUTE_ICE_CONTROLLING),
    .priority = stun_usage_ice_conncheck_priority (message),
  };
  if (stun_message_has_attribute (message, STUN_ATTRIBUTE_ICE_CONTROLLED)) {
    *out_reply_length
        = build_error (agent, message, STUN_ERROR_ROLE_CONFLICT, out_reply);
    return BL_STUN_ROLE_CONFLICT;
  }
  *out_reply_length = build_success (agent, message, from, out_reply);
  return BL_STUN_OK;
}

BlStunResult
bl_stun_answer (const void *data, size_t length, const char *ufrag,
                const char *password, const BlAddress *from,
                BlStunRequest *out_request,
                uint8_t out_reply[BL_STUN_REPLY_BYTES],
                size_t *out_reply_length)
{
  /* With an empty password libnice checks no integrity at all. */
  bl_assert (from->length > 0 && ufrag[0] != '\0' && password[0] != '\0');
  *out_reply_length = 0;
  BlReader attributes;
  if (!open_request (data, length, &attributes))
    return BL_STUN_IGNORED;

  StunAgent agent;
  StunMessage message, reply;
  Credentials credentials = { .ufrag = ufrag, .password = password };
  stun_agent_init (&agent, known_attributes, STUN_COMPATIBILITY_RFC5389,
                   STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS
                       | STUN_AGENT_USAGE_USE_FINGERPRINT);
  switch (stun_agent_validate (&agent, &message, data, length, give_password,
                               &credentials)) {
  case STUN_VALIDATION_SUCCESS:
    return answer_authentic (&agent, &message, from, out_request, out_reply,
                             out_reply_length);
  case STUN_VALIDATION_UNAUTHORIZED:
    *out_reply_length
        = build_error (&agent, &message, STUN_ERROR_UNAUTHORIZED, out_reply);
    return BL_STUN_UNAUTHORIZED;
  case STUN_VALIDATION_UNAUTHORIZED_BAD_REQUEST:
    *out_reply_length
        = build_error (&agent, &message, STUN_ERROR_BAD_REQUEST, out_reply);
    return BL_STUN_BAD_REQUEST;
  case STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE:
    *out_reply_length = stun_agent_build_unknown_attributes_error (
        &agent, &reply, out_reply, BL_STUN_REPLY_BYTES, &message);
    return BL_STUN_UNKNOWN_ATTRIBUTE;
  default:
    return BL_STUN_IGNORED;
  }
}

size_t
bl_stun_write_check (const BlStunCheck *check,
                     uint8_t out_data[BL_STUN_CHECK_BYTES])
{
  char username[2 * BL_STUN_CREDENTIAL_MAX + 2];
  size_t remote = strlen (check->remote_ufrag);
  size_t local = strlen (check->local_ufrag);
  if (remote > BL_STUN_CREDENTIAL_MAX || local > BL_STUN_CREDENTIAL_MAX)
    return 0;
  memcpy (username, check->remote_ufrag, remote);
  username[remote] = ':';
  memcpy (username + remote + 1, check->local_ufrag, local);

  /* It only remembers requests whose responses it is to match. */
  StunAgent agent;
  StunMessage message;
  stun_agent_init (&agent, known_attributes, STUN_COMPATIBILITY_RFC5389,
                   STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS
                       | STUN_AGENT_USAGE_USE_FINGERPRINT);
  return stun_usage_ice_conncheck_create (
      &agent, &message, out_data, BL_STUN_CHECK_BYTES,
      (const uint8_t *)username, remote + 1 + local,
      (const uint8_t *)check->remote_pwd, strlen (check->remote_pwd), true,
      true, check->priority, check->tie_breaker, NULL,
      STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
}
