/* SPDX-License-Identifier: Apache-2.0
 *
 * One ICE agent on one network interface, and the path that it finds: the only
 * file that knows libnice. It is gathered, connected and freed, and never
 * changed in between. Threads and contexts as uplink.h.
 *
 * libnice 0.1.21 gives a path up for ever when ten seconds bring no answer to
 * its consent checks, so it makes none here: whether the other end still wants
 * what we send (RFC 7675) is told by what comes back (uplink.h).
 */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

#include "signal/candidate.h"

typedef struct BlUplinkPath BlUplinkPath;

typedef struct {
  /* May be changed in place; not kept. */
  void (*packet) (BlUplinkPath *path, guint8 *data, gsize length,
                  gpointer user_data);
  /* A pair works; again each time it works anew. May free other paths. */
  void (*ready) (BlUplinkPath *path, gpointer user_data);
  /* No pair works. */
  void (*failed) (BlUplinkPath *path, gpointer user_data);
  void (*candidate) (BlUplinkPath *path, const BlCandidate *candidate,
                     gpointer user_data);
  void (*gathered) (BlUplinkPath *path, gpointer user_data);
} BlUplinkPathCallbacks;

/* All are borrowed for the call. */
typedef struct {
  const GPtrArray *servers;   /* of BlIceServer */
  GTlsDatabase *turn_trust;   /* NULL: the system's */
  const GPtrArray *addresses; /* of the interface, as text */
  const char *device;         /* what is sent leaves by this interface, whatever
                                 the routes say; NULL: by the routes */
  const char *ufrag, *pwd;    /* ours */
} BlUplinkPathOptions;

/* Gathers: host candidates are there when it returns, without callbacks. */
BlUplinkPath *bl_uplink_path_new (const BlUplinkPathOptions *options,
                                  const BlUplinkPathCallbacks *callbacks,
                                  gpointer user_data, GError **error);

/* Accepts NULL. Not from within its own callbacks. */
void bl_uplink_path_free (BlUplinkPath *path);

const BlCandidate *bl_uplink_path_candidates (const BlUplinkPath *path,
                                              gsize *out_count);
bool bl_uplink_path_is_gathered (const BlUplinkPath *path);

/* Asks further TURN servers for addresses. A STUN server can't be added any
 * more: it counts from the next path on. */
void bl_uplink_path_add_servers (BlUplinkPath *path, const GPtrArray *servers);

/* False: none of the candidates is of use. */
bool bl_uplink_path_connect (BlUplinkPath *path, const char *ufrag,
                             const char *pwd, const BlCandidate *candidates,
                             gsize n_candidates);

/* What is sent from now on is ECT(1), or not ECT (RFC 3168), as far as there
 * are IP packets of our own. */
void bl_uplink_path_mark (BlUplinkPath *path, bool mark);

/* False: it could not be sent now. */
bool bl_uplink_path_send (BlUplinkPath *path, const guint8 *data, gsize length);

/* Sends a connectivity check of our own over the pair in use. It wakes a path
 * that was dead for a while, and shows the other end our new address if a NAT
 * has given us one. What the answer is can't be seen: libnice keeps it. */
void bl_uplink_path_check (BlUplinkPath *path);

/* The pair in use, for the log; NULL if there is none. */
char *bl_uplink_path_describe (const BlUplinkPath *path);
