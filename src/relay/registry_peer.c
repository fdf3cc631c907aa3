/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "relay.calls"
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/claim.h"
#include "relay/registry_private.h"
#include "secure/token.h"
#include "signal/answer.h"
#include "signal/sdpfrag.h"

#define UFRAG_LENGTH 16
#define PWD_LENGTH   32

/* ---- a session's own ICE credentials ---- */

static void
free_peer (BlPeer *peer)
{
  bl_gate_free (peer->gate);
  g_free (peer->id);
  g_free (peer->etag);
  g_free (peer->name);
  g_free (peer->display_name);
  g_free (peer->owner);
  g_free (peer->local_ufrag);
  g_free (peer->local_pwd);
  g_free (peer->remote_ufrag);
  g_free (peer->remote_pwd);
  g_free (peer);
}

/* Not yet a session: no call, not in the tables. Takes the offer's gate. */
static BlPeer *
new_peer (BlSessionRole role, const BlWho *who, BlRegistryOffer *offer)
{
  BlPeer *peer = g_new0 (BlPeer, 1);
  peer->id = bl_id_new ();
  peer->etag = bl_id_new ();
  peer->role = role;
  peer->actor = who->actor;
  peer->name = g_strdup (who->name);
  peer->display_name = g_strdup (who->display_name);
  peer->owner = g_strdup (who->owner);
  peer->by_unit = who->unit != NULL;
  peer->user = who->user;
  peer->token = who->token;
  peer->since_us = bl_clock_unix_us ();
  peer->gate = g_steal_pointer (&offer->gate);
  peer->local_ufrag = peer->gate ? g_strdup (bl_gate_ufrag (peer->gate))
                                 : bl_ice_chars_new (UFRAG_LENGTH);
  peer->local_pwd = peer->gate ? g_strdup (bl_gate_pwd (peer->gate))
                               : bl_ice_chars_new (PWD_LENGTH);
  return peer;
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlPeer, free_peer)

static gboolean
has_gate (const BlPeer *peer)
{
  return peer->gate && !bl_gate_is_settled (peer->gate);
}

static guint32
random_ssrc (void)
{
  return g_random_int () | 1; /* never 0 */
}

G_STATIC_ASSERT (BL_OPTIONS_MAX_ADDRESSES + BL_GATEWAY_MAX_CANDIDATES
                 <= BL_SDP_MAX_CANDIDATES);

/* The worker's, and those of the peer's gate: room for BL_SDP_MAX_CANDIDATES.
 */
static guint
list_candidates (BlRegistry *registry, const BlPeer *peer,
                 const BlWorker *worker, BlCandidate *out_candidates)
{
  guint n = bl_media_candidates (registry->media, worker, out_candidates);
  if (!has_gate (peer))
    return n;
  gsize n_more;
  const BlCandidate *more = bl_gate_candidates (peer->gate, &n_more);
  memcpy (out_candidates + n, more, n_more * sizeof *more);
  return n + (guint)n_more;
}

/* The answer of `peer` on `worker`, and what was agreed. */
static char *
make_answer (BlRegistry *registry, BlPeer *peer, const BlSdp *offer,
             const BlWorker *worker, const BlLiveCall *call,
             BlNegotiated *out_negotiated, GError **error)
{
  BlCandidate candidates[BL_SDP_MAX_CANDIDATES];
  guint n = list_candidates (registry, peer, worker, candidates);
  guint32 ssrc = random_ssrc ();
  BlSdpLocal local = {
    .ufrag = peer->local_ufrag,
    .pwd = peer->local_pwd,
    .fingerprint = bl_media_fingerprint (registry->media),
    .candidates = candidates,
    .n_candidates = n,
    .full_ice = has_gate (peer),
    .session_id = (guint64)g_random_int () << 16 | 1,
    .cname = "bluelight",
    .msid = "bluelight",
    .audio_ssrc = ssrc,
    .video_ssrc = ssrc + 2,
    .video_rtx_ssrc = ssrc + 4,
  };
  if (peer->role == BL_SESSION_PUBLISHER)
    return bl_answer_whip (offer, &local, out_negotiated, error);
  /* Either track may start later. */
  const BlAnswerSource source = {
    .audio = true,
    .video = true,
    .profile_level_id = call->profile_level_id,
  };
  return bl_answer_whep (offer, &local, &source, out_negotiated, error);
}

/* The gate looks for the peer, and leads it to its session. */
static void
connect_gate (BlPeer *peer, const BlSdp *offer)
{
  g_autofree char *label
      = g_strdup_printf ("call %s: %s", peer->call->id, peer->name);
  BlGatewayRemote remote
      = { .ufrag = peer->remote_ufrag, .pwd = peer->remote_pwd };
  for (guint i = 0; i < offer->n_media && remote.n_candidates == 0; i++) {
    remote.candidates = offer->media[i].candidates;
    remote.n_candidates = offer->media[i].n_candidates;
  }
  bl_gate_connect (peer->gate, bl_worker_port (peer->call->worker), label,
                   &remote);
}

/* Makes the peer a session of the call. Takes `peer`; frees it on failure. */
static gboolean
add_peer (BlRegistry *registry, BlLiveCall *call, BlPeer *taken,
          const BlSdp *offer, const BlNegotiated *negotiated, GError **error)
{
  g_autoptr (BlPeer) peer = taken;
  g_autoptr (GError) why = NULL;
  BlSessionSetup setup = {
    .role = peer->role,
    .local_ufrag = peer->local_ufrag,
    .local_pwd = peer->local_pwd,
    .negotiated = negotiated,
  };
  peer->session
      = bl_worker_add_session (call->worker, call->source, &setup, &why);
  if (!peer->session) {
    bl_warning ("call %s: %s", call->id, why->message);
    g_set_error (error, BL_REGISTRY_ERROR, BL_REGISTRY_ERROR_FULL,
                 "the relay has no room for another connection now: %s; try "
                 "again",
                 why->message);
    return FALSE;
  }
  peer->call = call;
  peer->remote_ufrag = g_strdup (negotiated->remote_ufrag);
  peer->remote_pwd = g_strdup (negotiated->remote_pwd);
  g_ptr_array_add (peer->role == BL_SESSION_PUBLISHER ? call->publishers
                                                      : call->viewers,
                   peer);
  g_hash_table_insert (registry->peers, peer->id, peer);
  g_hash_table_insert (registry->sessions, &peer->session, peer);
  if (peer->gate)
    connect_gate (peer, offer);
  g_steal_pointer (&peer);
  return TRUE;
}

static gboolean
has_connected_publisher (const BlLiveCall *call)
{
  for (guint i = 0; i < call->publishers->len; i++) {
    const BlPeer *peer = g_ptr_array_index (call->publishers, i);
    if (peer->connected)
      return TRUE;
  }
  return FALSE;
}

static void
replace (char **text, const char *with)
{
  g_free (*text);
  *text = g_strdup (with);
}

void
bl_registry_drop_peer (BlRegistry *registry, BlPeer *peer, const char *reason)
{
  BlLiveCall *call = peer->call;
  gint64 now_us = bl_clock_unix_us ();
  g_autoptr (GError) error = NULL;

  bl_worker_remove_session (call->worker, peer->session);
  g_hash_table_remove (registry->sessions, &peer->session);
  g_hash_table_remove (registry->peers, peer->id);
  bl_info ("call %s: %s %s left: %s", call->id,
           peer->role == BL_SESSION_PUBLISHER ? "publisher" : "viewer",
           peer->name, reason);
  if (peer->role == BL_SESSION_PUBLISHER) {
    g_ptr_array_remove (call->publishers, peer);
    if (peer->by_unit) {
      replace (&call->last_session, peer->id);
      replace (&call->last_owner, peer->owner);
    }
    if (call->gone_since_us == 0 && !has_connected_publisher (call))
      call->gone_since_us = now_us;
  } else {
    g_ptr_array_remove (call->viewers, peer);
    if (!bl_audit_add_soon (registry->db, now_us, peer->actor, peer->name,
                            BL_AUDIT_VIEW_END, call->id, reason, &error))
      bl_error ("call %s: the end of a view is not in the audit: %s", call->id,
                error->message);
  }
  free_peer (peer);
}

/* ---- WHIP ---- */

static BlLiveCall *
find_by_token (BlRegistry *registry, gint64 token, const char *ed)
{
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init (&iter, registry->calls);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    BlLiveCall *call = value;
    if (call->token == token && g_str_equal (call->ed, ed))
      return call;
  }
  return NULL;
}

static BlClaimed
claimed_from_live (const BlLiveCall *call)
{
  return (BlClaimed){
    .state = call->interrupted ? BL_CLAIMED_INTERRUPTED : BL_CLAIMED_OPEN,
    .unit = call->unit,
    .token = call->token,
    .ed = call->ed,
    /* One that fell silent may have crashed, and be back as the asker. */
    .publisher_connected
    = has_connected_publisher (call) && (call->media_live || !call->had_media),
  };
}

/* Says why a claim is refused; TRUE if it is not. */
static gboolean
check_claim (BlClaim claim, const char *id, GError **error)
{
  switch (claim) {
  case BL_CLAIM_OPEN:
  case BL_CLAIM_RESUME:
  case BL_CLAIM_REOPEN:
    return TRUE;
  case BL_CLAIM_BUSY:
    g_set_error (error, BL_REGISTRY_ERROR, BL_REGISTRY_ERROR_BUSY,
                 "this token's call %s has a publisher already; end that one "
                 "first, or use another token",
                 id);
    return FALSE;
  case BL_CLAIM_FOREIGN:
    g_set_error (error, BL_REGISTRY_ERROR, BL_REGISTRY_ERROR_CONFLICT,
                 "call %s is another unit's; begin one with a new id", id);
    return FALSE;
  case BL_CLAIM_OTHER_ED:
    g_set_error (error, BL_REGISTRY_ERROR, BL_REGISTRY_ERROR_CONFLICT,
                 "call %s went to another ED; hang it up and begin a new one",
                 id);
    return FALSE;
  case BL_CLAIM_OVER:
    g_set_error (error, BL_REGISTRY_ERROR, BL_REGISTRY_ERROR_OVER,
                 "call %s has ended; begin one with a new id", id);
    return FALSE;
  }
  g_assert_not_reached ();
}

/* What is to be done, and the live call if there is one. FALSE: refused. */
static gboolean
claim_call (BlRegistry *registry, const BlWho *who, const char *ed,
            const char *id, BlClaim *out_claim, BlLiveCall **out_call,
            GError **error)
{
  const BlClaimant claimant
      = { .unit = who->unit, .token = who->token, .ed = ed };
  BlLiveCall *call = id ? bl_registry_find (registry, id)
                        : find_by_token (registry, who->token, ed);
  BlClaimed claimed = { 0 };
  g_autoptr (BlCall) stored = NULL;

  if (call) {
    claimed = claimed_from_live (call);
  } else if (id) {
    g_autoptr (GError) why = NULL;
    stored = bl_calls_get (registry->db, id, &why);
    if (stored)
      claimed = (BlClaimed){
        .state = BL_CLAIMED_ENDED,
        .unit = stored->unit,
        .token = stored->token,
        .ed = stored->ed,
      };
    else if (!g_error_matches (why, BL_DB_ERROR, BL_DB_ERROR_NOT_FOUND)) {
      bl_registry_take_error (error, g_steal_pointer (&why),
                              "looking the call up");
      return FALSE;
    }
  }
  *out_claim = bl_claim_decide (&claimed, &claimant);
  *out_call = call;
  return check_claim (*out_claim, call ? call->id : id, error);
}

/* Those that never connected: only a newer offer of the same publisher can
 * have left them behind. */
static void
drop_unconnected_publishers (BlRegistry *registry, BlLiveCall *call,
                             const BlPeer *keep)
{
  for (guint i = call->publishers->len; i > 0; i--) {
    BlPeer *peer = g_ptr_array_index (call->publishers, i - 1);
    if (!peer->connected && peer != keep)
      bl_registry_drop_peer (registry, peer, "replaced by a newer offer");
  }
}

static BlLiveCall *
open_or_resume (BlRegistry *registry, const BlWho *who, const char *ed,
                const char *id, BlClaim claim, BlLiveCall *call,
                BlWorker *worker, GError **error)
{
  gboolean opened = claim == BL_CLAIM_OPEN;
  if (opened) {
    g_autofree char *made = id ? NULL : bl_id_new ();
    call = bl_registry_open_call (registry, who, id ? id : made, ed, error);
    if (!call)
      return NULL;
  } else if (claim == BL_CLAIM_REOPEN
             && !bl_registry_reopen_call (registry, who, call, error)) {
    return NULL;
  }
  if (!bl_registry_place (registry, call, worker, error)) {
    if (opened)
      bl_registry_end_call (registry, call, "no room at the relay");
    return NULL;
  }
  return call;
}

/* What is agreed with a publisher or a viewer, before anything is done. */
typedef struct {
  BlSdp *sdp;
  BlClaim claim;    /* of a publisher */
  BlLiveCall *call; /* borrowed; a publisher's may be none yet */
  BlWorker *worker;
  BlPeer *peer;
  BlNegotiated negotiated;
  char *answer;
} Agreed;

static void
clear_agreed (Agreed *agreed)
{
  g_clear_pointer (&agreed->sdp, bl_sdp_free);
  g_clear_pointer (&agreed->peer, free_peer);
  g_clear_pointer (&agreed->answer, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Agreed, clear_agreed)

/* The last of what can be refused. Takes the offer's gate. */
static gboolean
agree (BlRegistry *registry, BlSessionRole role, const BlWho *who,
       BlRegistryOffer *offer, Agreed *agreed, GError **error)
{
  const BlLiveCall *call = agreed->call;
  agreed->worker = call && call->worker
                       ? call->worker
                       : bl_media_least_loaded (registry->media);
  agreed->peer = new_peer (role, who, offer);
  agreed->answer
      = make_answer (registry, agreed->peer, agreed->sdp, agreed->worker, call,
                     &agreed->negotiated, error);
  return agreed->answer != NULL;
}

static gboolean
agree_to_publish (BlRegistry *registry, const BlWho *who, const char *ed,
                  const char *call_id, BlRegistryOffer *offer, Agreed *agreed,
                  GError **error)
{
  if (!bl_options_has_ed (registry->options, ed)) {
    g_set_error (error, BL_REGISTRY_ERROR, BL_REGISTRY_ERROR_UNKNOWN_ED,
                 "there is no ED “%s” here", ed);
    return FALSE;
  }
  agreed->sdp = bl_sdp_parse (offer->sdp, offer->length, error);
  if (!agreed->sdp
      || !claim_call (registry, who, ed, call_id, &agreed->claim, &agreed->call,
                      error))
    return FALSE;
  if (agreed->claim == BL_CLAIM_OPEN
      && g_hash_table_size (registry->calls) >= registry->options->max_calls) {
    g_set_error (error, BL_REGISTRY_ERROR, BL_REGISTRY_ERROR_FULL,
                 "the relay has all the calls it may have ([calls] max = %u); "
                 "try again",
                 registry->options->max_calls);
    return FALSE;
  }
  return agree (registry, BL_SESSION_PUBLISHER, who, offer, agreed, error);
}

gboolean
bl_registry_may_publish (BlRegistry *registry, const BlWho *who, const char *ed,
                         const char *call_id, const char *sdp, gsize length,
                         GError **error)
{
  g_auto (Agreed) agreed = { 0 };
  BlRegistryOffer offer = { .sdp = sdp, .length = length };
  return agree_to_publish (registry, who, ed, call_id, &offer, &agreed, error);
}

char *
bl_registry_publish (BlRegistry *registry, const BlWho *who, const char *ed,
                     const char *call_id, BlRegistryOffer *offer,
                     BlPeer **out_peer, GError **error)
{
  g_auto (Agreed) agreed = { 0 };
  if (!agree_to_publish (registry, who, ed, call_id, offer, &agreed, error))
    return NULL;
  BlLiveCall *call = open_or_resume (registry, who, ed, call_id, agreed.claim,
                                     agreed.call, agreed.worker, error);
  if (!call)
    return NULL;
  *out_peer = agreed.peer;
  if (!add_peer (registry, call, g_steal_pointer (&agreed.peer), agreed.sdp,
                 &agreed.negotiated, error)) {
    *out_peer = NULL;
    if (agreed.claim == BL_CLAIM_OPEN)
      bl_registry_end_call (registry, call, "no room at the relay");
    return NULL;
  }
  drop_unconnected_publishers (registry, call, *out_peer);
  return g_steal_pointer (&agreed.answer);
}

/* ---- WHEP ---- */

/* A call that may be viewed. */
static BlLiveCall *
find_to_view (BlRegistry *registry, const char *id, GError **error)
{
  BlLiveCall *call = bl_registry_find (registry, id);
  if (!call) {
    g_autoptr (BlCall) stored = bl_calls_get (registry->db, id, NULL);
    g_set_error (error, BL_REGISTRY_ERROR, BL_REGISTRY_ERROR_UNKNOWN_CALL,
                 stored ? "call %s has ended" : "there is no call %s", id);
    return NULL;
  }
  if (call->viewers->len >= registry->options->max_viewers) {
    g_set_error (error, BL_REGISTRY_ERROR, BL_REGISTRY_ERROR_FULL,
                 "call %s has all the viewers it may have ([calls] max_viewers "
                 "= %u); try again",
                 id, registry->options->max_viewers);
    return NULL;
  }
  return call;
}

/* For whoever is asked later why somebody saw nothing. */
static void
log_shortcomings (const BlPeer *viewer, const BlNegotiated *negotiated)
{
  if (negotiated->video_refused)
    bl_info ("call %s: viewer %s gets sound alone: it offers no H.264 with "
             "packetization-mode=1",
             viewer->call->id, viewer->name);
  if (negotiated->profile_mismatch)
    bl_info ("call %s: viewer %s says that it does not decode the picture's "
             "H.264 profile",
             viewer->call->id, viewer->name);
}

static gboolean
agree_to_view (BlRegistry *registry, const BlWho *who, const char *call_id,
               BlRegistryOffer *offer, Agreed *agreed, GError **error)
{
  agreed->sdp = bl_sdp_parse (offer->sdp, offer->length, error);
  agreed->call = agreed->sdp ? find_to_view (registry, call_id, error) : NULL;
  return agreed->call
         && agree (registry, BL_SESSION_VIEWER, who, offer, agreed, error);
}

gboolean
bl_registry_may_view (BlRegistry *registry, const BlWho *who,
                      const char *call_id, const char *sdp, gsize length,
                      GError **error)
{
  g_auto (Agreed) agreed = { 0 };
  BlRegistryOffer offer = { .sdp = sdp, .length = length };
  return agree_to_view (registry, who, call_id, &offer, &agreed, error);
}

char *
bl_registry_view (BlRegistry *registry, const BlWho *who, const char *call_id,
                  BlRegistryOffer *offer, BlPeer **out_peer, GError **error)
{
  g_auto (Agreed) agreed = { 0 };
  if (!agree_to_view (registry, who, call_id, offer, &agreed, error)
      || !bl_registry_place (registry, agreed.call, agreed.worker, error))
    return NULL;
  BlLiveCall *call = agreed.call;
  g_autoptr (GError) why = NULL;
  if (!bl_audit_add_soon (registry->db, agreed.peer->since_us, who->actor,
                          who->name, BL_AUDIT_VIEW_START, call->id, NULL,
                          &why)) {
    bl_registry_take_error (error, g_steal_pointer (&why),
                            "noting the view in the audit");
    return NULL;
  }
  *out_peer = agreed.peer;
  if (add_peer (registry, call, g_steal_pointer (&agreed.peer), agreed.sdp,
                &agreed.negotiated, error)) {
    log_shortcomings (*out_peer, &agreed.negotiated);
    return g_steal_pointer (&agreed.answer);
  }
  *out_peer = NULL;
  bl_audit_add_soon (registry->db, bl_clock_unix_us (), who->actor, who->name,
                     BL_AUDIT_VIEW_END, call->id, "no room at the relay", NULL);
  return NULL;
}

/* ---- /session/{id} ---- */

BlPeer *
bl_registry_find_peer (BlRegistry *registry, const char *id)
{
  return g_hash_table_lookup (registry->peers, id);
}

static char *
restart_ice (BlRegistry *registry, BlPeer *peer, const BlSdpFrag *frag)
{
  g_autofree char *ufrag = bl_ice_chars_new (UFRAG_LENGTH);
  g_autofree char *pwd = bl_ice_chars_new (PWD_LENGTH);
  g_autofree char *etag = bl_id_new ();
  g_autofree BlSdpFrag *answer = g_new0 (BlSdpFrag, 1);

  replace (&peer->local_ufrag, ufrag);
  replace (&peer->local_pwd, pwd);
  replace (&peer->remote_ufrag, frag->ufrag);
  replace (&peer->remote_pwd, frag->pwd);
  replace (&peer->etag, etag);
  bl_worker_restart_ice (peer->call->worker, peer->session, ufrag, pwd);
  if (has_gate (peer)) {
    const BlGatewayRemote remote = { .ufrag = frag->ufrag,
                                     .pwd = frag->pwd,
                                     .candidates = frag->candidates,
                                     .n_candidates = frag->n_candidates };
    bl_gate_restart (peer->gate, ufrag, pwd, &remote);
  }
  bl_info ("call %s: %s restarts ICE", peer->call->id, peer->name);

  g_strlcpy (answer->ufrag, ufrag, sizeof answer->ufrag);
  g_strlcpy (answer->pwd, pwd, sizeof answer->pwd);
  g_strlcpy (answer->mid, frag->mid, sizeof answer->mid);
  answer->ice_lite = !has_gate (peer);
  answer->end_of_candidates = true;
  answer->n_candidates = (guint16)list_candidates (
      registry, peer, peer->call->worker, answer->candidates);
  return bl_sdpfrag_build (answer);
}

gboolean
bl_registry_patch (BlRegistry *registry, BlPeer *peer, const char *text,
                   gsize length, char **out_body, GError **error)
{
  g_autofree BlSdpFrag *frag = g_new0 (BlSdpFrag, 1);
  if (!bl_sdpfrag_parse (text, length, frag, error))
    return FALSE;
  *out_body = NULL;
  if (bl_sdpfrag_is_restart (frag, peer->remote_ufrag, peer->remote_pwd))
    *out_body = restart_ice (registry, peer, frag);
  else if (has_gate (peer))
    bl_gate_add (peer->gate, frag->candidates, frag->n_candidates);
  return TRUE;
}

void
bl_registry_hang_up (BlRegistry *registry, BlPeer *peer)
{
  if (peer->role == BL_SESSION_PUBLISHER && peer->by_unit)
    bl_registry_end_call (registry, peer->call, "hung up by the unit");
  else
    bl_registry_drop_peer (registry, peer, "hung up");
}

void
bl_registry_note_gone (BlRegistry *registry, const BlPeer *peer)
{
  guint at = registry->next_gone++ % BL_REGISTRY_GONE;
  replace (&registry->gone[at].id, peer->id);
  replace (&registry->gone[at].owner, peer->owner);
}

/* Once: a second DELETE is told that there is nothing. */
static gboolean
forget_gone (BlRegistry *registry, const char *session, const char *owner)
{
  for (guint i = 0; i < BL_REGISTRY_GONE; i++) {
    if (g_strcmp0 (registry->gone[i].id, session) != 0
        || g_strcmp0 (registry->gone[i].owner, owner) != 0)
      continue;
    g_clear_pointer (&registry->gone[i].id, g_free);
    g_clear_pointer (&registry->gone[i].owner, g_free);
    return TRUE;
  }
  return FALSE;
}

gboolean
bl_registry_hang_up_gone (BlRegistry *registry, const char *session,
                          const char *owner)
{
  GHashTableIter iter;
  gpointer value;
  g_hash_table_iter_init (&iter, registry->calls);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    BlLiveCall *call = value;
    if (call->publishers->len > 0
        || g_strcmp0 (call->last_session, session) != 0
        || g_strcmp0 (call->last_owner, owner) != 0)
      continue;
    bl_registry_end_call (registry, call, "hung up by the unit");
    return TRUE;
  }
  return forget_gone (registry, session, owner);
}
