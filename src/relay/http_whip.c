/* SPDX-License-Identifier: Apache-2.0
 *
 * WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): offers, and the sessions
 * that come of them.
 */
#define BL_LOG_TOPIC "relay.http"
#include <string.h>

#include "base/log.h"
#include "relay/claim.h"
#include "relay/http_request.h"
#include "signal/link.h"
#include "signal/sdp.h"

#define RETRY_AFTER_S "5"

#define STATUS_PRECONDITION_REQUIRED 428 /* RFC 6585; libsoup has no name */

static const struct {
  BlRegistryError code;
  guint status;
} statuses[] = {
  { BL_REGISTRY_ERROR_UNKNOWN_ED, SOUP_STATUS_NOT_FOUND },
  { BL_REGISTRY_ERROR_UNKNOWN_CALL, SOUP_STATUS_NOT_FOUND },
  { BL_REGISTRY_ERROR_BUSY, SOUP_STATUS_CONFLICT },
  { BL_REGISTRY_ERROR_CONFLICT, SOUP_STATUS_CONFLICT },
  { BL_REGISTRY_ERROR_OVER, SOUP_STATUS_GONE },
  { BL_REGISTRY_ERROR_FULL, SOUP_STATUS_SERVICE_UNAVAILABLE },
  { BL_REGISTRY_ERROR_FAILED, SOUP_STATUS_INTERNAL_SERVER_ERROR },
};

static guint
status_of (const GError *error)
{
  if (error->domain == BL_SDP_ERROR)
    return bl_sdp_error_http_status (error);
  for (gsize i = 0; i < G_N_ELEMENTS (statuses); i++) {
    if (g_error_matches (error, BL_REGISTRY_ERROR, (int)statuses[i].code))
      return statuses[i].status;
  }
  return SOUP_STATUS_INTERNAL_SERVER_ERROR;
}

static void
reply_refusal (BlRequest *request, const GError *error)
{
  guint status = status_of (error);
  gboolean vehicle = request->who.unit != NULL;

  if (status == SOUP_STATUS_SERVICE_UNAVAILABLE)
    bl_reply_header (request, "Retry-After", RETRY_AFTER_S);
  /* Which EDs there are is for vehicles to know, whose crews must choose one;
   * a token is for one ED. */
  if (vehicle
      && g_error_matches (error, BL_REGISTRY_ERROR,
                          BL_REGISTRY_ERROR_UNKNOWN_ED)) {
    g_autofree char *eds
        = g_strjoinv (", ", request->http->context.options->eds);
    bl_reply_error (request, status, "%s; there are: %s", error->message, eds);
    return;
  }
  bl_reply_error (request, status, "%s", error->message);
}

static void
reply_etag (BlRequest *request, const BlPeer *peer)
{
  g_autofree char *etag = bl_etag_quote (peer->etag);
  bl_reply_header (request, "ETag", etag);
}

static void
reply_session (BlRequest *request, const BlPeer *peer, const char *answer)
{
  const GPtrArray *servers = request->http->context.options->ice_servers;
  g_autofree char *location = g_strdup_printf ("/session/%s", peer->id);

  for (guint i = 0; i < servers->len; i++) {
    g_autofree char *link = bl_link_build (g_ptr_array_index (servers, i));
    bl_reply_header (request, "Link", link);
  }
  bl_reply_header (request, "Location", location);
  reply_etag (request, peer);
  bl_reply_header (request, "Accept-Patch", "application/trickle-ice-sdpfrag");
  if (peer->role == BL_SESSION_PUBLISHER)
    bl_reply_header (request, "Bluelight-Call", peer->call->id);
  bl_reply_text (request, SOUP_STATUS_CREATED, "application/sdp", answer);
}

/* What a vehicle calls its call; NULL for tokens. */
static const char *
call_of (const BlRequest *request)
{
  return request->who.unit ? bl_request_header (request, "Bluelight-Call")
                           : NULL;
}

/* Answers once it is known whether there is a gate; NULL: there is none. */
static void
answer_whip (BlRequest *request, BlRegistryOffer *offer)
{
  g_autoptr (GError) error = NULL;
  BlPeer *peer;
  g_autofree char *answer = bl_registry_publish (
      request->http->context.registry, &request->who,
      bl_request_arg (request, 0), call_of (request), offer, &peer, &error);
  if (answer)
    reply_session (request, peer, answer);
  else
    reply_refusal (request, error);
}

static void
answer_whep (BlRequest *request, BlRegistryOffer *offer)
{
  g_autoptr (GError) error = NULL;
  BlPeer *peer;
  g_autofree char *answer
      = bl_registry_view (request->http->context.registry, &request->who,
                          bl_request_arg (request, 0), offer, &peer, &error);
  if (answer)
    reply_session (request, peer, answer);
  else
    reply_refusal (request, error);
}

static void
answer_with (BlRequest *request, BlGate *taken,
             void (*answer) (BlRequest *request, BlRegistryOffer *offer))
{
  BlRegistryOffer offer = { .gate = taken };
  offer.sdp = bl_request_body (request, &offer.length);
  answer (request, &offer);
  bl_gate_free (offer.gate);
}

static void
on_whip_gate (BlGate *gate, gpointer user_data)
{
  answer_with (user_data, gate, answer_whip);
  bl_request_resume (user_data);
}

static void
on_whep_gate (BlGate *gate, gpointer user_data)
{
  answer_with (user_data, gate, answer_whep);
  bl_request_resume (user_data);
}

static BlGateway *
gateway_of (const BlRequest *request)
{
  return bl_media_gateway (bl_registry_media (request->http->context.registry));
}

void
bl_http_on_whip (BlRequest *request)
{
  BlGateway *gateway = gateway_of (request);
  const char *call = call_of (request);
  if (request->who.unit && (!call || !bl_claim_id_is_valid (call))) {
    bl_reply_error (request, SOUP_STATUS_BAD_REQUEST,
                    "a vehicle names its call in the header Bluelight-Call: "
                    "1 to 64 of A-Z, a-z, 0-9, - and _");
    return;
  }
  if (!gateway) {
    answer_with (request, NULL, answer_whip);
    return;
  }
  g_autoptr (GError) error = NULL;
  gsize length;
  const char *sdp = bl_request_body (request, &length);
  if (!bl_registry_may_publish (request->http->context.registry, &request->who,
                                bl_request_arg (request, 0), call, sdp, length,
                                &error)) {
    reply_refusal (request, error);
    return;
  }
  bl_request_wait (request);
  bl_gateway_open (gateway, true, on_whip_gate, request);
}

void
bl_http_on_whep (BlRequest *request)
{
  BlGateway *gateway = gateway_of (request);
  if (!gateway) {
    answer_with (request, NULL, answer_whep);
    return;
  }
  g_autoptr (GError) error = NULL;
  gsize length;
  const char *sdp = bl_request_body (request, &length);
  if (!bl_registry_may_view (request->http->context.registry, &request->who,
                             bl_request_arg (request, 0), sdp, length,
                             &error)) {
    reply_refusal (request, error);
    return;
  }
  bl_request_wait (request);
  bl_gateway_open (gateway, false, on_whep_gate, request);
}

/* The session, if it is the asker's; else NULL after the reply. */
static BlPeer *
find_own_session (BlRequest *request)
{
  BlPeer *peer = bl_registry_find_peer (request->http->context.registry,
                                        bl_request_arg (request, 0));
  if (!peer) {
    bl_reply_error (request, SOUP_STATUS_NOT_FOUND,
                    "this session has ended, or never was");
    return NULL;
  }
  if (g_strcmp0 (peer->owner, request->who.owner) != 0) {
    bl_reply_error (request, SOUP_STATUS_FORBIDDEN,
                    "this session was made by somebody else");
    return NULL;
  }
  return peer;
}

/* RFC 9725 section 4.3: 428 without If-Match, 412 with an old one. */
static gboolean
check_if_match (BlRequest *request, const BlPeer *peer)
{
  switch (
      bl_etag_if_match (bl_request_header (request, "If-Match"), peer->etag)) {
  case BL_IF_MATCH_ANY:
  case BL_IF_MATCH_SAME:
    return TRUE;
  case BL_IF_MATCH_MISSING:
    bl_reply_error (request, STATUS_PRECONDITION_REQUIRED,
                    "If-Match with the session's ETag is needed");
    return FALSE;
  case BL_IF_MATCH_MALFORMED:
    bl_reply_error (request, SOUP_STATUS_BAD_REQUEST,
                    "If-Match is neither * nor a list of entity tags");
    return FALSE;
  case BL_IF_MATCH_DIFFERENT:
    reply_etag (request, peer);
    bl_reply_error (request, SOUP_STATUS_PRECONDITION_FAILED,
                    "ICE was restarted meanwhile; If-Match is not the "
                    "session's ETag");
    return FALSE;
  }
  g_assert_not_reached ();
}

void
bl_http_on_session_patch (BlRequest *request)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *body = NULL;
  gsize length;
  BlPeer *peer = find_own_session (request);

  if (!peer || !check_if_match (request, peer))
    return;
  const char *frag = bl_request_body (request, &length);
  if (!bl_registry_patch (request->http->context.registry, peer, frag, length,
                          &body, &error)) {
    reply_refusal (request, error);
    return;
  }
  if (!body) {
    bl_reply_empty (request, SOUP_STATUS_NO_CONTENT);
    return;
  }
  reply_etag (request, peer);
  bl_reply_text (request, SOUP_STATUS_OK, "application/trickle-ice-sdpfrag",
                 body);
}

void
bl_http_on_session_delete (BlRequest *request)
{
  BlRegistry *registry = request->http->context.registry;
  if (bl_registry_hang_up_gone (registry, bl_request_arg (request, 0),
                                request->who.owner)) {
    bl_reply_empty (request, SOUP_STATUS_OK);
    return;
  }
  BlPeer *peer = find_own_session (request);
  if (!peer)
    return;
  bl_registry_hang_up (registry, peer);
  bl_reply_empty (request, SOUP_STATUS_OK);
}
